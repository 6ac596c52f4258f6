/** The HTTP/1 front end: what all of its connections share. */
import type { Socket } from 'node:net';
import type { Forwarder } from '../forward/forwarder.ts';
import type { ClientLimits, OwnAnswer } from '../forward/front-end.ts';
import type { Served } from '../forward/served.ts';
import type { Checkpoint, Judged } from '../guard/checkpoint.ts';
import type { RateLimits } from '../limit/rate-limits.ts';
import { Members } from '../listener/members.ts';
import { Http1Connection } from './connection.ts';

/** An answer that the listener gives instead of serving the request. */
export interface Instead {
  readonly status: number;
  readonly reason: string;
  /** name, value, name, value …; framed by a Content-Length. */
  readonly headers: readonly string[];
  readonly text: string;
}

export interface Http1Options {
  readonly checkpoint: Checkpoint;
  readonly rateLimits: RateLimits;
  readonly forwarder: Forwarder;
  readonly limits: ClientLimits;
  /** Answers a request for a site without a backend. */
  readonly answer: (judged: Judged) => Promise<OwnAnswer>;
  /**
   * An answer for an allowed request instead of serving it; null: it is served.
   *
   * @default every request is served
   */
  readonly instead?: ((judged: Judged) => Instead | null) | undefined;
  /**
   * May change a verdict. Must not throw.
   *
   * @default verdicts stand
   */
  readonly amend?: ((judged: Judged) => Judged) | undefined;
  /** Called for every allowed request when it is over; null: not called. */
  readonly onServed: ((served: Served) => void) | null;
}

export class Http1Server {
  readonly checkpoint: Checkpoint;
  readonly rateLimits: RateLimits;
  readonly forwarder: Forwarder;
  readonly limits: ClientLimits;
  readonly answer: (judged: Judged) => Promise<OwnAnswer>;
  readonly instead: Http1Options['instead'];
  readonly amend: Http1Options['amend'];
  readonly onServed: Http1Options['onServed'];
  readonly #connections = new Members<Http1Connection>();
  readonly #timer: NodeJS.Timeout;
  /** Milliseconds, updated several times within the shortest limit. */
  now = performance.now();

  constructor(options: Http1Options) {
    this.checkpoint = options.checkpoint;
    this.rateLimits = options.rateLimits;
    this.forwarder = options.forwarder;
    this.limits = options.limits;
    this.answer = options.answer;
    this.instead = options.instead;
    this.amend = options.amend;
    this.onServed = options.onServed;
    const { head, idle, stall } = options.limits;
    const tick = Math.min(1000, Math.max(20, Math.min(head, idle, stall) / 4));
    this.#timer = setInterval(() => {
      this.now = performance.now();
      for (const connection of this.#connections) connection.checkDeadline();
    }, tick).unref();
  }

  take(socket: Socket): void {
    this.#connections.add(new Http1Connection(this, socket));
  }

  forget(connection: Http1Connection): void {
    this.#connections.delete(connection);
  }

  /** Closes idle connections now and the others after their answer. */
  close(): void {
    for (const connection of this.#connections) connection.close();
  }

  /** Stops the timer, once every connection is closed. */
  stop(): void {
    clearInterval(this.#timer);
  }
}
