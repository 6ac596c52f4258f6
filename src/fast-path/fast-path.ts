/** The way of ordinary HTTP/1.1 requests past `node:http`, and everything that its connections share. */
import type { Socket } from 'node:net';
import type { Counters } from '../events/counters.ts';
import type { Forwarder } from '../forward/forwarder.ts';
import type { Checkpoint, Judged } from '../guard/checkpoint.ts';
import type { RateLimits } from '../limit/rate-limits.ts';
import { FastConnection } from './connection.ts';

export interface FastPathOptions {
  readonly checkpoint: Checkpoint;
  readonly rateLimits: RateLimits;
  readonly forwarder: Forwarder;
  readonly counters?: Counters | undefined;
  /** Bytes of a request head. */
  readonly headerBytes: number;
  /** Milliseconds for a new client to send its first request. */
  readonly headerTime: number;
  /** Milliseconds a connection may wait for its next request. */
  readonly idle: number;
  /** Takes over a connection, and what was read of it: the first bytes of a request. */
  readonly handOver: (socket: Socket, bytes: Buffer) => void;
  /** Told of every request that was answered, with the time it began (`performance.now`). */
  readonly onServed?: ((judged: Judged, status: number, start: number) => void) | undefined;
}

export class FastPath {
  readonly checkpoint: Checkpoint;
  readonly rateLimits: RateLimits;
  readonly forwarder: Forwarder;
  readonly counters: Counters | undefined;
  readonly headerBytes: number;
  readonly handOver: (socket: Socket, bytes: Buffer) => void;
  readonly onServed: ((judged: Judged, status: number, start: number) => void) | undefined;
  readonly #connections = new Set<FastConnection>();
  readonly #timer: NodeJS.Timeout;
  /** Milliseconds, moved on a few times in the shortest limit. */
  now = performance.now();

  constructor(options: FastPathOptions) {
    const { headerTime, idle } = options;
    this.checkpoint = options.checkpoint;
    this.rateLimits = options.rateLimits;
    this.forwarder = options.forwarder;
    this.counters = options.counters;
    this.headerBytes = options.headerBytes;
    this.handOver = options.handOver;
    this.onServed = options.onServed;
    const tick = Math.min(1000, Math.max(20, Math.min(headerTime, idle) / 4));
    this.#timer = setInterval(() => {
      this.now = performance.now();
      for (const connection of this.#connections) connection.checkDeadline(headerTime, idle);
    }, tick).unref();
  }

  /** Serves a connection of which nothing has been read. */
  take(socket: Socket): void {
    this.#connections.add(new FastConnection(this, socket));
  }

  forget(connection: FastConnection): void {
    this.#connections.delete(connection);
  }

  /** Ends connections that wait now, and the others with their response. */
  close(): void {
    for (const connection of this.#connections) connection.close();
    clearInterval(this.#timer);
  }
}
