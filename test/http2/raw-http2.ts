/** A raw HTTP/2 client: sends any bytes and returns the frames received. */
import { once } from 'node:events';
import { type ConnectionOptions, connect, type TLSSocket } from 'node:tls';
import { errorCodes } from '../../src/wire/h2-faults.ts';
import {
  flags,
  frameHead,
  frameTypes,
  headersFrames,
  preface,
  settingsAck,
  settingsFrame,
} from '../../src/wire/h2-frames.ts';
import { HpackDecoder } from '../../src/wire/hpack-decoder.ts';
import { encodeKnown } from '../../src/wire/hpack-encoder.ts';
import { host } from './http2-gateway.ts';

export interface Received {
  readonly type: number;
  readonly flags: number;
  readonly stream: number;
  readonly payload: Buffer;
  /** Of HEADERS. */
  readonly fields: readonly string[];
}

const codeNames = new Map<number, string>(Object.entries(errorCodes).map(([name, code]) => [code, name]));

/** Milliseconds to wait for a frame: far more than a slow machine needs. */
const patience = 20_000;

export const pseudo = (method = 'GET', path = '/'): string[] => [
  ...[':method', method, ':scheme', 'https', ':authority', host, ':path', path],
];

/** Fields as a block: static table entries or literals. @param fields name, value, name, value … */
export const block = (fields: readonly string[]): string =>
  fields.map((name, i) => (i % 2 === 0 ? literal(name, fields[i + 1]!) : '')).join('');

// Names unchanged; the encoder would put them in lower case.
const literal = (name: string, value: string): string =>
  name === name.toLowerCase() && name !== '' ? encodeKnown(name, value) : `\0${string(name)}${string(value)}`;
const string = (text: string): string => encodeKnown('x', text).slice(3);

export const headers = (stream: number, fields: readonly string[], ends = true): string =>
  headersFrames(stream, block(fields), ends, 16_384);
export const request = (stream: number, ends = true, method = ends ? 'GET' : 'POST', path = '/'): string =>
  headers(stream, pseudo(method, path), ends);
export const data = (stream: number, text: string, ends = false): string =>
  frameHead(text.length, frameTypes.data, ends ? flags.endStream : 0, stream) + text;
export const frame = (type: number, flag: number, stream: number, payload = ''): string =>
  frameHead(payload.length, type, flag, stream) + payload;

export class RawHttp2 {
  readonly socket: TLSSocket;
  readonly frames: Received[] = [];
  /** The peer has closed the connection. */
  closed = false;
  readonly #decoder = new HpackDecoder();
  #pending = Buffer.alloc(0);
  #block = Buffer.alloc(0);
  #wake: (() => void)[] = [];
  /** Answers PING. */
  pongs = true;
  /** Acknowledges SETTINGS after its own. */
  #greeted = false;

  private constructor(socket: TLSSocket) {
    this.socket = socket;
    socket.on('error', () => {});
    socket.on('data', (bytes: Buffer) => this.#read(bytes));
    for (const event of ['end', 'close']) {
      socket.on(event, () => {
        this.closed = true;
        this.#notify();
      });
    }
  }

  /** Connects and sends nothing. */
  static async bare(port: number, from?: string): Promise<RawHttp2> {
    const socket = connect({
      port,
      host: '127.0.0.1',
      ALPNProtocols: ['h2'],
      servername: host,
      rejectUnauthorized: false,
      localAddress: from,
    } as unknown as ConnectionOptions);
    const client = new RawHttp2(socket);
    await once(socket, 'secureConnect', { signal: AbortSignal.timeout(patience) });
    return client;
  }

  /**
   * Connects and sends preface and SETTINGS.
   *
   * @param from the address to connect from
   */
  static async open(port: number, settings: [number, number][] = [], from?: string): Promise<RawHttp2> {
    const client = await RawHttp2.bare(port, from);
    client.#greeted = true;
    client.send(preface + settingsFrame(settings));
    return client;
  }

  send(text: string): void {
    this.socket.write(text, 'latin1');
  }

  /** The first matching frame, past or future; null where the connection closes without one. */
  async frame(wanted: (frame: Received) => boolean): Promise<Received | null> {
    const until = Date.now() + patience;
    for (;;) {
      const found = this.frames.find(wanted);
      if (found !== undefined) return found;
      if (this.closed) return null;
      if (Date.now() > until) throw new Error(`no such frame came: ${this.told.join(', ')}`);
      await new Promise<void>((wake) => {
        this.#wake.push(wake);
        setTimeout(wake, 100);
      });
    }
  }

  /** The fate of a stream: its status, the code that reset it, or the code that ended the connection. */
  async fate(stream: number): Promise<string> {
    const end = await this.frame(
      (one) =>
        (one.type === frameTypes.headers && one.stream === stream && one.fields[1] !== '100') ||
        (one.type === frameTypes.rstStream && one.stream === stream) ||
        (one.type === frameTypes.goAway && one.payload.readUInt32BE(4) !== 0),
    );
    if (end === null) return 'closed';
    if (end.type === frameTypes.headers) return end.fields[1]!;
    return end.type === frameTypes.goAway
      ? `goaway ${codeNames.get(end.payload.readUInt32BE(4))}`
      : `reset ${codeNames.get(end.payload.readUInt32BE(0))}`;
  }

  /** As `fate`, ignoring an earlier answer. */
  async error(stream: number): Promise<string> {
    const end = await this.frame(
      (one) =>
        (one.type === frameTypes.rstStream && one.stream === stream) ||
        (one.type === frameTypes.goAway && one.payload.readUInt32BE(4) !== 0),
    );
    if (end === null) return 'closed';
    return end.type === frameTypes.goAway
      ? `goaway ${codeNames.get(end.payload.readUInt32BE(4))}`
      : `reset ${codeNames.get(end.payload.readUInt32BE(0))}`;
  }

  /** The complete body of a stream. */
  async body(stream: number): Promise<string> {
    await this.frame((one) => one.stream === stream && (one.flags & flags.endStream) !== 0 && one.type <= 1);
    return this.frames
      .filter((one) => one.stream === stream && one.type === frameTypes.data)
      .map((one) => one.payload.toString('latin1'))
      .join('');
  }

  /** Whether the connection still works. */
  async alive(): Promise<boolean> {
    const payload = `p${String(this.frames.length).padStart(7, '0')}`;
    this.send(frame(frameTypes.ping, 0, 0, payload));
    const answer = await this.frame(
      (one) =>
        (one.type === frameTypes.ping && one.payload.toString('latin1') === payload) ||
        (one.type === frameTypes.goAway && one.payload.readUInt32BE(4) !== 0),
    );
    return answer?.type === frameTypes.ping;
  }

  get told(): string[] {
    return this.frames.map(({ type, stream }) => `${type}/${stream}`);
  }

  destroy(): void {
    this.socket.destroy();
  }

  #read(bytes: Buffer): void {
    this.#pending = Buffer.concat([this.#pending, bytes]);
    while (this.#pending.length >= 9) {
      const length = this.#pending.readUIntBE(0, 3);
      if (this.#pending.length < 9 + length) break;
      const [type, flag] = [this.#pending[3]!, this.#pending[4]!];
      const stream = this.#pending.readUInt32BE(5);
      const payload = this.#pending.subarray(9, 9 + length);
      this.#pending = this.#pending.subarray(9 + length);
      const fields: string[] = [];
      if (type === frameTypes.headers || type === frameTypes.continuation)
        this.#readBlock(payload, flag, fields);
      this.frames.push({ type, flags: flag, stream, payload, fields });
      if (type === frameTypes.ping && (flag & flags.ack) === 0 && this.pongs)
        this.send(frame(frameTypes.ping, flags.ack, 0, payload.toString('latin1')));
      if (type === frameTypes.settings && (flag & flags.ack) === 0 && this.#greeted) this.send(settingsAck);
    }
    this.#notify();
  }

  /** The fields of a block in several frames are attached to the last frame. */
  #readBlock(payload: Buffer, flag: number, fields: string[]): void {
    this.#block = Buffer.concat([this.#block, payload]);
    if ((flag & flags.endHeaders) === 0) return;
    fields.push(...this.#decoder.decode(this.#block, 0, this.#block.length, 1e6)!.fields);
    this.#block = Buffer.alloc(0);
  }

  #notify(): void {
    for (const wake of this.#wake.splice(0)) wake();
  }
}
