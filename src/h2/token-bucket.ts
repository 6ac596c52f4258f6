/** Token bucket: `burst` at once, then `perSecond`. */
export class TokenBucket {
  readonly #burst: number;
  /** Capacity that `give` can fill. */
  readonly #most: number;
  readonly #perMillisecond: number;
  #left: number;
  #at: number;

  /** @param now milliseconds */
  constructor(
    {
      burst,
      perSecond,
      most = burst,
    }: { readonly burst: number; readonly perSecond: number; readonly most?: number },
    now: number,
  ) {
    this.#burst = burst;
    this.#most = most;
    this.#perMillisecond = perSecond / 1000;
    this.#left = burst;
    this.#at = now;
  }

  /** Takes one token. @returns false where none is left */
  take(now: number): boolean {
    if (now > this.#at && this.#left < this.#burst)
      this.#left = Math.min(this.#burst, this.#left + (now - this.#at) * this.#perMillisecond);
    this.#at = now;
    if (this.#left < 1) return false;
    this.#left--;
    return true;
  }

  give(more: number): void {
    this.#left = Math.min(this.#most, this.#left + more);
  }
}
