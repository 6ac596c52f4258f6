/** The body of the request being served: kept until a backend takes it, and watched, since a slow one holds what others wait for. */

import { MessageBody } from '../wire/message-body.ts';
import type { ClientReads } from './client-reads.ts';

/** Milliseconds over which the rate of a body is looked at. */
const rateWindow = 10_000;

export class IncomingBody extends MessageBody {
  /** Bytes of content that wait for a backend. */
  kept = 0;
  /** All of it was there when it was handed over. */
  handedOverWhole = false;
  readonly #declared: number;
  #pieces: Buffer[] = [];
  /** Where a body of known length is put together, if all of it is taken before a backend is asked. */
  #content: Buffer | null;
  /** When bytes of it came last, and the present window of its rate began, on the clock of the server. */
  #since: number;
  #windowAt: number;
  #windowBytes = 0;

  /**
   * @param length its Content-Length; -1: chunked
   * @param mayKeep the most bytes that are kept before a backend is asked
   */
  constructor(length: number, mayKeep: number, now: number) {
    super(length);
    this.#declared = length;
    this.#content = length > 0 && length <= mayKeep ? Buffer.allocUnsafe(length) : null;
    this.#since = now;
    this.#windowAt = now;
  }

  /** As `MessageBody.take`. */
  override take(bytes: Buffer, onPiece: (data: Buffer) => void, now = this.#since): number {
    this.#since = now;
    return super.take(bytes, onPiece);
  }

  /** Keeps a piece until a backend takes it. */
  keep(data: Buffer, reads: ClientReads): void {
    if (this.#content !== null) data.copy(this.#content, this.kept);
    else this.#pieces.push(reads.keep(data));
    this.kept += data.length;
  }

  /** What is there of it, for an attempt. */
  handOver() {
    const pieces = this.release();
    const content = this.#content ?? (pieces.length === 1 ? pieces[0]! : Buffer.concat(pieces));
    this.#content = null;
    this.handedOverWhole = this.done;
    const { done, trailers } = this;
    // Its length is known once it is here; trailers have no place but behind a chunked body.
    const known = done && trailers.length === 0 ? content.length : -1;
    return { content, whole: done, length: this.#declared === -1 ? known : this.#declared, trailers };
  }

  /** What is kept, which is kept no more. */
  release(): readonly Buffer[] {
    const pieces = this.#pieces;
    this.#pieces = [];
    this.kept = 0;
    return pieces;
  }

  /**
   * Whether it stood still or trickled; asked every now and then.
   *
   * @param reading it may come: a backend that takes nothing is not the client's fault
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
