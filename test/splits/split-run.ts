/** Sends rows of the corpus in pieces: the verdict must not depend on how the bytes arrive. */
import { once } from 'node:events';
import { connect } from 'node:net';
import { setImmediate as turn } from 'node:timers/promises';
import type { CorpusRow } from '../corpus/row.ts';
import { allowedAddress, type RunningGateway, trustedAddress } from '../support/gateway.ts';
import { parseResponses } from '../support/http-response.ts';
import type { RecordingBackend } from '../support/recording-backend.ts';

/** Everything that can be observed from outside. */
export interface Outcome {
  /** The answer without the fields that vary; empty: no answer. */
  readonly answer: string;
  /** What reached the backend: request line, header lines and body of each request. */
  readonly reached: readonly string[];
}

export class SplitRun {
  readonly #gateway: RunningGateway;
  readonly #backend: RecordingBackend;

  constructor(gateway: RunningGateway, backend: RecordingBackend) {
    this.#gateway = gateway;
    this.#backend = backend;
  }

  /** Sends a row, cut before each of these bytes. One row at a time, so everything that reaches the backend belongs to it. */
  async send(row: CorpusRow, ...cuts: number[]): Promise<Outcome> {
    const bytes = Buffer.from(row.bytes, 'latin1');
    const places = [0, ...cuts, bytes.length];
    const pieces = places.slice(1).map((to, i) => bytes.subarray(places[i], to));
    const before = this.#backend.requests.length;
    const answer = await this.#exchange(row, pieces);
    return {
      // Node's server adds these to the answer on a kept connection.
      answer: answer.replace(/^(?:Date: .*|Connection: keep-alive|Keep-Alive: .*)\r\n/gm, ''),
      reached: this.#backend.requests
        .slice(before)
        .map(({ requestLine, headerLines, body }) =>
          [requestLine, ...headerLines, '', body.toString('latin1')].join('\r\n'),
        ),
    };
  }

  async #exchange(row: CorpusRow, pieces: readonly Buffer[]): Promise<string> {
    const from = { trusted: trustedAddress, 'allow-listed': allowedAddress, none: '127.0.0.1' } as const;
    const socket = connect({
      port: this.#gateway.port,
      host: '127.0.0.1',
      localAddress: from[row.client ?? 'none'],
      noDelay: true,
      allowHalfOpen: true,
    });
    const methods = [/^[A-Z]+/.exec(row.bytes)?.[0] ?? 'GET'];
    const received: Buffer[] = [];
    const over = Promise.withResolvers<void>();
    const done = (): void => over.resolve();
    socket.on('error', done).on('end', done).on('close', done);
    socket.on('data', (bytes: Buffer) => {
      received.push(bytes);
      const { responses } = parseResponses(Buffer.concat(received), { methods });
      if (responses.some(({ status }) => status >= 200 || status === 101)) done();
    });
    const timer = setTimeout(done, 3000);
    try {
      await once(socket, 'connect');
      for (const [i, piece] of pieces.entries()) {
        // The gateway runs in this process: it reads a piece within a turn or two of the event loop.
        if (i > 0) for (let turns = 0; turns < 3; turns++) await turn();
        if (socket.destroyed) break;
        socket.write(piece);
      }
      await over.promise;
    } finally {
      clearTimeout(timer);
      socket.destroy();
    }
    return Buffer.concat(received).toString('latin1');
  }
}
