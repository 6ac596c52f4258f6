/**
 * The clock of a fleet, which is the store's. A machine with a wrong clock would misdate its decisions, which would then
 * supersede later ones or lose to earlier ones.
 */
import type { Pulse } from './store.ts';

/** The difference between clocks that is tolerated, in milliseconds. */
export const mostSkew = 5000;

export class FleetClock {
  readonly #own: () => number;
  #ahead = 0;
  #measured: number | null = null;

  /** @param own this machine's clock, milliseconds since the epoch */
  constructor(own: () => number = Date.now) {
    this.#own = own;
  }

  /** Milliseconds since the epoch, corrected to the store's clock if the difference is large. */
  readonly now = (): number => this.#own() + this.#ahead;

  /** The correction of the machine's clock, in milliseconds. */
  get correction(): number {
    return this.#ahead;
  }

  /** How far the store's clock is ahead, in milliseconds; null: not measured. */
  get skew(): number | null {
    return this.#measured;
  }

  /**
   * Compares the clocks.
   *
   * @param time the store's time
   * @param took round-trip time of the request, in milliseconds
   * @returns whether the correction has changed
   */
  measure({ time }: Pick<Pulse, 'time'>, took: number): boolean {
    const skew = Math.round(time - (this.#own() - took / 2));
    this.#measured = skew;
    const wanted = Math.abs(skew) <= mostSkew ? 0 : skew;
    // Not at every pulse: the times of records must not jitter with the store's response times.
    if (Math.abs(wanted - this.#ahead) <= mostSkew) return false;
    this.#ahead = wanted;
    return true;
  }
}
