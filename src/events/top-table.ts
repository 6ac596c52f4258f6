/**
 * Counts by key and time slot, for the busiest sources and destinations. An attacker chooses the keys, so their number per slot is
 * bounded: further keys are counted together, as `several`.
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
/** A fixed length: months are counted from the epoch. */
export const month = 30 * day;

/** Keys per slot; no eviction: the next slot starts empty. */
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

  /** Adds one sum per key. All keys beyond the limit cost one write, however many senders a flood has. */
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

  /** Forgets the cached keys of the slot, after a rollback or a deletion. */
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
