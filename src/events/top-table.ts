/**
 * Counts by key and slot of time, for "who the most" and "what the most". The number of keys in a slot is bounded, since
 * an attacker chooses them: what comes after that is counted under one key for all.
 */
import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { several } from './fold.ts';

export interface TopRow {
  readonly key: string;
  readonly count: number;
  readonly last: number;
}

export const hour = 3_600_000;
export const day = 24 * hour;
/** Months of one length, counted from the epoch. */
export const month = 30 * day;

/** Keys told apart in one slot; eviction: none, the next slot begins with none. */
const keysPerSlot = 2000;

export class TopTable {
  readonly #name: string;
  readonly #unit: number;
  readonly #db: DatabaseSync;
  readonly #upsert: StatementSync;
  #slot = -1;
  #keys = new Set<string>();

  /** @param unit length of a slot, milliseconds */
  constructor(db: DatabaseSync, name: string, unit: number) {
    this.#db = db;
    this.#name = name;
    this.#unit = unit;
    this.#upsert = db.prepare(
      `INSERT INTO ${name} VALUES (?, ?, ?, ?)
        ON CONFLICT DO UPDATE SET count = count + excluded.count, last = MAX(last, excluded.last)`,
    );
  }

  /** Adds sums, one a key. What is not told apart is one write, however many senders a flood seems to come from. */
  add(
    sums: Iterable<{ readonly key: readonly [string]; readonly count: number; readonly last: number }>,
  ): void {
    let rest = { count: 0, last: 0 };
    const writeRest = (): void => {
      if (rest.count > 0) this.#upsert.run(this.#slot, several, rest.count, rest.last);
      rest = { count: 0, last: 0 };
    };
    for (const {
      key: [key],
      count,
      last,
    } of sums) {
      const slot = last - (last % this.#unit);
      if (slot !== this.#slot) {
        writeRest();
        this.#enter(slot);
      }
      if (!this.#keys.has(key)) {
        if (this.#keys.size >= keysPerSlot) {
          rest.count += count;
          rest.last = Math.max(rest.last, last);
          continue;
        }
        this.#keys.add(key);
      }
      this.#upsert.run(slot, key, count, last);
    }
    writeRest();
  }

  /** Forgets what is held in memory of the slot, after a write was taken back. */
  reset(): void {
    this.#slot = -1;
  }

  #enter(slot: number): void {
    const rows = this.#db
      .prepare(`SELECT key FROM ${this.#name} WHERE slot = ? LIMIT ${keysPerSlot}`)
      .all(slot);
    this.#keys = new Set(rows.map(({ key }) => String(key)));
    this.#slot = slot;
  }
}
