import { evidenceLimit } from '../events/probe-event.ts';
import type { Judged } from '../guard/checkpoint.ts';
import type { Http2Connection } from './connection.ts';

/** A refused request, recorded once with what its sender went on to say. */
export class Evidence {
  readonly #connection: Http2Connection;
  readonly #judged: Judged;
  #body = '';
  #over = false;

  constructor(connection: Http2Connection, judged: Judged) {
    this.#connection = connection;
    this.#judged = judged;
  }

  add(bytes: Buffer, start: number, end: number): void {
    // Of a banned client nothing but the request line is kept.
    if (this.#judged.verdict.rule === 'client-banned') return;
    if (this.#body.length < evidenceLimit) this.#body += bytes.toString('latin1', start, end);
  }

  /** Nothing more of it is waited for. */
  end(): void {
    if (this.#over) return;
    this.#over = true;
    const { server, socket } = this.#connection;
    const body = Buffer.from(this.#body.slice(0, evidenceLimit), 'latin1');
    server.options.checkpoint.recordRead(this.#judged, socket, body);
  }
}
