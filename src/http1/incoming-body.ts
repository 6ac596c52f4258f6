/** The body of the request being served: buffered until a backend takes it, and timed, since a slow one occupies a backend connection. */

import { MessageBody } from '../wire/message-body.ts';
import type { ClientReads } from './client-reads.ts';

/** Milliseconds over which the rate of a body is measured. */
const rateWindow = 10_000;

export class IncomingBody extends MessageBody {
  /** Buffered bytes. */
  kept = 0;
  /** It was complete when it was handed over. */
  handedOverWhole = false;
  readonly #declared: number;
  #pieces: Buffer[] = [];
  /** Buffer for a body of known length that is buffered completely. */
  #content: Buffer | null;
  /** When bytes last arrived, and when the present rate window began, on the clock of the server. */
  #since: number;
  #windowAt: number;
  #windowBytes = 0;

  /**
   * @param length its Content-Length; -1: chunked
   * @param mayKeep bytes to buffer before a backend is asked
   */
  constructor(length: number, mayKeep: number, now: number) {
    super(length);
    this.#declared = length;
    this.#content = length > 0 && length <= mayKeep ? Buffer.allocUnsafe(length) : null;
    this.#since = now;
    this.#windowAt = now;
  }

  override take(bytes: Buffer, onPiece: (data: Buffer) => void, now = this.#since): number {
    this.#since = now;
    return super.take(bytes, onPiece);
  }

  /** Buffers a piece. */
  keep(data: Buffer, reads: ClientReads): void {
    if (this.#content !== null) data.copy(this.#content, this.kept);
    else this.#pieces.push(reads.keep(data));
    this.kept += data.length;
  }

  /** The body so far, for an attempt. */
  handOver() {
    const pieces = this.release();
    const content = this.#content ?? (pieces.length === 1 ? pieces[0]! : Buffer.concat(pieces));
    this.#content = null;
    this.handedOverWhole = this.done;
    const { done, trailers } = this;
    // A complete body has a known length; but trailers need chunked coding.
    const known = done && trailers.length === 0 ? content.length : -1;
    return { content, whole: done, length: this.#declared === -1 ? known : this.#declared, trailers };
  }

  /** Empties the buffer. */
  release(): readonly Buffer[] {
    const pieces = this.#pieces;
    this.#pieces = [];
    this.kept = 0;
    return pieces;
  }

  /**
   * Whether it stalls or trickles.
   *
   * @param reading the socket is being read: a backend that takes nothing is not the client's fault
   */
  isTooSlow(
    now: number,
    reading: boolean,
    { stall, minRate }: { readonly stall: number; readonly minRate: number },
  ): boolean {
    if (this.done || !reading) {
      this.#windowAt = now;
      this.#since = now;
      return false;
    }
    const full = now - this.#windowAt >= rateWindow;
    const inWindow = this.received - this.#windowBytes;
    if ((full && inWindow * 1000 < minRate * rateWindow) || now - this.#since >= stall) return true;
    if (full) {
      this.#windowAt = now;
      this.#windowBytes = this.received;
    }
    return false;
  }
}
