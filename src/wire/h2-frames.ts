/** HTTP/2 frames, RFC 9113 sections 4 and 6: reading, checks of each frame by itself, and writing. Pure, without the state of a connection. */
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
  /** On SETTINGS and PING. */
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

/** The connection preface of a client, RFC 9113 section 3.4. */
export const preface = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n';
/** The frame size that every endpoint must accept, and the largest that this one accepts. */
export const maxFrame = 16_384;
/** RFC 9113 section 6.9.1. */
export const maxWindow = 0x7fffffff;
const headerSize = 9;

/** A frame. A reader reuses its own: it is valid until the next one. */
export interface Frame {
  type: number;
  flags: number;
  stream: number;
  /** Holds the payload, at `start` until `end`. */
  bytes: Buffer;
  /** The bounds of the payload; without padding and priority after `checkFrame`. */
  start: number;
  end: number;
  /** Bytes of the payload, padding and priority included. */
  length: number;
}

/**
 * Cuts a stream of bytes into frames. DATA is passed on in pieces as it arrives, as if the sender had sent smaller frames: its
 * payload is neither kept nor copied.
 */
export class FrameReader {
  readonly #frame: Frame = { type: 0, flags: 0, stream: 0, bytes: nothing, start: 0, end: 0, length: 0 };
  /** The beginning of an incomplete frame; at most one frame. */
  #held: Buffer | null = null;
  /** Missing bytes of a DATA frame, its flags and its stream. */
  #left = 0;
  #flags = 0;
  #stream = 0;

  /**
   * @param onFrame returns false to stop reading
   * @returns the fault of a frame that is too long
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
          if (!this.#emit(type, flag, stream, bytes, at - length, at, onFrame)) return null;
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
      if (!this.#emit(frameTypes.data, flag, this.#stream, bytes, start, at, onFrame)) return null;
    }
    if (at < bytes.length) this.#held = at === 0 ? bytes : Buffer.from(bytes.subarray(at));
    this.#frame.bytes = nothing;
    return null;
  }

  #emit(
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

/** The fault of a frame by itself; null if it has none. Removes padding and priority from the payload. */
export function checkFrame(frame: Frame): Fault | null {
  const { type, stream, length } = frame;
  switch (type) {
    case frameTypes.data:
      return stream === 0 ? onConnection : unpad(frame);
    case frameTypes.headers:
      return stream === 0 ? onConnection : (unpad(frame) ?? takePriority(frame));
    case frameTypes.priority:
      if (stream === 0) return onConnection;
      if (length !== 5) return inStream(errorCodes.frameSizeError, 'a PRIORITY of a size other than 5');
      return dependsOnItself(frame) ? selfDependent : null;
    case frameTypes.rstStream:
      if (stream === 0) return onConnection;
      return length === 4 ? null : sized('a RST_STREAM of a size other than 4');
    case frameTypes.settings:
      if (stream !== 0) return onStream;
      if ((frame.flags & flags.ack) !== 0)
        return length === 0 ? null : sized('a SETTINGS acknowledgement with a payload');
      return length % 6 === 0 ? null : sized('a SETTINGS of a size that is no multiple of 6');
    case frameTypes.pushPromise:
      return inConnection(errorCodes.protocolError, 'a PUSH_PROMISE from a client');
    case frameTypes.ping:
      if (stream !== 0) return onStream;
      return length === 8 ? null : sized('a PING of a size other than 8');
    case frameTypes.goAway:
      if (stream !== 0) return onStream;
      return length >= 8 ? null : sized('a GOAWAY of less than 8 bytes');
    case frameTypes.windowUpdate:
      return checkWindowUpdate(frame);
    case frameTypes.continuation:
      return stream === 0 ? onConnection : null;
  }
  // RFC 9113 section 5.5: frames of an unknown type are ignored.
  return null;
}

/** The number in four bytes at an offset of the payload, without the highest bit. */
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

/** RFC 9113 section 5.3.2: priority is deprecated, so its fields are skipped. */
function takePriority(frame: Frame): Fault | null {
  if ((frame.flags & flags.priority) === 0) return null;
  if (frame.end - frame.start < 5) return sized('a HEADERS without its priority');
  const itself = dependsOnItself(frame);
  frame.start += 5;
  // RFC 7540 section 5.3.1. The field block is decoded all the same: the HPACK table of the connection depends on it.
  return itself ? selfDependent : null;
}

const dependsOnItself = (frame: Frame): boolean => numberAt(frame, 0) === frame.stream;

function checkWindowUpdate(frame: Frame): Fault | null {
  if (frame.length !== 4) return sized('a WINDOW_UPDATE of a size other than 4');
  if (numberAt(frame, 0) !== 0) return null;
  const why = 'a WINDOW_UPDATE of 0';
  return frame.stream === 0
    ? inConnection(errorCodes.protocolError, why)
    : inStream(errorCodes.protocolError, why);
}

const sized = (why: string): Fault => inConnection(errorCodes.frameSizeError, why);
const tooLong = sized('a frame longer than announced');
const onConnection = inConnection(errorCodes.protocolError, 'a stream frame on stream 0');
const onStream = inConnection(errorCodes.protocolError, 'a connection frame on a stream');
const selfDependent = inStream(errorCodes.protocolError, 'a stream that depends on itself');
const nothing = Buffer.alloc(0);

/*
 * Writing. A frame is a text, one character per byte, like the field blocks of `hpack-encoder.ts`; the payload of a long DATA
 * is written after it as a buffer.
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
 * HEADERS, and CONTINUATION for the rest of a long block.
 *
 * @param most the largest payload that the peer accepts
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
