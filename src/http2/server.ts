/** The HTTP/2 front end: what all of its connections share. */
import type { Socket } from 'node:net';
import type { Forwarder } from '../forward/forwarder.ts';
import type { ClientLimits, OwnAnswer } from '../forward/front-end.ts';
import type { Served } from '../forward/served.ts';
import type { Checkpoint, Judged } from '../guard/checkpoint.ts';
import type { RateLimits } from '../limit/rate-limits.ts';
import { Members } from '../listener/members.ts';
import { Http2Connection } from './connection.ts';

export interface Http2Options {
  readonly checkpoint: Checkpoint;
  readonly rateLimits: RateLimits;
  readonly forwarder: Forwarder;
  readonly limits: ClientLimits;
  /** Whether any site carries WebSocket: then RFC 8441 is offered. */
  readonly websocket: () => boolean;
  /** Answers a request for a site without a backend. */
  readonly answer: (judged: Judged) => Promise<OwnAnswer>;
  /** Called for every allowed request when it is over; null: not called. */
  readonly onServed: ((served: Served) => void) | null;
  /** Called with internal errors; the connection is closed. */
  readonly onError: (error: unknown) => void;
}

export class Http2Server {
  readonly options: Http2Options;
  readonly #connections = new Members<Http2Connection>();
  readonly #timer: NodeJS.Timeout;
  /** Milliseconds, updated several times within the shortest limit. */
  now = performance.now();
  /** Bytes of request bodies that wait for backends, on all connections. */
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

  /** Serves a connection that has not been read from. */
  take(socket: Socket): void {
    this.#connections.add(new Http2Connection(this, socket));
  }

  forget(connection: Http2Connection): void {
    this.#connections.delete(connection);
  }

  /** Closes idle connections now and the others after their last answer. */
  close(): void {
    for (const connection of this.#connections) connection.drain();
  }

  /** Stops the timer, once every connection is closed. */
  stop(): void {
    clearInterval(this.#timer);
  }
}
