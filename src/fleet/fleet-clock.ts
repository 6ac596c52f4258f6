/**
 * The clock that a fleet agrees on: that of the store. A machine whose own clock is wrong would date its decisions wrongly, so
 * that they win over later ones or lose against earlier ones.
 */
import type { Pulse } from './store.ts';

/** So far apart, in milliseconds, clocks may be before it matters. */
export const mostSkew = 5000;

export class FleetClock {
  readonly #own: () => number;
  #ahead = 0;
  #measured: number | null = null;

  /** @param own milliseconds since the epoch, by the clock of this machine */
  constructor(own: () => number = Date.now) {
    this.#own = own;
  }

  /** Milliseconds since the epoch, by the clock of the store where that differs much. */
  readonly now = (): number => this.#own() + this.#ahead;

  /** By how many milliseconds the machine's clock is corrected. */
  get correction(): number {
    return this.#ahead;
  }

  /** How far the store's clock is ahead, milliseconds; null: not measured. */
  get skew(): number | null {
    return this.#measured;
  }

  /**
   * Compares the clocks.
   *
   * @param time what the store said
   * @param took milliseconds from the question to the answer
   * @returns whether the correction is another one now
   */
  measure({ time }: Pick<Pulse, 'time'>, took: number): boolean {
    const skew = Math.round(time - (this.#own() - took / 2));
    this.#measured = skew;
    const wanted = Math.abs(skew) <= mostSkew ? 0 : skew;
    // Not with each beat: times of records must not waver with how long an answer took.
    if (Math.abs(wanted - this.#ahead) <= mostSkew) return false;
    this.#ahead = wanted;
    return true;
  }
}
