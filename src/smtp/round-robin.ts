/** Round-robin over the mail servers; those that failed recently come last. */

/** Back-off: milliseconds a failed mail server comes last. One that hangs costs a client its whole timeout. */
const backOff = 10_000;

export class RoundRobin {
  /** When each failed last. */
  readonly #failed: number[];
  readonly #now: () => number;
  #turn = 0;

  /** @param now milliseconds, monotonic */
  constructor(count: number, now: () => number = () => performance.now()) {
    this.#failed = Array.from({ length: count }, () => Number.NEGATIVE_INFINITY);
    this.#now = now;
  }

  /** All indices, in the order to try them. */
  next(): number[] {
    const count = this.#failed.length;
    const first = this.#turn++ % count;
    const since = this.#now() - backOff;
    const order: number[] = [];
    const last: number[] = [];
    for (let i = 0; i < count; i++) {
      const index = (first + i) % count;
      (this.#failed[index]! > since ? last : order).push(index);
    }
    order.push(...last);
    return order;
  }

  failed(index: number): void {
    this.#failed[index] = this.#now();
  }
}
