/** What the peer may still send, on a stream or on the connection: RFC 9113 section 5.2. */
export class ReceiveWindow {
  /** What it may have on the way. */
  #size: number;
  #left: number;
  /** Used, and not yet given back. */
  #used = 0;

  constructor(size: number) {
    this.#size = size;
    this.#left = size;
  }

  /** @returns false where the peer sends more than it may */
  take(bytes: number): boolean {
    this.#left -= bytes;
    return this.#left >= 0;
  }

  /**
   * What was taken has gone on, and its room is free again.
   *
   * @returns the increment to tell the peer of; 0 where it is too early for one
   */
  give(bytes: number): number {
    this.#used += bytes;
    if (this.#used < this.#size / 2) return 0;
    const increment = this.#used;
    this.#used = 0;
    this.#left += increment;
    return increment;
  }

  /** Lets more be on the way. @returns the increment to tell the peer of */
  grow(size: number): number {
    if (size <= this.#size) return 0;
    const increment = size - this.#size + this.#used;
    this.#size = size;
    this.#used = 0;
    this.#left += increment;
    return increment;
  }
}
