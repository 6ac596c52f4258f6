import { flags, frameHead, frameTypes, headersFrames, maxFrame, maxWindow } from '../wire/h2-frames.ts';
import { leastProgress, maxQueued } from './bounds.ts';
import type { Output, Sender } from './output.ts';

/** A body being sent to the peer, as fast as its windows allow. */
export class SentBody implements Sender {
  readonly #stream: number;
  readonly #output: Output;
  readonly #onDone: () => void;
  readonly #onRoom: () => void;
  sendWindow: number;
  listed = false;
  cut = false;
  #queue: Buffer[] = [];
  queued = 0;
  #whole = false;
  #trailers = '';
  /** `push` has returned false and `onRoom` is due. */
  #full = false;
  /** Since when the peer has taken less than `leastProgress`. */
  #stalledSince: number;
  #taken = 0;

  /**
   * @param sendWindow of the stream
   * @param onDone called when its end is written
   * @param onRoom called when `push` may go on
   */
  constructor(
    stream: number,
    output: Output,
    sendWindow: number,
    now: number,
    onDone: () => void,
    onRoom: () => void,
  ) {
    this.#stream = stream;
    this.#output = output;
    this.sendWindow = sendWindow;
    this.#stalledSince = now;
    this.#onDone = onDone;
    this.#onRoom = onRoom;
  }

  get hasMore(): boolean {
    return this.queued > 0;
  }

  /** @returns false where the caller should wait for `onRoom` */
  push(data: Buffer, now: number): boolean {
    if (this.queued === 0) {
      this.#stalledSince = now;
      this.#taken = 0;
    }
    this.#queue.push(data);
    this.queued += data.length;
    this.#output.enqueue(this);
    if (this.queued >= maxQueued) this.#full = true;
    return !this.#full;
  }

  /** @param trailers field block; empty: none */
  end(trailers: string): void {
    this.#whole = true;
    this.#trailers = trailers;
    this.#output.enqueue(this);
  }

  /** The peer changes the send window. @returns false where that exceeds 2^31-1 */
  widen(change: number): boolean {
    this.sendWindow += change;
    if (this.queued > 0 && this.sendWindow > 0) this.#output.enqueue(this);
    return this.sendWindow <= maxWindow;
  }

  /** Whether the peer has taken almost nothing for `limit` milliseconds. */
  stalled(now: number, limit: number): boolean {
    return this.queued > 0 && now - this.#stalledSince >= limit;
  }

  putFrame(most: number): number {
    const sent = this.queued > 0 ? this.#putData(most) : 0;
    if (this.queued === 0 && this.#whole) {
      if (sent === 0 || this.#trailers !== '') this.#output.add(this.#endFrame());
      this.#onDone();
    } else if (this.#full && this.queued <= maxQueued / 2) {
      this.#full = false;
      this.#onRoom();
    }
    return sent;
  }

  /** Discards what is not sent yet. */
  drop(): void {
    this.#queue = [];
    this.queued = 0;
    this.#whole = false;
    this.#output.drop(this);
  }

  /** Restarts the stall timer if enough was taken since the last call. */
  mark(now: number): void {
    if (this.#taken < leastProgress) return;
    this.#taken = 0;
    this.#stalledSince = now;
  }

  #putData(most: number): number {
    const first = this.#queue[0]!;
    const fits = first.length <= most;
    this.cut = !fits;
    const piece = fits ? first : first.subarray(0, most);
    if (fits) this.#queue.shift();
    else this.#queue[0] = first.subarray(most);
    const { length } = piece;
    this.queued -= length;
    this.sendWindow -= length;
    this.#taken += length;
    const last = this.queued === 0 && this.#whole && this.#trailers === '';
    const head = frameHead(length, frameTypes.data, last ? flags.endStream : 0, this.#stream);
    this.#output.addBody(head, piece);
    return length;
  }

  #endFrame(): string {
    return this.#trailers === ''
      ? frameHead(0, frameTypes.data, flags.endStream, this.#stream)
      : headersFrames(this.#stream, this.#trailers, true, maxFrame);
  }
}
