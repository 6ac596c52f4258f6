/** Whole HTTP/2 connections: the front end on bytes in pieces, with a backend that answers at once, late or never. */

import type { Socket } from 'node:net';
import type { Attempt, ClientSide } from '../../src/forward/attempt.ts';
import { UpstreamError } from '../../src/forward/upstream-error.ts';
import { Checkpoint } from '../../src/guard/checkpoint.ts';
import { maxStreams } from '../../src/h2/bounds.ts';
import { Http2Connection } from '../../src/http2/connection.ts';
import { Http2Server } from '../../src/http2/server.ts';
import {
  checkFrame,
  FrameReader,
  flags,
  frameHead,
  frameTypes,
  goAwayFrame,
  headersFrames,
  pingFrame,
  preface,
  rstStreamFrame,
  settingIds,
  settingsFrame,
  windowUpdateFrame,
} from '../../src/wire/h2-frames.ts';
import { HpackDecoder } from '../../src/wire/hpack-decoder.ts';
import { encodeKnown } from '../../src/wire/hpack-encoder.ts';
import { parseResponseHead, type ResponseHead } from '../../src/wire/response-head.ts';
import { corpusPolicy } from '../support/policy.ts';
import { FakeSocket, withoutClock } from './fake-socket.ts';
import { must, type Target } from './target.ts';

const answer = Buffer.from('HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nX: y\r\n\r\n');
const head = parseResponseHead(answer, answer.toString('latin1'), 'GET') as ResponseHead;

/** The last character of the path chooses what the backend does. */
class ScriptedAttempt {
  readonly #client: ClientSide;
  readonly #path: string;
  readonly backend = null;
  #over = false;
  cancelled = 0;

  constructor(client: ClientSide, path: string) {
    this.#client = client;
    this.#path = path;
  }
  start(): void {
    this.#client.onReady();
    const last = this.#path.at(-1);
    if (last === '/') this.#whole('ok');
    else if (last === 'b') this.#whole('x'.repeat(40_000));
    else if (last === 'f') this.#fail();
    else if (last === 'c') {
      this.#client.onHead(head, null);
      this.#client.onData(Buffer.alloc(20_000, 120));
      this.#fail();
    }
  }
  #whole(body: string): void {
    if (this.#over) return;
    this.#over = true;
    this.#client.onInformation(head.with({}));
    this.#client.onHead(head, body);
  }
  #fail(): void {
    if (this.#over) return;
    this.#over = true;
    this.#client.onFailure(new UpstreamError(502, 'scripted'));
  }
  write(): boolean {
    must(!this.#over || this.cancelled === 0, 'nothing is sent after the end');
    if (this.#path.at(-1) === 'u') {
      this.#client.onHead(head, null);
      this.#client.onEnd(['x-sum', '1']);
      this.#over = true;
      return true;
    }
    return this.#path.at(-1) !== 's';
  }
  finish(): void {
    if (this.#path.at(-1) === 'p') this.#whole('done');
  }
  end(): void {}
  pause(): void {}
  resume(): void {}
  cancel(): void {
    this.cancelled++;
    this.#over = true;
  }
}

const { policy, clients } = corpusPolicy();
const latin1 = (text: string): Buffer => Buffer.from(text, 'latin1');
const block = (path: string, method = 'GET'): string =>
  [
    [':method', method],
    [':scheme', 'https'],
    [':authority', 'www.example.net'],
    [':path', path],
  ]
    .map(([name, value]) => encodeKnown(name!, value!))
    .join('');
const request = (id: number, path: string, ends = true): string =>
  headersFrames(id, block(path, ends ? 'GET' : 'POST'), ends, 16_384);
const data = (id: number, text: string, ends = false): string =>
  frameHead(text.length, frameTypes.data, ends ? flags.endStream : 0, id) + text;
const hello = preface + settingsFrame([]);

export const h2Connection: Target = {
  name: 'h2-connection',
  seeds: [
    hello + request(1, '/') + request(3, '/b') + windowUpdateFrame(0, 100_000),
    hello + request(1, '/p', false) + data(1, 'hello') + data(1, '', true),
    `${hello}${request(1, '/u', false)}${data(1, 'x'.repeat(2000)).repeat(6)}`,
    hello +
      settingsFrame([[settingIds.initialWindowSize, 3]]) +
      request(1, '/b') +
      windowUpdateFrame(1, 9) +
      rstStreamFrame(1, 8),
    hello + request(1, '/c') + request(3, '/f') + goAwayFrame(0, 0, '') + pingFrame('12345678', false),
    hello +
      request(1, '/s', false) +
      data(1, 'y'.repeat(300)) +
      headersFrames(1, encodeKnown('x-sum', '1'), true, 5),
  ].map(latin1),
  words: [
    request(5, '/'),
    request(7, '/b'),
    request(9, '/w'),
    request(11, '/p', false),
    data(1, 'z'),
    data(11, 'z', true),
    windowUpdateFrame(0, 70_000),
    windowUpdateFrame(1, 70_000),
    settingsFrame([[settingIds.initialWindowSize, 1]]),
    rstStreamFrame(1, 8),
    pingFrame('12345678', true),
    '\0\0\x05\x02\0\0\0\0\x01\0\0\0\x01\x10',
    '\0\0\0\x09\x04\0\0\0\x01',
    '\x82\x87\x84',
    '\xbe',
  ],
  run: (input) => withoutClock(() => connectionOn(input)),
};

function connectionOn(input: Buffer): string {
  const errors: unknown[] = [];
  const attempts: ScriptedAttempt[] = [];
  const server = new Http2Server({
    checkpoint: new Checkpoint({
      policy,
      clients,
      onEvent: () => {},
      onError: (error) => errors.push(error),
    }),
    rateLimits: { hit: () => null } as never,
    forwarder: {
      groupFor: () => ({}),
      attempt: (...args: unknown[]): Attempt => {
        const judged = args[1] as { verdict: { path: string } };
        const one = new ScriptedAttempt(args[5] as ClientSide, judged.verdict.path);
        attempts.push(one);
        return one as unknown as Attempt;
      },
    } as never,
    limits: {
      headerBytes: 16_384,
      head: 10_000,
      idle: 60_000,
      stall: 60_000,
      minRate: 500,
      bufferedBody: 65_536,
      upgradeIdle: 60_000,
    },
    websocket: () => true,
    answer: async () => ({ status: 200, reason: 'OK', headers: [], body: Buffer.alloc(0) }),
    onServed: null,
    onError: (error) => errors.push(error),
  });
  server.stop();
  const socket = new FakeSocket();
  const connection = new Http2Connection(server, socket as unknown as Socket);
  const cut = input.reduce((sum, byte) => (sum * 31 + byte) % (input.length + 1), 7);
  for (const piece of [input.subarray(0, cut), input.subarray(cut)]) {
    if (piece.length > 0) socket.emit('data', Buffer.from(piece));
    connection.output.flush();
  }
  connection.checkDeadlines();
  connection.output.flush();
  const output = written(Buffer.concat(socket.written));
  socket.emit('close');
  must(errors.length === 0, `no error of ours: ${String(errors[0])}`);
  must(server.held === 0, 'nothing is held after the end');
  must(
    attempts.every(({ cancelled }) => cancelled <= 1),
    'an attempt is cancelled once',
  );
  return output;
}

/** The output is valid HTTP/2: whole frames, in an order that a client accepts. */
function written(bytes: Buffer): string {
  const decoder = new HpackDecoder();
  const ended = new Set<number>();
  const open = new Set<number>();
  const kinds: string[] = [];
  let gone = false;
  let whole = 0;
  const fault = new FrameReader().read(bytes, (frame) => {
    const { type, stream } = frame;
    whole += frame.length + 9;
    must(type === frameTypes.goAway || checkFrame(frame) === null, 'a frame is valid');
    must(!gone, 'nothing follows a GOAWAY with an error');
    if (type === frameTypes.headers) {
      must(!ended.has(stream), 'no head after the end of a stream');
      must(decoder.decode(frame.bytes, frame.start, frame.end, 1e6) !== null, 'a field block decodes');
      open.add(stream);
    } else if (type === frameTypes.data)
      must(open.has(stream) && !ended.has(stream), 'DATA belongs to an open answer');
    else if (type === frameTypes.goAway && frame.bytes.readUInt32BE(frame.start + 4) !== 0) gone = true;
    if (type <= frameTypes.headers && (frame.flags & flags.endStream) !== 0) ended.add(stream);
    if (kinds.length < 8)
      kinds.push(
        type === frameTypes.goAway || type === frameTypes.rstStream
          ? `${type}:${frame.bytes[frame.end - 1]}`
          : String(type),
      );
    return true;
  });
  must(fault === null && whole === bytes.length, 'whole frames were written');
  must(open.size <= maxStreams * 2, 'no more streams than allowed');
  return kinds.join();
}
