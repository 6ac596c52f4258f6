import type { Attempt } from '../forward/attempt.ts';
import type { IncomingBody } from '../forward/forwarder.ts';
import { grownStreamWindow, maxHeld, rateWindow, streamWindow } from '../h2/bounds.ts';
import { ReceiveWindow } from '../h2/receive-window.ts';
import { windowUpdateFrame } from '../wire/h2-frames.ts';
import { trailerFault } from '../wire/h2-request.ts';
import type { FieldBlock } from '../wire/hpack-decoder.ts';
import type { Http2Connection } from './connection.ts';

/** What is wrong with a second field block of a request; null: nothing. */
export function trailersFault({ fields, tooLong }: FieldBlock, endsStream: boolean): string | null {
  if (!endsStream) return 'a second head, without an end of the stream';
  return tooLong ? 'trailers that are too long' : trailerFault(fields);
}

/** The body of a request on its way to a backend, as fast as the backend takes it. */
export class RequestBody {
  readonly #stream: number;
  readonly #connection: Http2Connection;
  readonly #window = new ReceiveWindow(streamWindow);
  /** Received, but not taken by the backend yet. */
  #held: Buffer[] = [];
  #heldBytes = 0;
  #attempt: Attempt | null = null;
  /** The first part is on its way: whatever is held from now on waits for the backend. */
  #handedOver = false;
  /** The backend takes nothing more for now. */
  #full = false;
  /** name, value, name, value …; null: the body has not ended. */
  trailers: readonly string[] | null = null;
  /** Bytes received. */
  received = 0;
  /** When bytes last arrived; then start of the present rate window, and what had been received by then. */
  #since: number;
  #windowAt: number;
  #windowBytes = 0;

  constructor(stream: number, connection: Http2Connection) {
    this.#stream = stream;
    this.#connection = connection;
    this.#since = connection.server.now;
    this.#windowAt = this.#since;
  }

  /** It is complete. */
  get ended(): boolean {
    return this.trailers !== null;
  }

  get heldBytes(): number {
    return this.#heldBytes;
  }

  /** @returns false where the client exceeds its window */
  take(bytes: number): boolean {
    return this.#window.take(bytes);
  }

  /** @returns false where all connections together hold more than `maxHeld` */
  push(data: Buffer): boolean {
    const { server } = this.#connection;
    this.received += data.length;
    this.#since = server.now;
    if (this.#attempt !== null && !this.#full && this.#heldBytes === 0) {
      this.#write(data);
      return true;
    }
    this.#held.push(data);
    this.#heldBytes += data.length;
    server.held += data.length;
    return server.held <= maxHeld;
  }

  /** @param trailers name, value, name, value … */
  end(trailers: readonly string[]): void {
    this.trailers = trailers;
    this.#finish();
  }

  /**
   * The body so far, to go out with the head of the request.
   *
   * @param declared its Content-Length; -1: none
   */
  incoming(declared: number): IncomingBody {
    this.#handedOver = true;
    const content = this.#held.length === 1 ? this.#held[0]! : Buffer.concat(this.#held);
    this.#held = [];
    this.#release(content.length);
    this.give(content.length);
    const trailers = this.trailers ?? [];
    // A complete body has a known length; but trailers need chunked coding.
    const known = this.ended && trailers.length === 0 ? content.length : -1;
    return { content, whole: this.ended, length: declared === -1 ? known : declared, trailers };
  }

  /** A backend takes it from now on. @param whole it has all of it already */
  sendTo(attempt: Attempt, whole: boolean): void {
    if (whole) return;
    this.#attempt = attempt;
    this.resume();
  }

  /** The backend takes more. */
  resume(): void {
    this.#full = false;
    while (this.#held.length > 0 && !this.#full) {
      const data = this.#held.shift()!;
      this.#release(data.length);
      this.#write(data);
    }
    this.#finish();
  }

  /** Discards what is held. */
  drop(): void {
    const bytes = this.#heldBytes;
    this.#attempt = null;
    this.#held = [];
    this.#release(bytes);
    this.#connection.give(bytes);
  }

  /** The client may send as many again. */
  give(bytes: number): void {
    this.#connection.give(bytes);
    if (!this.ended) this.#widen(this.#window.give(bytes));
  }

  /** Whether it stalls or trickles, and so occupies a backend connection. A backend that takes nothing is not the client's fault. */
  tooSlow(now: number, stall: number, minRate: number): boolean {
    if (this.ended || this.#full || (this.#handedOver && this.#heldBytes > 0)) {
      this.#since = now;
      this.#windowAt = now;
      this.#windowBytes = this.received;
      return false;
    }
    if (now - this.#since >= stall) return true;
    if (now - this.#windowAt < rateWindow) return false;
    const slow = (this.received - this.#windowBytes) * 1000 < minRate * rateWindow;
    this.#windowAt = now;
    this.#windowBytes = this.received;
    return slow;
  }

  #write(data: Buffer): void {
    if (!this.#attempt!.write(data)) this.#full = true;
    this.give(data.length);
    // A long upload: a larger window lets it use the bandwidth of the path.
    if (this.ended) return;
    this.#widen(this.#window.grow(grownStreamWindow));
    this.#connection.grow();
  }

  #widen(increment: number): void {
    if (increment > 0) this.#connection.output.put(windowUpdateFrame(this.#stream, increment));
  }

  #release(bytes: number): void {
    this.#heldBytes -= bytes;
    this.#connection.server.held -= bytes;
  }

  #finish(): void {
    if (this.#attempt === null || this.trailers === null || this.#heldBytes > 0) return;
    const attempt = this.#attempt;
    this.#attempt = null;
    attempt.finish(this.trailers);
  }
}
