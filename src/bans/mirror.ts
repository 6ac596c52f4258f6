/** The ledger as a worker process needs it: who is banned, and nothing else. */
import { type PrefixKey, prefixKey, readPrefixKey } from '../address/prefix-key.ts';
import type { Ban, BanChange } from './ban.ts';
import { BanTable } from './ban-table.ts';
import { inRanges, noRanges } from './prefix-list.ts';

export interface MirrorOptions {
  /** Milliseconds since the epoch. */
  readonly clock: () => number;
  /** The most bans kept; that of the ledger. @default 1_000_000 */
  readonly capacity?: number;
}

/** Holds what the ledger holds once it has applied `ledger.snapshot()` and every change since. */
export class BanMirror {
  readonly #clock: () => number;
  readonly #table: BanTable;
  #lists = noRanges;
  readonly #key = prefixKey();

  constructor({ clock, capacity }: MirrorOptions) {
    this.#clock = clock;
    // The terms are the ledger's affair: here nothing is remembered past its end.
    this.#table = new BanTable({ memory: 0, ...(capacity === undefined ? {} : { capacity }) });
  }

  /** Plain data in: a change may have come as a message. */
  apply(change: BanChange): void {
    if (change.kind === 'lists') this.#lists = change.ranges;
    else this.#table.put(change.ban, this.#clock());
  }

  /** A record whose prefix has been read already: added, or changed. */
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
