/** The pieces of a request body that were sent, kept for a retry until the answer begins. */
import { piecePassed } from './scavenge.ts';
import type { Exchange } from './upstream-exchange.ts';

/** Bytes kept of one request: enough for nearly every gRPC call. */
const maxBytes = 64 * 1024;
/** Pieces of few bytes cost memory too. */
const maxPieces = 64;

export class Replay {
  /** Null: the body was too long to keep. */
  #pieces: Buffer[] | null = [];
  #bytes = 0;
  /** Null: the body has not ended. */
  #trailers: readonly string[] | null = null;

  get possible(): boolean {
    return this.#pieces !== null;
  }

  add(data: Buffer): void {
    if (this.#pieces === null) return;
    this.#bytes += data.length;
    // Copied: a short piece would keep the whole buffer of its read alive.
    if (this.#bytes <= maxBytes && this.#pieces.length < maxPieces) {
      piecePassed(data.length);
      this.#pieces.push(Buffer.from(data));
    } else this.#pieces = null;
  }

  finish(trailers: readonly string[]): void {
    this.#trailers = trailers;
  }

  sendTo(exchange: Exchange): void {
    for (const piece of this.#pieces ?? []) exchange.write(piece);
    if (this.#trailers !== null) exchange.finish(this.#trailers);
  }
}
