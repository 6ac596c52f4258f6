import type { Attempt } from '../forward/attempt.ts';
import type { IncomingBody } from '../forward/forwarder.ts';
import { grownStreamWindow, maxHeld, rateWindow, streamWindow } from '../h2/bounds.ts';
import { ReceiveWindow } from '../h2/receive-window.ts';
import { windowUpdateFrame } from '../wire/h2-frames.ts';
import type { Http2Connection } from './connection.ts';

/** The body of a request on its way to a backend, as fast as it takes it. */
export class RequestBody {
  readonly #stream: number;
  readonly #connection: Http2Connection;
  readonly #window = new ReceiveWindow(streamWindow);
  /** Came in before the backend took it. */
  #held: Buffer[] = [];
  #heldBytes = 0;
  #attempt: Attempt | null = null;
  /** What came first is on its way: what is held from then on waits for the backend. */
  #handedOver = false;
  /** The backend takes nothing more for now. */
  #full = false;
  /** name, value, name, value …; null: more is to come. */
  trailers: readonly string[] | null = null;
  /** Bytes that came. */
  received = 0;
  /** When something last came, and how much had come at the beginning of the present window of the rate. */
  #since: number;
  #windowAt: number;
  #windowBytes = 0;

  constructor(stream: number, connection: Http2Connection) {
    this.#stream = stream;
    this.#connection = connection;
    this.#since = connection.server.now;
    this.#windowAt = this.#since;
  }

  /** All of it has come. */
  get ended(): boolean {
    return this.trailers !== null;
  }

  get heldBytes(): number {
    return this.#heldBytes;
  }

  /** @returns false where the client sends more than it may */
  take(bytes: number): boolean {
    return this.#window.take(bytes);
  }

  /** @returns false where too much waits already, on all connections */
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
   * What has come, for the head of the request to go out with.
   *
   * @param declared bytes of all of it, as the head tells; -1: it does not
   */
  incoming(declared: number): IncomingBody {
    this.#handedOver = true;
    const content = this.#held.length === 1 ? this.#held[0]! : Buffer.concat(this.#held);
    this.#held = [];
    this.#release(content.length);
    this.give(content.length);
    const trailers = this.trailers ?? [];
    // Its length is known once it is here; trailers have no place but behind a chunked body.
    const known = this.ended && trailers.length === 0 ? content.length : -1;
    return { content, whole: this.ended, length: declared === -1 ? known : declared, trailers };
  }

  /** A backend takes it from now on. @param whole it has all of it */
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

  /** Nobody takes it any more. */
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
    if (!this.ended) this.#tell(this.#window.give(bytes));
  }

  /** A body that stands still, or trickles, holds what others wait for. Not where it is the backend that takes nothing. */
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
    // An upload that goes on: it may come as fast as the road allows.
    if (this.ended) return;
    this.#tell(this.#window.grow(grownStreamWindow));
    this.#connection.grow();
  }

  #tell(increment: number): void {
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
