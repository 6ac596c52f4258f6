/** A backend whose HTTP/2 frames the test writes, and a connection of ours to it that records what comes of each exchange. */
import type { Socket } from 'node:net';
import { BackendStream } from '../../src/forward/backend-stream.ts';
import { StreamConnection } from '../../src/forward/stream-connection.ts';
import type { UpstreamError } from '../../src/forward/upstream-error.ts';
import type { ResponseSink, UpstreamRequest } from '../../src/forward/upstream-exchange.ts';
import {
  FrameReader,
  flags,
  frameHead,
  frameTypes,
  headersFrames,
  pingFrame,
  preface,
  settingsFrame,
} from '../../src/wire/h2-frames.ts';
import { encodeStatus } from '../../src/wire/hpack-encoder.ts';
import type { ResponseHead } from '../../src/wire/response-head.ts';
import { eventually } from '../support/eventually.ts';
import type { Owner } from '../support/owner.ts';
import { rawBackend } from '../support/raw-backend.ts';
import { upstreamGet } from '../support/upstream-get.ts';

/** Milliseconds: far more than a slow machine needs. */
const patience = 20_000;

/** A frame that the backend received. */
export interface Got {
  readonly type: number;
  readonly flags: number;
  readonly stream: number;
  readonly payload: string;
}

export const head = (id: number, ends = false, fields = '', status = 200): string =>
  headersFrames(id, encodeStatus(status) + fields, ends, 16_384);
/** Trailers: fields that end the stream. */
export const headersOnly = (id: number, fields: string): string => headersFrames(id, fields, true, 16_384);
export const data = (id: number, text: string, ends = false): string =>
  frameHead(text.length, frameTypes.data, ends ? flags.endStream : 0, id) + text;
/** A frame with a number as its payload: RST_STREAM, WINDOW_UPDATE. */
export const numberOf = ({ payload }: Got): number => Buffer.from(payload, 'latin1').readUInt32BE(0);

export const post = (body: string | Buffer, ended: boolean, trailers: string[] = []): UpstreamRequest => ({
  ...upstreamGet,
  method: 'POST',
  framing: 'chunked',
  head: 'POST / HTTP/1.1\r\nHost: a\r\n\r\n',
  body,
  trailers,
  ended,
});

/** An exchange, with what its client gets. */
export class Asked implements ResponseSink {
  readonly client = null;
  readonly seen: string[] = [];
  readonly exchange: BackendStream;
  error: UpstreamError | null = null;
  /** Called with each piece of the body. */
  onPiece = (): void => {};

  constructor(connection: StreamConnection, request: UpstreamRequest = upstreamGet) {
    this.exchange = new BackendStream(connection);
    this.exchange.send(request, this);
  }

  onReady(): void {
    this.seen.push('ready');
  }
  onInformation({ status }: ResponseHead): void {
    this.seen.push(`${status}`);
  }
  onHead({ status }: ResponseHead, whole: string | null): void {
    this.seen.push(whole === null ? `${status}` : `${status} whole`);
  }
  onUpgrade(): void {
    this.seen.push('upgrade');
  }
  onData(piece: Buffer): void {
    this.seen.push(piece.length > 99 ? `${piece.length} bytes` : piece.toString('latin1'));
    this.onPiece();
  }
  onEnd(trailers: readonly string[]): void {
    this.seen.push(`end ${trailers.join()}`);
  }
  onFailure(error: UpstreamError): void {
    this.error = error;
    this.seen.push(`failure ${error.status}`);
  }
  onDrain(): void {
    this.seen.push('drain');
  }
}

/** Waits until the peer of the test has closed its side too. */
export const socketClosed = (socket: Socket): Promise<void> =>
  eventually(() => socket.readableEnded || socket.destroyed, 'it is closed', patience);

/** @param greeting what the backend sends first; empty: nothing */
export async function streamPeer(owner: Owner, greeting = settingsFrame([])) {
  const got: Got[] = [];
  const raw = await rawBackend(owner, ({ socket }) => {
    const reader = new FrameReader();
    let left = preface.length;
    socket.write(greeting, 'latin1');
    socket.on('data', (bytes: Buffer) => {
      const skipped = Math.min(left, bytes.length);
      left -= skipped;
      reader.read(bytes.subarray(skipped), ({ type, flags: flag, stream, bytes: all, start, end }) => {
        got.push({ type, flags: flag, stream, payload: all.toString('latin1', start, end) });
        return true;
      });
    });
  });
  const clock = { now: 0 };
  /** What the owner of the connection is told. */
  const told: string[] = [];
  const connection = new StreamConnection(
    { kind: 'tcp', host: '127.0.0.1', port: raw.port },
    { connect: 1000, headers: 2000, body: 3000 },
    clock,
    {
      onReady: () => told.push('ready'),
      onRoom: ({ load }) => told.push(`room ${load}`),
      onGone: (_, error) => told.push(error === null ? 'gone' : `gone: ${error.message}`),
    },
  );
  owner.after(() => connection.destroy());
  await eventually(() => raw.connections.length === 1, 'it is connected', patience);
  const { socket, ended } = raw.connections[0]!;
  let pings = 0;
  /** Sends frames, and waits until the connection has taken them and the backend has whatever that made it send. */
  const say = async (...frames: string[]): Promise<void> => {
    const payload = String(pings++).padStart(8);
    socket.write(frames.join('') + pingFrame(payload, false), 'latin1');
    const isAnswer = (one: Got): boolean => one.type === frameTypes.ping && one.payload === payload;
    await eventually(
      () => got.some(isAnswer) || socket.readableEnded,
      'the connection has answered',
      patience,
    );
  };
  if (greeting !== '') await say();
  return {
    connection,
    clock,
    told,
    got,
    socket,
    ended,
    say,
    ask: (request?: UpstreamRequest) => new Asked(connection, request),
    /** The codes that a stream was reset with. */
    resets: (stream: number): number[] =>
      got.filter((one) => one.type === frameTypes.rstStream && one.stream === stream).map(numberOf),
    /** The announced enlargements of a receive window. */
    updates: (stream: number): number[] =>
      got.filter((one) => one.type === frameTypes.windowUpdate && one.stream === stream).map(numberOf),
  };
}
