import { errorCodes, type Fault, inConnection } from '../wire/h2-faults.ts';
import { type Frame, flags } from '../wire/h2-frames.ts';
import { maxBlock, maxContinuations } from './bounds.ts';

/** A whole field block. */
export interface WholeBlock {
  readonly stream: number;
  readonly endsStream: boolean;
  readonly bytes: Buffer;
  readonly start: number;
  readonly end: number;
  /** Of its frame, where the stream alone is at fault: the block is decoded all the same, for the table. */
  readonly fault: Fault | null;
}

/** Puts a block in pieces together again, RFC 9113 section 4.3. */
export class FieldBlocks {
  readonly #most: number;
  #first: WholeBlock | null = null;
  #pieces: Buffer[] = [];
  #size = 0;
  /** When the present one began. */
  since = 0;

  constructor(headerBytes: number) {
    this.#most = headerBytes * maxBlock;
  }

  /** A block has begun, and goes on in CONTINUATION. */
  get open(): boolean {
    return this.#first !== null;
  }

  /** Takes a HEADERS. @returns null where the block goes on */
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

  /** Takes a CONTINUATION. */
  add({ stream, bytes, start, end }: Frame): Fault | null {
    if (stream !== this.#first!.stream)
      return inConnection(errorCodes.protocolError, 'a CONTINUATION of another stream');
    this.#size += end - start;
    if (this.#size > this.#most || this.#pieces.length > maxContinuations)
      return inConnection(errorCodes.enhanceYourCalm, 'a field block that does not end');
    this.#pieces.push(Buffer.from(bytes.subarray(start, end)));
    return null;
  }

  /** The block, with its last piece. */
  finish(): WholeBlock {
    const bytes = Buffer.concat(this.#pieces);
    const whole = { ...this.#first!, bytes, start: 0, end: bytes.length };
    this.#first = null;
    this.#pieces = [];
    return whole;
  }
}
