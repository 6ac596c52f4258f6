import { errorCodes, type Fault, inConnection } from '../wire/h2-faults.ts';
import { type Frame, flags } from '../wire/h2-frames.ts';
import { maxBlock, maxContinuations } from './bounds.ts';

/** A complete field block. */
export interface WholeBlock {
  readonly stream: number;
  readonly endsStream: boolean;
  readonly bytes: Buffer;
  readonly start: number;
  readonly end: number;
  /** A stream error of its frame. The block is decoded anyway, since it changes the dynamic table. */
  readonly fault: Fault | null;
}

/** Joins HEADERS and CONTINUATION into field blocks, RFC 9113 section 4.3. */
export class FieldBlocks {
  readonly #most: number;
  #first: WholeBlock | null = null;
  #pieces: Buffer[] = [];
  #size = 0;
  /** When the open block began. */
  since = 0;

  constructor(headerBytes: number) {
    this.#most = headerBytes * maxBlock;
  }

  /** Whether CONTINUATION must follow. */
  get open(): boolean {
    return this.#first !== null;
  }

  /** Takes a HEADERS frame. @returns null where CONTINUATION follows */
  begin(frame: Frame, fault: Fault | null, now: number): WholeBlock | null {
    const { stream, bytes, start, end } = frame;
    const endsStream = (frame.flags & flags.endStream) !== 0;
    const block = { stream, endsStream, bytes, start, end, fault };
    if ((frame.flags & flags.endHeaders) !== 0) return block;
    this.#first = block;
    this.#pieces = [Buffer.from(bytes.subarray(start, end))];
    this.#size = end - start;
    this.since = now;
    return null;
  }

  /** Takes a CONTINUATION frame. */
  add({ stream, bytes, start, end }: Frame): Fault | null {
    if (stream !== this.#first!.stream)
      return inConnection(errorCodes.protocolError, 'CONTINUATION of another stream');
    this.#size += end - start;
    if (this.#size > this.#most || this.#pieces.length > maxContinuations)
      return inConnection(errorCodes.enhanceYourCalm, 'a field block that does not end');
    this.#pieces.push(Buffer.from(bytes.subarray(start, end)));
    return null;
  }

  /** The joined block. */
  finish(): WholeBlock {
    const bytes = Buffer.concat(this.#pieces);
    const whole = { ...this.#first!, bytes, start: 0, end: bytes.length };
    this.#first = null;
    this.#pieces = [];
    return whole;
  }
}
