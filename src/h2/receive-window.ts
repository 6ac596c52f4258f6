/** Receive window of a stream or a connection, RFC 9113 section 5.2. */
export class ReceiveWindow {
  #size: number;
  #left: number;
  /** Freed, but not announced yet. */
  #freed = 0;

  constructor(size: number) {
    this.#size = size;
    this.#left = size;
  }

  /** @returns false where the peer exceeds the window */
  take(bytes: number): boolean {
    this.#left -= bytes;
    return this.#left >= 0;
  }

  /**
   * Bytes that were taken are processed.
   *
   * @returns the increment to announce; 0: not yet, since that would cost a frame for every few bytes
   */
  give(bytes: number): number {
    this.#freed += bytes;
    if (this.#freed < this.#size / 2) return 0;
    const increment = this.#freed;
    this.#freed = 0;
    this.#left += increment;
    return increment;
  }

  /** Enlarges the window. @returns the increment to announce */
  grow(size: number): number {
    if (size <= this.#size) return 0;
    const increment = size - this.#size + this.#freed;
    this.#size = size;
    this.#freed = 0;
    this.#left += increment;
    return increment;
  }
}
