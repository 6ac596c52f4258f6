/** A worker's copy of the ledger: only which clients are banned. */
import { type PrefixKey, prefixKey, readPrefixKey } from '../address/prefix-key.ts';
import type { Ban, BanChange } from './ban.ts';
import { BanTable } from './ban-table.ts';
import { inRanges, noRanges } from './prefix-list.ts';

export interface MirrorOptions {
  /** Milliseconds since the epoch. */
  readonly clock: () => number;
  /** The most bans kept; the same as the ledger's. @default 1_000_000 */
  readonly capacity?: number;
}

/** Equals the ledger once it has applied `ledger.snapshot()` and every later change. */
export class BanMirror {
  readonly #clock: () => number;
  readonly #table: BanTable;
  #lists = noRanges;
  readonly #key = prefixKey();

  constructor({ clock, capacity }: MirrorOptions) {
    this.#clock = clock;
    // Only the ledger decides how long the next ban lasts, so ended bans need not be remembered here.
    this.#table = new BanTable({ memory: 0, ...(capacity === undefined ? {} : { capacity }) });
  }

  apply(change: BanChange): void {
    if (change.kind === 'lists') this.#lists = change.ranges;
    else this.#table.put(change.ban, this.#clock());
  }

  /** Adds or changes a record whose prefix has been parsed already. */
  put(key: PrefixKey, ban: Omit<Ban, 'prefix'>): void {
    this.#table.putAt(key, ban, this.#clock());
  }

  /** @param prefix as `clientPrefix` writes it */
  isBanned(prefix: string): boolean {
    const key = this.#key;
    if (!readPrefixKey(prefix, key)) return false;
    return this.#table.isBanned(key, this.#clock()) || inRanges(this.#lists, key);
  }
}
