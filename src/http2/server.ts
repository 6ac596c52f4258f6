/** The front end of HTTP/2: what all of its connections share. */
import type { Socket } from 'node:net';
import type { Forwarder } from '../forward/forwarder.ts';
import type { ClientLimits, OwnAnswer } from '../forward/front-end.ts';
import type { Served } from '../forward/served.ts';
import type { Checkpoint, Judged } from '../guard/checkpoint.ts';
import type { RateLimits } from '../limit/rate-limits.ts';
import { Http2Connection } from './connection.ts';

export interface Http2Options {
  readonly checkpoint: Checkpoint;
  readonly rateLimits: RateLimits;
  readonly forwarder: Forwarder;
  readonly limits: ClientLimits;
  /** Some site carries WebSocket connections: RFC 8441 is offered. */
  readonly websocket: () => boolean;
  /** Answers a request of a site that has no backend. */
  readonly answer: (judged: Judged) => Promise<OwnAnswer>;
  /** Told of every request that was let pass, once it is over; null: nobody is. */
  readonly onServed: ((served: Served) => void) | null;
  /** Told of errors that are ours: the connection is closed. */
  readonly onError: (error: unknown) => void;
}

export class Http2Server {
  readonly options: Http2Options;
  readonly #connections = new Set<Http2Connection>();
  readonly #timer: NodeJS.Timeout;
  /** Milliseconds, moved on a few times in the shortest limit. */
  now = performance.now();
  /** Bytes of request bodies that wait for backends, over all connections. */
  held = 0;

  constructor(options: Http2Options) {
    this.options = options;
    const { head, idle, stall } = options.limits;
    const tick = Math.min(1000, Math.max(20, Math.min(head, idle, stall) / 4));
    this.#timer = setInterval(() => {
      this.now = performance.now();
      for (const connection of this.#connections) connection.checkDeadlines();
    }, tick).unref();
  }

  /** Serves a connection of which nothing has been read. */
  take(socket: Socket): void {
    this.#connections.add(new Http2Connection(this, socket));
  }

  forget(connection: Http2Connection): void {
    this.#connections.delete(connection);
  }

  /** Ends connections that wait for a request now, and the others with their last answer. */
  close(): void {
    for (const connection of this.#connections) connection.drain();
  }

  /** Nothing is timed any more: every connection is gone. */
  stop(): void {
    clearInterval(this.#timer);
  }
}
