/** Bytes of an HTTP/2 backend, in pieces, in answer to a few requests: each request ends once, and no client gets a wrong answer. */
import type { Socket } from 'node:net';
import { BackendStream } from '../../src/forward/backend-stream.ts';
import { StreamConnection } from '../../src/forward/stream-connection.ts';
import type { ResponseSink, UpstreamRequest } from '../../src/forward/upstream-exchange.ts';
import {
  checkFrame,
  FrameReader,
  flags,
  frameHead,
  frameTypes,
  goAwayFrame,
  headersFrames,
  preface,
  rstStreamFrame,
  settingIds,
  settingsFrame,
  windowUpdateFrame,
} from '../../src/wire/h2-frames.ts';
import { encodeField, encodeStatus } from '../../src/wire/hpack-encoder.ts';
import type { ResponseHead } from '../../src/wire/response-head.ts';
import { FakeSocket, withoutClock } from './fake-socket.ts';
import { must, type Target } from './target.ts';

const request = (method: string, body: string | null, ended: boolean): UpstreamRequest => ({
  method,
  framing: body === null ? 'none' : 'length',
  head: `${method} / HTTP/1.1\r\nHost: www.example.net\r\nTE: trailers\r\nConnection: TE\r\n\r\n`,
  body,
  trailers: [],
  ended,
  upgrade: false,
});

/** Checks that the calls for one answer come in a valid order. */
class Checked implements ResponseSink {
  readonly client = null;
  readonly #bodiless: boolean;
  readonly #exchange: BackendStream;
  state: 'asked' | 'body' | 'over' = 'asked';
  how = '';
  /** The fault found, since an error thrown by a sink would be taken for a fault of the sink. */
  readonly wrong: string[] = [];
  #left = -1;

  constructor(connection: StreamConnection, asked: UpstreamRequest) {
    this.#bodiless = asked.method === 'HEAD';
    this.#exchange = new BackendStream(connection);
    this.#exchange.send(asked, this);
    if (!asked.ended) this.#exchange.write(Buffer.alloc(100, 'w'));
  }
  #must(holds: boolean, what: string): void {
    if (!holds) this.wrong.push(what);
  }
  onReady(): void {}
  onUpgrade(): void {
    this.#must(false, 'there is no upgrade');
  }
  onDrain(): void {}
  onInformation({ status }: ResponseHead): void {
    this.#must(this.state === 'asked' && status < 200 && status !== 101, 'a 1xx comes before the head');
  }
  onHead({ status, fields, framing, length }: ResponseHead, whole: string | null): void {
    this.#must(this.state === 'asked' && status >= 200, 'there is one head');
    this.#must(
      /^(?:[!#$%&'*+\-.^_`|~0-9a-z]+: (?:[^\0-\x08\n-\x1f\x7f]*)\r\n)*$/.test(fields),
      'its fields are lines of HTTP/1',
    );
    this.#must(
      !/^(?:connection|transfer-encoding|upgrade|keep-alive|alt-svc|:)/m.test(fields),
      'none is for this hop',
    );
    this.#must(whole === null || whole === '', 'the body is not in the head call');
    this.#must((framing === 'none') === (whole !== null), 'without a body the answer is whole');
    this.#must(!this.#bodiless || whole !== null, 'HEAD has none');
    this.#left = framing === 'length' ? length : -1;
    this.state = whole === null ? 'body' : 'over';
    this.how = String(status);
    // A slow client.
    if (status === 201) this.#exchange.pause();
  }
  onData(data: Buffer): void {
    this.#must(this.state === 'body' && data.length > 0, 'the body follows its head');
    if (this.#left === -1) return;
    this.#left -= data.length;
    this.#must(this.#left >= 0, 'the body is not longer than declared');
  }
  onEnd(): void {
    this.#must(this.state === 'body' && this.#left <= 0, 'the body is not shorter than declared');
    this.state = 'over';
  }
  onFailure(): void {
    this.#must(this.state !== 'over', 'it fails only once');
    this.state = 'over';
    this.how += '!';
  }
  resume(): void {
    if (this.state === 'body') this.#exchange.resume();
  }
}

const latin1 = (text: string): Buffer => Buffer.from(text, 'latin1');
const head = (id: number, ends: boolean, status = 200, ...fields: string[]): string =>
  headersFrames(id, encodeStatus(status) + fields.join(''), ends, 16_384);
const data = (id: number, text: string, ends = false): string =>
  frameHead(text.length, frameTypes.data, ends ? flags.endStream : 0, id) + text;
const length = (bytes: number): string => encodeField('content-length', String(bytes));
const hello = settingsFrame([]);

export const h2Backend: Target = {
  name: 'h2-backend',
  seeds: [
    hello + head(1, false) + data(1, 'ok', true) + head(3, true) + head(5, true, 204),
    hello + head(1, false, 200, length(5)) + data(1, 'hel') + data(1, 'lo', true),
    hello +
      head(1, false, 103) +
      head(1, false, 201) +
      data(1, 'slow') +
      headersFrames(1, encodeField('x-sum', '1'), true, 16_384),
    `${hello}${head(5, false)}${data(5, 'x'.repeat(3000)).repeat(4)}${rstStreamFrame(5, 0)}`,
    hello +
      settingsFrame([
        [settingIds.initialWindowSize, 3],
        [settingIds.maxConcurrentStreams, 1],
      ]) +
      goAwayFrame(3, 0, '') +
      head(1, true),
    hello +
      head(1, false, 200, encodeField('x', 'y'), length(2)) +
      rstStreamFrame(3, 7) +
      windowUpdateFrame(5, 9) +
      data(1, 'ab', true),
  ].map(latin1),
  words: [
    head(1, true),
    head(3, false),
    head(5, false, 200, length(9)),
    head(5, true, 304),
    data(1, 'z', true),
    data(5, 'z'),
    windowUpdateFrame(0, 70_000),
    windowUpdateFrame(5, 70_000),
    settingsFrame([[settingIds.initialWindowSize, 1]]),
    rstStreamFrame(5, 8),
    goAwayFrame(0, 0, ''),
    encodeField('connection', 'x'),
    encodeField('a', '\r\nb: c'),
    '\x88',
    '\xbe',
  ],
  run: (input) => withoutClock(() => answersOn(input)),
};

function answersOn(input: Buffer): string {
  const socket = new FakeSocket();
  const limits = { connect: 1000, headers: 1000, body: 1000 };
  const clock = { now: 0 };
  const answers: Checked[] = [];
  let ready = 0;
  let gone = 0;
  const connection = new StreamConnection(
    { kind: 'tcp', host: '127.0.0.1', port: 1, http2: true },
    limits,
    clock,
    {
      onReady: (one) => {
        ready++;
        for (const asked of [
          request('GET', null, true),
          request('HEAD', null, true),
          request('POST', 'body', false),
        ])
          answers.push(new Checked(one, asked));
      },
      onRoom: () => {},
      onGone: () => {
        gone++;
      },
    },
    socket as unknown as Socket,
  );
  socket.emit('connect');
  const cut = input.reduce((sum, byte) => (sum * 31 + byte) % (input.length + 1), 7);
  for (const piece of [input.subarray(0, cut), input.subarray(cut)]) {
    if (piece.length > 0) socket.emit('data', Buffer.from(piece));
    connection.output.flush();
  }
  for (const answer of answers) answer.resume();
  connection.output.flush();
  holdWritten(Buffer.concat(socket.written));
  clock.now = 5000;
  connection.checkDeadlines();
  socket.emit('close');
  must(
    answers.every(({ wrong }) => wrong.length === 0),
    answers.flatMap(({ wrong }) => wrong).join(),
  );
  must(ready <= 1 && gone === 1, 'it is ready once, and gone once');
  must(
    answers.every(({ state }) => state === 'over'),
    'each answer ends',
  );
  return answers.map(({ how }) => how).join();
}

/** Every frame that was sent is valid. */
function holdWritten(bytes: Buffer): void {
  if (bytes.length === 0) return;
  must(bytes.toString('latin1', 0, preface.length) === preface, 'it begins with the HTTP/2 preface');
  const fault = new FrameReader().read(bytes.subarray(preface.length), (frame) => {
    const wrong = checkFrame(frame);
    must(wrong === null, `a frame is in order: ${wrong?.why}`);
    return true;
  });
  must(fault === null, 'no frame is too long');
}
