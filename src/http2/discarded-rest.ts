import { evidenceLimit } from '../events/probe-event.ts';
import type { Judged } from '../guard/checkpoint.ts';
import { evidenceTime } from '../guard/evidence-collector.ts';
import { lingerTime } from '../h2/bounds.ts';
import type { Frame } from '../wire/h2-frames.ts';
import type { Http2Connection } from './connection.ts';
import type { RequestBody } from './request-body.ts';

/** The rest of a request that is answered before its end: evidence where the request was refused, otherwise discarded. */
export class DiscardedRest {
  readonly #connection: Http2Connection;
  readonly #body: RequestBody;
  /** Null: not refused, or recorded. */
  #refused: Judged | null;
  readonly #mayLast: number;
  readonly #since: number;
  #evidence = '';

  constructor(connection: Http2Connection, body: RequestBody, refused: Judged | null) {
    this.#connection = connection;
    this.#body = body;
    this.#refused = refused;
    this.#mayLast = refused === null ? lingerTime : evidenceTime;
    this.#since = connection.server.now;
  }

  take({ bytes, start, end, length }: Frame): void {
    // A refused sender gets no further window. Any other client may finish its upload: curl 7.88 does not read the answer
    // before it has.
    if (this.#refused === null) {
      this.#body.give(length);
      return;
    }
    this.#connection.give(length);
    // For banned clients only the request line is kept.
    if (this.#refused.verdict.rule === 'client-banned') return;
    if (this.#evidence.length < evidenceLimit) this.#evidence += bytes.toString('latin1', start, end);
  }

  /** Records a refused request, once. */
  end(): void {
    const judged = this.#refused;
    if (judged === null) return;
    this.#refused = null;
    const { server, socket } = this.#connection;
    const body = Buffer.from(this.#evidence.slice(0, evidenceLimit), 'latin1');
    server.options.checkpoint.recordRead(judged, socket, body);
  }

  expired(now: number): boolean {
    return now - this.#since >= this.#mayLast;
  }
}
