import { mostValues, PrefixIndex } from '../address/prefix-index.ts';
import { type PrefixKey, prefixKey, prefixKeyText, readPrefixKey } from '../address/prefix-key.ts';
import { PrefixTrie } from '../address/prefix-trie.ts';
import { type Ban, banMakers, supersedes } from './ban.ts';
import { isWide } from './ban-prefix.ts';

export interface BanTableOptions {
  /** The most records kept. In a full table each new record evicts one. @default 1_000_000 */
  readonly capacity?: number;
  /** How long a ban is remembered after it ends, so that the next one lasts longer; milliseconds. */
  readonly memory: number;
}

/** The latest second that fits an index mark. Bans that end later are looked up in their row. */
const lastSecond = 2 ** 32 - 1;

/** How many rows the clock hand advances for each new record, and how many candidates an eviction compares. */
const handful = 16;

/**
 * Bans by prefix: a million in less than a hundred megabytes. Records are columns of numbers instead of objects, and an index
 * maps each prefix to its row. The index entry is marked with the second in which the ban ends, so most look-ups never touch
 * the row.
 *
 * Eviction: a clock hand walks the rows and drops each record whose ban has ended and whose memory has run out. In a full
 * table, the record that ends soonest among the next sixteen is evicted; an operator's ban only if all sixteen are an
 * operator's. An attacker who fills the table therefore evicts probe bans like his own, mostly those about to end.
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
  /** Prefix length in bits; 0: the row is free. */
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

  /** Records kept, including ended bans that are still remembered. */
  get size(): number {
    return this.#rows.size;
  }

  /** How many bans were evicted before their end because the table was full. */
  get evicted(): number {
    return this.#evicted;
  }

  /** Whether a client is banned, by its own prefix or by a wider one. */
  isBanned(key: PrefixKey, now: number): boolean {
    const place = this.#rows.find(key);
    if (place !== -1 && this.#lasts(place, now)) return true;
    if (this.#wide.size === 0) return false;
    this.#now = now;
    return this.#wide.longestOf(key, this.#inForce) !== -1;
  }

  /** The most specific ban in force for a client; null: none. */
  banOf(key: PrefixKey, now: number): Ban | null {
    const row = this.#rows.get(key);
    if (row !== -1 && this.#until[row]! > now) return this.#ban(row);
    const wide = this.#wide.longestOf(key, (value) => this.#until[value]! > now);
    return wide === -1 ? null : this.#ban(wide);
  }

  /** The record of exactly this prefix, in force or ended. */
  get(prefix: string): Ban | null {
    const row = readPrefixKey(prefix, this.#key) ? this.#rows.get(this.#key) : -1;
    return row === -1 ? null : this.#ban(row);
  }

  /**
   * Stores a record unless the known one is at least as new.
   *
   * @returns whether it was stored
   */
  put(ban: Ban, now: number): boolean {
    const key = prefixKey();
    return readPrefixKey(ban.prefix, key) && this.putAt(key, ban, now);
  }

  /** Like `put`, for a prefix that has been parsed already. */
  putAt(key: PrefixKey, ban: Omit<Ban, 'prefix'>, now: number): boolean {
    // Length 0 marks a free row, and /0 can't be banned.
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

  /** Every record, including ended ones. Safe to iterate while records are added and dropped. */
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

  /** How many records would be remembered at time `now` if each were kept for `memory` milliseconds after its end. */
  rememberedCount(now: number, memory: number): number {
    let count = 0;
    for (let row = 0; row < this.#used; row++) {
      if (this.#length[row] !== 0 && this.#until[row]! + memory > now) count++;
    }
    return count;
  }

  /** When the client, or a network it is in, was last banned for probes or pardoned; -1: never. */
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

  /** The most recent bans in force, newest first. Makes no object for the other records, of which there may be a million. */
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

  /** Whether the ban at this position of the index is in force. */
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

  /** Advances the hand, and drops records whose memory has run out. */
  #pass(now: number): void {
    for (let step = 0; step < Math.min(handful, this.#used); step++) {
      const row = this.#step();
      if (this.#length[row] !== 0 && this.#until[row]! + this.#memory <= now) this.#drop(row);
    }
  }

  /** Evicts one record of a full table, in which no row is free. */
  #evict(now: number): void {
    let victim = this.#step();
    for (let step = 1; step < handful; step++) {
      const row = this.#step();
      if (this.#worth(row) < this.#worth(victim)) victim = row;
    }
    if (this.#until[victim]! > now) this.#evicted++;
    this.#drop(victim);
  }

  /** Eviction order: the lowest goes first. An operator's ban ranks above every probe ban. */
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
