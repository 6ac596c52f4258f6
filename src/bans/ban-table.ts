import { mostValues, PrefixIndex } from '../address/prefix-index.ts';
import { type PrefixKey, prefixKey, prefixKeyText, readPrefixKey } from '../address/prefix-key.ts';
import { PrefixTrie } from '../address/prefix-trie.ts';
import { type Ban, banMakers, supersedes } from './ban.ts';
import { isWide } from './ban-prefix.ts';

export interface BanTableOptions {
  /** The most records that are kept; beyond it one is evicted for each that comes in. @default 1_000_000 */
  readonly capacity?: number;
  /** How long a ban is remembered after its end, so that the next one lasts longer; milliseconds. */
  readonly memory: number;
}

/** The latest second that an index can be marked with; a ban that lasts longer is looked up in its row. */
const lastSecond = 2 ** 32 - 1;

/** How many records the hand looks at to choose which one to evict, and passes with each one that comes in. */
const handful = 16;

/**
 * Bans by prefix, a million of them in less than a hundred megabytes: columns of numbers in place of an object a ban, and an
 * index from the prefix to the row, marked with the second in which the ban ends: so the row itself is seldom looked at.
 *
 * Eviction: a hand goes round the rows. A record past its end and its memory is dropped when the hand passes it. In a full
 * table the one of the next sixteen records that ends soonest goes; what an operator banned goes only where all sixteen are
 * an operator's. So an attacker who fills the table pushes out bans of his own kind, mostly those about to end.
 */
export class BanTable {
  readonly #capacity: number;
  readonly #memory: number;
  readonly #rows = new PrefixIndex();
  readonly #key: PrefixKey = prefixKey();
  readonly #wide = new PrefixTrie();
  readonly #free: number[] = [];
  #high = new Uint32Array(64);
  #low = new Uint32Array(64);
  /** Bits that count; 0: the row is free. */
  #length = new Uint8Array(64);
  #family = new Uint8Array(64);
  #reasons: string[] = [];
  #since = new Float64Array(64);
  #until = new Float64Array(64);
  #changed = new Float64Array(64);
  #level = new Uint8Array(64);
  #by = new Uint8Array(64);
  #used = 0;
  #hand = 0;
  #evicted = 0;
  #now = 0;
  readonly #inForce = (row: number): boolean => this.#until[row]! > this.#now;

  constructor({ capacity = 1_000_000, memory }: BanTableOptions) {
    this.#capacity = Math.min(capacity, mostValues);
    this.#memory = memory;
  }

  /** Records kept, those past their end included. */
  get size(): number {
    return this.#rows.size;
  }

  /** How many bans were dropped before their end, for want of room. */
  get evicted(): number {
    return this.#evicted;
  }

  /** Whether a client is banned: by its own prefix, or by a wider one. */
  isBanned(key: PrefixKey, now: number): boolean {
    const place = this.#rows.find(key);
    if (place !== -1 && this.#lasts(place, now)) return true;
    if (this.#wide.size === 0) return false;
    this.#now = now;
    return this.#wide.longestOf(key, this.#inForce) !== -1;
  }

  /** The ban that a client stands under, the closest-fitting one; null where there is none. */
  banOf(key: PrefixKey, now: number): Ban | null {
    const row = this.#rows.get(key);
    if (row !== -1 && this.#until[row]! > now) return this.#ban(row);
    const wide = this.#wide.longestOf(key, (value) => this.#until[value]! > now);
    return wide === -1 ? null : this.#ban(wide);
  }

  /** The record of exactly this prefix, in force or remembered. */
  get(prefix: string): Ban | null {
    const row = readPrefixKey(prefix, this.#key) ? this.#rows.get(this.#key) : -1;
    return row === -1 ? null : this.#ban(row);
  }

  /**
   * Takes a record in, unless what is known is as new.
   *
   * @returns whether it was taken
   */
  put(ban: Ban, now: number): boolean {
    const key = prefixKey();
    return readPrefixKey(ban.prefix, key) && this.putAt(key, ban, now);
  }

  /** The same, where the prefix has been read already. */
  putAt(key: PrefixKey, ban: Omit<Ban, 'prefix'>, now: number): boolean {
    // A length of 0 marks a free row; everybody can't be banned.
    if (key.length === 0) return false;
    let row = this.#rows.get(key);
    if (row !== -1 && !supersedes(ban, { changed: this.#changed[row]!, until: this.#until[row]! }))
      return false;
    if (row === -1) {
      if (ban.until + this.#memory <= now) return false;
      this.#pass(now);
      if (this.#rows.size >= this.#capacity) this.#evict(now);
      row = this.#row();
      this.#high[row] = key.high;
      this.#low[row] = key.low;
      this.#length[row] = key.length;
      this.#family[row] = key.family;
      if (key.length !== (key.family === 4 ? 32 : 64)) this.#wide.set(prefixKeyText(key), row);
    }
    this.#rows.set(key, row, Math.min(Math.ceil(ban.until / 1000), lastSecond));
    this.#since[row] = ban.since;
    this.#until[row] = ban.until;
    this.#changed[row] = ban.changed;
    this.#level[row] = ban.level;
    this.#by[row] = banMakers.indexOf(ban.by);
    this.#reasons[row] = ban.reason;
    return true;
  }

  /** Every record, remembered ones included. May be walked while records come and go. */
  *records(): Generator<Ban> {
    for (let row = 0; row < this.#used; row++) if (this.#length[row] !== 0) yield this.#ban(row);
  }

  /** Every ban in force. */
  *active(now: number): Generator<Ban> {
    for (let row = 0; row < this.#used; row++) {
      if (this.#length[row] !== 0 && this.#until[row]! > now) yield this.#ban(row);
    }
  }

  /** How many bans are in force. */
  activeCount(now: number): number {
    let count = 0;
    for (let row = 0; row < this.#used; row++) {
      if (this.#length[row] !== 0 && this.#until[row]! > now) count++;
    }
    return count;
  }

  /** How many records are remembered at a time, where they are for so long after their end (milliseconds). */
  rememberedCount(now: number, memory: number): number {
    let count = 0;
    for (let row = 0; row < this.#used; row++) {
      if (this.#length[row] !== 0 && this.#until[row]! + memory > now) count++;
    }
    return count;
  }

  /** When a client was last banned for probes or pardoned, itself or a network that it is in; -1: never. */
  decided(key: PrefixKey): number {
    let last = -1;
    const look = (row: number): boolean => {
      const answers = this.#level[row] === 0 || this.#by[row] === banMakers.indexOf('probes');
      if (answers) last = Math.max(last, this.#changed[row]!);
      return false;
    };
    const row = this.#rows.get(key);
    if (row !== -1) look(row);
    this.#wide.longestOf(key, look);
    return last;
  }

  /** The bans in force that began last, newest first: of a million without an object for each. */
  newest(limit: number, now: number): Ban[] {
    const inForce = (row: number): boolean => this.#length[row] !== 0 && this.#until[row]! > now;
    const began = this.#since
      .slice(0, this.#used)
      .filter((_, row) => inForce(row))
      .sort();
    const least = began[Math.max(0, began.length - limit)] ?? 0;
    const bans: Ban[] = [];
    for (let row = 0; row < this.#used; row++) {
      if (inForce(row) && this.#since[row]! >= least) bans.push(this.#ban(row));
    }
    return bans.sort((a, b) => b.since - a.since).slice(0, limit);
  }

  /** Whether the ban at a place of the index is in force. */
  #lasts(place: number, now: number): boolean {
    const second = this.#rows.markAt(place);
    if (second * 1000 <= now) return false;
    if ((second - 1) * 1000 >= now) return true;
    return this.#until[this.#rows.valueAt(place)]! > now;
  }

  #ban(row: number): Ban {
    return {
      prefix: prefixKeyText(this.#keyOf(row)),
      since: this.#since[row]!,
      until: this.#until[row]!,
      changed: this.#changed[row]!,
      level: this.#level[row]!,
      by: banMakers[this.#by[row]!]!,
      reason: this.#reasons[row]!,
    };
  }

  #keyOf(row: number): PrefixKey {
    return {
      family: this.#family[row] === 4 ? 4 : 6,
      high: this.#high[row]!,
      low: this.#low[row]!,
      length: this.#length[row]!,
    };
  }

  #row(): number {
    const free = this.#free.pop();
    if (free !== undefined) return free;
    if (this.#used === this.#until.length) {
      const size = Math.min(this.#used * 2, Math.max(this.#capacity, 64));
      this.#high = grown(this.#high, new Uint32Array(size));
      this.#low = grown(this.#low, new Uint32Array(size));
      this.#length = grown(this.#length, new Uint8Array(size));
      this.#family = grown(this.#family, new Uint8Array(size));
      this.#since = grown(this.#since, new Float64Array(size));
      this.#until = grown(this.#until, new Float64Array(size));
      this.#changed = grown(this.#changed, new Float64Array(size));
      this.#level = grown(this.#level, new Uint8Array(size));
      this.#by = grown(this.#by, new Uint8Array(size));
    }
    return this.#used++;
  }

  /** The hand goes on, and drops what is past its end and its memory. */
  #pass(now: number): void {
    for (let step = 0; step < Math.min(handful, this.#used); step++) {
      const row = this.#step();
      if (this.#length[row] !== 0 && this.#until[row]! + this.#memory <= now) this.#drop(row);
    }
  }

  #evict(now: number): void {
    let victim = -1;
    for (let step = 0; step < handful; step++) {
      const row = this.#step();
      if (this.#length[row] === 0) continue;
      if (victim === -1 || this.#worth(row) < this.#worth(victim)) victim = row;
    }
    // A handful of free rows side by side: rare, and then the next record does.
    while (victim === -1) {
      const row = this.#step();
      if (this.#length[row] !== 0) victim = row;
    }
    if (this.#until[victim]! > now) this.#evicted++;
    this.#drop(victim);
  }

  /** An operator's ban outlasts every other one. */
  #worth(row: number): number {
    return this.#until[row]! * (this.#by[row] === banMakers.indexOf('operator') ? 1e6 : 1);
  }

  #step(): number {
    this.#hand = (this.#hand + 1) % this.#used;
    return this.#hand;
  }

  #drop(row: number): void {
    const key = this.#keyOf(row);
    const prefix = prefixKeyText(key);
    this.#rows.delete(key);
    if (isWide(prefix)) this.#wide.delete(prefix);
    this.#length[row] = 0;
    this.#reasons[row] = '';
    this.#free.push(row);
  }
}

function grown<T extends Float64Array | Uint8Array | Uint32Array>(from: T, to: T): T {
  to.set(from);
  return to;
}
