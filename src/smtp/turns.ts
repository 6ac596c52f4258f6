/** Whose turn it is among several mail servers: each in turn, but those that have just failed after all others. */

/** Milliseconds that a mail server waits behind the others for having failed. One that hangs costs a client its whole timeout. */
const waitTime = 10_000;

export class Turns {
  /** When each has failed last. */
  readonly #failed: number[];
  readonly #now: () => number;
  #turn = 0;

  /** @param now milliseconds, monotonic */
  constructor(count: number, now: () => number = () => performance.now()) {
    this.#failed = Array.from({ length: count }, () => Number.NEGATIVE_INFINITY);
    this.#now = now;
  }

  /** Every one once, in the order in which they are to be tried. */
  next(): number[] {
    const count = this.#failed.length;
    const first = this.#turn++ % count;
    const since = this.#now() - waitTime;
    const order: number[] = [];
    const behind: number[] = [];
    for (let i = 0; i < count; i++) {
      const index = (first + i) % count;
      (this.#failed[index]! > since ? behind : order).push(index);
    }
    order.push(...behind);
    return order;
  }

  failed(index: number): void {
    this.#failed[index] = this.#now();
  }
}
