/** What has gone out of a request body piece by piece, kept as long as it may have to go out again. */
import type { Exchange } from './upstream-exchange.ts';

/** Bytes that are kept of one request: those of nearly every call of gRPC. */
const maxBytes = 64 * 1024;
/** Pieces: each costs memory beside its bytes. */
const maxPieces = 64;

export class Replay {
  /** Null: there was too much of it. */
  #pieces: Buffer[] | null = [];
  #bytes = 0;
  /** Null: more is to come. */
  #trailers: readonly string[] | null = null;

  get possible(): boolean {
    return this.#pieces !== null;
  }

  add(data: Buffer): void {
    if (this.#pieces === null) return;
    this.#bytes += data.length;
    // Copied: a piece of a few bytes would keep all of what was read with it.
    if (this.#bytes <= maxBytes && this.#pieces.length < maxPieces) this.#pieces.push(Buffer.from(data));
    else this.#pieces = null;
  }

  finish(trailers: readonly string[]): void {
    this.#trailers = trailers;
  }

  sendTo(exchange: Exchange): void {
    for (const piece of this.#pieces ?? []) exchange.write(piece);
    if (this.#trailers !== null) exchange.finish(this.#trailers);
  }
}
