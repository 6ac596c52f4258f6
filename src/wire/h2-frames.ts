/** Frames of HTTP/2, RFC 9113 sections 4 and 6: what each may look like by itself. Pure; what they mean to a connection is not told here. */
import { errorCodes, type Fault, inConnection, inStream } from './h2-faults.ts';

export const frameTypes = {
  data: 0,
  headers: 1,
  priority: 2,
  rstStream: 3,
  settings: 4,
  pushPromise: 5,
  ping: 6,
  goAway: 7,
  windowUpdate: 8,
  continuation: 9,
} as const;

export const flags = {
  endStream: 0x1,
  /** Of SETTINGS and PING. */
  ack: 0x1,
  endHeaders: 0x4,
  padded: 0x8,
  priority: 0x20,
} as const;

export const settingIds = {
  headerTableSize: 1,
  enablePush: 2,
  maxConcurrentStreams: 3,
  initialWindowSize: 4,
  maxFrameSize: 5,
  maxHeaderListSize: 6,
  /** RFC 8441. */
  enableConnectProtocol: 8,
} as const;

/** What a client says first, RFC 9113 section 3.4. */
export const preface = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n';
/** The payload that every endpoint takes, and the most that this one does. */
export const maxFrame = 16_384;
/** RFC 9113 section 6.9.1. */
export const maxWindow = 0x7fffffff;
const headerSize = 9;

/** A frame. The one that a reader hands out is its own, and holds until the next. */
export interface Frame {
  type: number;
  flags: number;
  stream: number;
  /** Holds the payload, at `start` until `end`. */
  bytes: Buffer;
  /** Of the payload; without padding and priority once `checkFrame` has seen it. */
  start: number;
  end: number;
  /** Bytes of the whole payload. */
  length: number;
}

/**
 * Cuts a stream of bytes into frames. The payload of DATA comes as soon as it is there, as if its sender had cut it so: nothing
 * is kept of it, and nothing is copied.
 */
export class FrameReader {
  readonly #frame: Frame = { type: 0, flags: 0, stream: 0, bytes: nothing, start: 0, end: 0, length: 0 };
  /** The beginning of a frame. At most one frame. */
  #held: Buffer | null = null;
  /** What is to come of a DATA, its flags and its stream. */
  #left = 0;
  #flags = 0;
  #stream = 0;

  /**
   * @param onFrame false: no more is read
   * @returns the fault of a frame that is longer than any may be
   */
  read(given: Buffer, onFrame: (frame: Frame) => boolean): Fault | null {
    const bytes = this.#held === null ? given : Buffer.concat([this.#held, given]);
    this.#held = null;
    let at = 0;
    while (at < bytes.length) {
      if (this.#left === 0) {
        if (bytes.length - at < headerSize) break;
        const length = (bytes[at]! << 16) | (bytes[at + 1]! << 8) | bytes[at + 2]!;
        if (length > maxFrame) return tooLong;
        const type = bytes[at + 3]!;
        const flag = bytes[at + 4]!;
        const stream = bytes.readUInt32BE(at + 5) & maxWindow;
        const there = bytes.length - at - headerSize;
        if (there >= length) {
          at += headerSize + length;
          if (!this.#tell(type, flag, stream, bytes, at - length, at, onFrame)) return null;
          continue;
        }
        if (type !== frameTypes.data || (flag & flags.padded) !== 0) break;
        at += headerSize;
        this.#left = length;
        this.#flags = flag;
        this.#stream = stream;
      }
      const start = at;
      at = Math.min(bytes.length, at + this.#left);
      if (at === start) break;
      this.#left -= at - start;
      const flag = this.#left === 0 ? this.#flags : this.#flags & ~flags.endStream;
      if (!this.#tell(frameTypes.data, flag, this.#stream, bytes, start, at, onFrame)) return null;
    }
    if (at < bytes.length) this.#held = at === 0 ? bytes : Buffer.from(bytes.subarray(at));
    this.#frame.bytes = nothing;
    return null;
  }

  #tell(
    type: number,
    flag: number,
    stream: number,
    bytes: Buffer,
    start: number,
    end: number,
    onFrame: (frame: Frame) => boolean,
  ): boolean {
    const frame = this.#frame;
    frame.type = type;
    frame.flags = flag;
    frame.stream = stream;
    frame.bytes = bytes;
    frame.start = start;
    frame.end = end;
    frame.length = end - start;
    return onFrame(frame);
  }
}

/**
 * What is wrong with a frame by itself; null where nothing is. Takes padding and priority out of the payload.
 */
export function checkFrame(frame: Frame): Fault | null {
  const { type, stream, length } = frame;
  switch (type) {
    case frameTypes.data:
      return stream === 0 ? onConnection : unpad(frame);
    case frameTypes.headers:
      return stream === 0 ? onConnection : (unpad(frame) ?? takePriority(frame));
    case frameTypes.priority:
      if (stream === 0) return onConnection;
      if (length !== 5) return inStream(errorCodes.frameSizeError, 'a PRIORITY of another size than 5');
      return dependsOnItself(frame) ? selfDependent : null;
    case frameTypes.rstStream:
      if (stream === 0) return onConnection;
      return length === 4 ? null : sized('a RST_STREAM of another size than 4');
    case frameTypes.settings:
      if (stream !== 0) return onStream;
      if ((frame.flags & flags.ack) !== 0)
        return length === 0 ? null : sized('an acknowledgement with settings in it');
      return length % 6 === 0 ? null : sized('a SETTINGS of another size than sixes');
    case frameTypes.pushPromise:
      return inConnection(errorCodes.protocolError, 'a PUSH_PROMISE of a client');
    case frameTypes.ping:
      if (stream !== 0) return onStream;
      return length === 8 ? null : sized('a PING of another size than 8');
    case frameTypes.goAway:
      if (stream !== 0) return onStream;
      return length >= 8 ? null : sized('a GOAWAY of less than 8 bytes');
    case frameTypes.windowUpdate:
      return checkWindowUpdate(frame);
    case frameTypes.continuation:
      return stream === 0 ? onConnection : null;
  }
  // RFC 9113 section 5.5: of an unknown type. It is to be ignored.
  return null;
}

/** The four bytes at an offset of the payload, without the highest bit. */
export const numberAt = ({ bytes, start }: Frame, offset: number): number =>
  bytes.readUInt32BE(start + offset) & maxWindow;

function unpad(frame: Frame): Fault | null {
  if ((frame.flags & flags.padded) === 0) return null;
  if (frame.length === 0) return sized('a padded frame without its pad length');
  const padding = frame.bytes[frame.start]!;
  frame.start++;
  if (padding > frame.end - frame.start)
    return inConnection(errorCodes.protocolError, 'more padding than payload');
  frame.end -= padding;
  return null;
}

/** RFC 9113 section 5.3.2: read over, since nothing depends on it any more. */
function takePriority(frame: Frame): Fault | null {
  if ((frame.flags & flags.priority) === 0) return null;
  if (frame.end - frame.start < 5) return sized('a HEADERS without its priority');
  const itself = dependsOnItself(frame);
  frame.start += 5;
  // RFC 7540 section 5.3.1. The block is read all the same: the table of the connection depends on it.
  return itself ? selfDependent : null;
}

const dependsOnItself = (frame: Frame): boolean => numberAt(frame, 0) === frame.stream;

function checkWindowUpdate(frame: Frame): Fault | null {
  if (frame.length !== 4) return sized('a WINDOW_UPDATE of another size than 4');
  if (numberAt(frame, 0) !== 0) return null;
  const why = 'a WINDOW_UPDATE of nothing';
  return frame.stream === 0
    ? inConnection(errorCodes.protocolError, why)
    : inStream(errorCodes.protocolError, why);
}

const sized = (why: string): Fault => inConnection(errorCodes.frameSizeError, why);
const tooLong = sized('a frame longer than was offered');
const onConnection = inConnection(errorCodes.protocolError, 'a frame of a stream on the connection');
const onStream = inConnection(errorCodes.protocolError, 'a frame of the connection on a stream');
const selfDependent = inStream(errorCodes.protocolError, 'a stream that depends on itself');
const nothing = Buffer.alloc(0);

/*
 * Writing. A frame is a text, one character a byte, as field blocks are (`hpack-encoder.ts`); the payload of a long DATA goes
 * behind it as it is.
 */

export const frameHead = (length: number, type: number, flag: number, stream: number): string =>
  String.fromCharCode(
    length >>> 16,
    (length >>> 8) & 0xff,
    length & 0xff,
    type,
    flag,
    stream >>> 24,
    (stream >>> 16) & 0xff,
    (stream >>> 8) & 0xff,
    stream & 0xff,
  );

const four = (value: number): string =>
  String.fromCharCode(value >>> 24, (value >>> 16) & 0xff, (value >>> 8) & 0xff, value & 0xff);

/**
 * HEADERS, and CONTINUATION for what does not fit.
 *
 * @param most payload that the peer takes
 */
export function headersFrames(stream: number, block: string, ends: boolean, most: number): string {
  const end = ends ? flags.endStream : 0;
  if (block.length <= most)
    return frameHead(block.length, frameTypes.headers, flags.endHeaders | end, stream) + block;
  let text = frameHead(most, frameTypes.headers, end, stream) + block.slice(0, most);
  for (let at = most; at < block.length; at += most) {
    const piece = block.slice(at, at + most);
    const last = at + most >= block.length ? flags.endHeaders : 0;
    text += frameHead(piece.length, frameTypes.continuation, last, stream) + piece;
  }
  return text;
}

export const rstStreamFrame = (stream: number, code: number): string =>
  frameHead(4, frameTypes.rstStream, 0, stream) + four(code);

export function settingsFrame(settings: readonly (readonly [id: number, value: number])[]): string {
  let text = frameHead(settings.length * 6, frameTypes.settings, 0, 0);
  for (const [id, value] of settings) text += String.fromCharCode(id >>> 8, id & 0xff) + four(value);
  return text;
}

export const settingsAck = frameHead(0, frameTypes.settings, flags.ack, 0);

/** @param payload eight characters */
export const pingFrame = (payload: string, ack: boolean): string =>
  frameHead(8, frameTypes.ping, ack ? flags.ack : 0, 0) + payload;

/** @param why for people who read a dump of the connection */
export const goAwayFrame = (lastStream: number, code: number, why: string): string =>
  frameHead(8 + why.length, frameTypes.goAway, 0, 0) + four(lastStream) + four(code) + why;

export const windowUpdateFrame = (stream: number, increment: number): string =>
  frameHead(4, frameTypes.windowUpdate, 0, stream) + four(increment);
