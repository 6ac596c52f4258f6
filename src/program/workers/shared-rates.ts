/** Sums the workers' counts, so that a client has one limit in total, not one per worker. Pure; the time is passed in. */
import type { RateShare, RateSource } from '../../limit/rate-table.ts';
import type { RateCount } from './messages.ts';

interface Sum {
  /** Counted by the workers. */
  own: number;
  /** How many of those have been reported to the fleet. */
  reported: number;
  /** Counted by other gateways, as last reported. */
  others: number;
  readonly ttl: number;
  readonly expires: number;
}

/** The most keys remembered. Above it the oldest is forgotten, and each worker continues with its own count. */
const capacity = 200_000;

export class SharedRates implements RateSource {
  readonly #sums = new Map<string, Sum>();
  /** Keys not yet reported to the fleet; null as long as there is no fleet. */
  #unreported: Set<string> | null = null;

  /** @returns the totals of the keys, for the worker */
  add(counts: readonly RateCount[], now: number): [key: string, total: number][] {
    return counts.map(({ key, by, ttl }) => {
      let sum = this.#sums.get(key);
      if (sum === undefined) {
        this.#forget(now);
        sum = { own: 0, reported: 0, others: 0, ttl, expires: now + ttl };
        this.#sums.set(key, sum);
      }
      sum.own += by;
      this.#unreported?.add(key);
      return [key, sum.own + sum.others];
    });
  }

  shares(): RateShare[] {
    const keys = this.#unreported ?? [];
    this.#unreported = new Set();
    return [...keys].flatMap((key) => {
      const sum = this.#sums.get(key);
      if (sum === undefined) return [];
      const by = sum.own - sum.reported;
      sum.reported = sum.own;
      return [
        {
          key,
          by,
          ttl: sum.ttl,
          settle: (total: number) => {
            sum.others = Math.max(sum.others, total - sum.reported);
          },
          restore: () => {
            sum.reported -= by;
            this.#unreported?.add(key);
          },
        },
      ];
    });
  }

  /** Keys are in insertion order, so expired and oldest ones come first. */
  #forget(now: number): void {
    for (const [key, { expires }] of this.#sums) {
      if (expires > now && this.#sums.size < capacity) return;
      this.#sums.delete(key);
      this.#unreported?.delete(key);
    }
  }
}
