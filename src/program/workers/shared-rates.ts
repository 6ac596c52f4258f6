/** Sums what workers count, so that a client has one limit and not one a worker. Pure; the time is passed in. */
import type { RateShare, RateSource } from '../../limit/rate-table.ts';
import type { RateCount } from './messages.ts';

interface Sum {
  /** Counted by the workers. */
  own: number;
  /** How many of those the fleet has been told of. */
  told: number;
  /** Counted by other gateways, as far as known. */
  others: number;
  readonly ttl: number;
  readonly expires: number;
}

/** The most keys remembered; beyond it the oldest is forgotten, and workers go on with what they have. */
const capacity = 200_000;

export class SharedRates implements RateSource {
  readonly #sums = new Map<string, Sum>();
  /** Keys that the fleet has not been told of; null as long as there is no fleet. */
  #untold: Set<string> | null = null;

  /** @returns the totals of the keys, to be told to the worker */
  add(counts: readonly RateCount[], now: number): [key: string, total: number][] {
    return counts.map(({ key, by, ttl }) => {
      let sum = this.#sums.get(key);
      if (sum === undefined) {
        this.#forget(now);
        sum = { own: 0, told: 0, others: 0, ttl, expires: now + ttl };
        this.#sums.set(key, sum);
      }
      sum.own += by;
      this.#untold?.add(key);
      return [key, sum.own + sum.others];
    });
  }

  shares(): RateShare[] {
    const keys = this.#untold ?? [];
    this.#untold = new Set();
    return [...keys].flatMap((key) => {
      const sum = this.#sums.get(key);
      if (sum === undefined) return [];
      const by = sum.own - sum.told;
      sum.told = sum.own;
      return [
        {
          key,
          by,
          ttl: sum.ttl,
          settle: (total: number) => {
            sum.others = Math.max(sum.others, total - sum.told);
          },
          restore: () => {
            sum.told -= by;
            this.#untold?.add(key);
          },
        },
      ];
    });
  }

  /** Keys are added in the order of time: the ended and the oldest come first. */
  #forget(now: number): void {
    for (const [key, { expires }] of this.#sums) {
      if (expires > now && this.#sums.size < capacity) return;
      this.#sums.delete(key);
      this.#untold?.delete(key);
    }
  }
}
