/**
 * Brings the bans of this gateway and those of the store to the same state: once after each time apart, and slowly for as long
 * as they are together, since a store can lose an index, a key or everything without a word.
 *
 * Three hundred gateways do this at the same time when Valkey comes back. So: after a short time apart only what changed is
 * read. A store that came back empty is filled by one gateway, which leaves a digest; the others compare that with what they
 * hold, and put what only they know. What all know is told to nobody.
 */
import { setTimeout as delay } from 'node:timers/promises';
import type { Ban } from '../bans/ban.ts';
import type { BanLedger } from '../bans/ledger.ts';
import { bucketOf, type DigestScope, digestOf, inScope, markOf } from './digest.ts';
import { deltaLife, type FleetStore, type Pulse, type StoredBan } from './store.ts';

export interface HealingOptions {
  readonly store: FleetStore;
  readonly ledger: BanLedger;
  /** Names this gateway. */
  readonly id: string;
  /** How long a ban is remembered after its end, in milliseconds. */
  readonly remember: number;
  /** By the clock of the fleet, milliseconds since the epoch. */
  readonly clock: () => number;
  /** Whether to go on: not where the store went away meanwhile. */
  readonly goesOn: () => boolean;
  /** Takes over a record that passes the gate. */
  readonly take: (record: StoredBan) => void;
  readonly put: (bans: readonly Ban[], quietly: boolean) => Promise<void>;
}

/** Records in one go. */
const page = 250;
/** The record of what is under way, milliseconds: a filler that has gone gives way to another one after this. */
const claimLife = 5000;
/** How long the digest of a filled store is of use, milliseconds. */
const digestLife = 600_000;
/** Milliseconds that clocks and deliveries may be behind: what changed in them is read again. */
const overlap = 10_000;
/** Milliseconds between two looks at how far the filler is. */
const look = 500;
/** Milliseconds by which the start of gateways is spread, for each that is there; and at most. */
const spreadEach = 10;
const mostSpread = 3000;
/** Commands of the slow comparison that one store gets from all gateways together: one in so many milliseconds. */
const comparisonEvery = 250;

/** The store lost what the gateways know: it holds less than this part of it. */
const emptied = 0.5;
/** And does so for as many beats. */
const emptyBeats = 3;

interface Digest extends DigestScope {
  readonly epoch: string;
  readonly sums: readonly number[];
}

export class Healing {
  readonly #options: HealingOptions;
  /** What the store was when states last agreed; null: never. */
  #epoch: string | null = null;
  /** Up to when this gateway has heard everything, by the clock of the store. */
  #heard = 0;
  #progress: number | null = null;
  #emptyBeats = 0;
  #own: Iterator<Ban> | null = null;
  #cursor = '0';
  #next = 0;

  constructor(options: HealingOptions) {
    this.#options = options;
  }

  /** How far the states have been brought together, 0 to 1; null: they are, or nothing is known of it. */
  get progress(): number | null {
    return this.#progress;
  }

  /** Bans were made that could not be kept track of: all records are to be compared. */
  distrust(): void {
    this.#epoch = null;
  }

  /** Tells what a pulse said while the states agree. @returns whether they still can */
  beat({ epoch, time, bans }: Pulse): boolean {
    if (epoch !== this.#epoch) return false;
    // What was made just now is on its way; an index that is lost is still lost at the next beats.
    this.#emptyBeats = this.#looksEmptied(bans) ? this.#emptyBeats + 1 : 0;
    if (this.#emptyBeats >= emptyBeats) return false;
    this.#heard = time;
    return true;
  }

  /** Brings the states together, after a time apart. @throws Error where the store goes away meanwhile */
  async join(pulse: Pulse): Promise<void> {
    const { goesOn } = this.#options;
    const apart = pulse.time - this.#heard;
    this.#progress = 0;
    try {
      // The new bans come first: those that were told since the store is back, and before this gateway was.
      if (this.#heard > 0) await this.#catchUp(Math.max(this.#heard, pulse.time - deltaLife + overlap));
      // And not all at once.
      if (pulse.gateways > 1) await delay(Math.random() * Math.min(pulse.gateways * spreadEach, mostSpread));
      if (!goesOn()) return;
      const caughtUp = pulse.epoch === this.#epoch && apart < deltaLife - overlap;
      if (!caughtUp || this.#looksEmptied(pulse.bans)) await this.#bringTogether();
      if (!goesOn()) return;
      this.#epoch = pulse.epoch;
      this.#heard = pulse.time;
      this.#emptyBeats = 0;
    } finally {
      this.#progress = null;
    }
  }

  /** A step of the slow comparison, where it is time for one. @param now by a clock that nobody sets */
  async step(now: number, gateways: number): Promise<void> {
    if (now < this.#next) return;
    this.#next = now + Math.max(comparisonEvery * gateways, 1000);
    await this.#compareOwn();
    await this.#walkIndex();
  }

  /** Reads what was changed since a time of which this gateway knows everything. */
  async #catchUp(time: number): Promise<void> {
    const { store, goesOn } = this.#options;
    for await (const prefixes of store.changedSince(time - overlap)) {
      await this.#read(prefixes);
      if (!goesOn()) return;
    }
  }

  async #bringTogether(): Promise<void> {
    const { store, id, goesOn, ledger } = this.#options;
    while (goesOn()) {
      const { epoch, bans } = await store.pulse(id, '{}');
      const digest = ledger.size === 0 ? null : await this.#digest(epoch);
      if (digest !== null) {
        if (await this.#differs(digest)) return this.#exchange();
        for (const part of paged(ledger.records(), ({ changed }) => changed > digest.cut))
          await this.#compare(part);
        return this.#catchUp(digest.cut);
      }
      const filler = await store.noted('filler');
      if (filler === null || filler === id) {
        if (!this.#looksEmptied(bans)) return this.#exchange();
        if (await store.claim('filler', id, claimLife)) return this.#fill(epoch);
      }
      this.#progress = Math.min(1, bans / Math.max(1, ledger.size));
      await delay(look * (1 + Math.random()));
    }
  }

  /** Puts everything into a store that lost it. Told is only what others can't know yet. */
  async #fill(epoch: string): Promise<void> {
    const { store, ledger, id, put, goesOn, remember, clock } = this.#options;
    // What was decided before the store was lost all know; what came later its makers tell.
    const scope = { cut: this.#heard === 0 ? clock() : this.#heard - overlap, remember };
    const total = Math.max(1, ledger.size);
    let done = 0;
    let claimed = clock();
    for (const part of paged(ledger.records(), (ban) => this.#lasts(ban))) {
      const known = part.filter(({ changed }) => this.#heard > 0 && changed <= scope.cut);
      await put(known, true);
      await put(
        part.filter((ban) => !known.includes(ban)),
        false,
      );
      done += part.length;
      this.#progress = Math.min(1, done / total);
      if (!goesOn()) return;
      if (clock() - claimed < claimLife / 4) continue;
      claimed = clock();
      await store.claim('filler', id, claimLife);
    }
    const digest: Digest = { epoch, ...scope, sums: await digestOf(ledger.records(), scope) };
    await store.note('digest', JSON.stringify(digest), digestLife);
    await store.claim('filler', id, 1);
    // What others put there meanwhile.
    do await this.#walkIndex();
    while (this.#cursor !== '0' && goesOn());
  }

  /**
   * Puts what only this gateway knows, and takes what is newer there, by the buckets that differ.
   *
   * @returns whether there is something in the store that this gateway does not know
   */
  async #differs(digest: Digest): Promise<boolean> {
    const { ledger, goesOn } = this.#options;
    const own = await digestOf(ledger.records(), digest);
    const left = digest.sums.map((sum, bucket) => sum ^ own[bucket]!);
    if (left.every((sum) => sum === 0)) return false;
    const differing = left.map((sum) => sum !== 0);
    let done = 0;
    for (const part of paged(ledger.records(), (ban) => differing[bucketOf(ban.prefix)]!)) {
      for (const ban of await this.#compare(part))
        if (inScope(ban, digest)) left[bucketOf(ban.prefix)]! ^= markOf(ban);
      done += part.length;
      this.#progress = Math.min(1, done / Math.max(1, ledger.size));
      if (!goesOn()) return false;
    }
    return left.some((sum) => sum !== 0);
  }

  /** Reads every record of the store, and puts there what is missing. */
  async #exchange(): Promise<void> {
    const { store, ledger, put, goesOn } = this.#options;
    const theirs = new Map<string, number>();
    const total = Math.max(1, ledger.size);
    for await (const records of store.allBans()) {
      await this.#takeAll(records);
      for (const { prefix, ban } of records) if (ban !== null) theirs.set(prefix, ban.changed);
      this.#progress = Math.min(0.9, theirs.size / total);
      if (!goesOn()) return;
    }
    const missing = (ban: Ban): boolean => (theirs.get(ban.prefix) ?? -1) < ban.changed && this.#lasts(ban);
    for (const part of paged(ledger.records(), missing)) {
      await put(part, false);
      if (!goesOn()) return;
    }
  }

  async #compareOwn(): Promise<void> {
    this.#own ??= this.#options.ledger.records()[Symbol.iterator]();
    const part: Ban[] = [];
    while (part.length < page) {
      const { value, done } = this.#own.next();
      if (done === true) {
        this.#own = null;
        break;
      }
      if (this.#lasts(value)) part.push(value);
    }
    await this.#compare(part);
  }

  /** @returns those that were put, being missing or older there */
  async #compare(records: readonly Ban[]): Promise<Ban[]> {
    if (records.length === 0) return [];
    const { store, put } = this.#options;
    const found = await store.compare(records);
    const missing = records.filter((_, index) => found[index] === 'put');
    await put(missing, false);
    await this.#read(records.flatMap(({ prefix }, index) => (found[index] === 'take' ? [prefix] : [])));
    return missing;
  }

  /** What the index names and nobody here has heard of. */
  async #walkIndex(): Promise<void> {
    const { store, ledger } = this.#options;
    const { cursor, prefixes } = await store.indexPage(this.#cursor);
    this.#cursor = cursor;
    await this.#read(prefixes.filter((prefix) => ledger.record(prefix) === null));
  }

  async #read(prefixes: readonly string[]): Promise<void> {
    if (prefixes.length > 0) await this.#takeAll(await this.#options.store.readBans(prefixes));
  }

  async #takeAll(records: readonly StoredBan[]): Promise<void> {
    for (const record of records) this.#options.take(record);
  }

  /** Whether a record is still to be remembered: others are gone from the store by themselves. */
  #lasts({ until }: Ban): boolean {
    return until + this.#options.remember > this.#options.clock();
  }

  #looksEmptied(bans: number): boolean {
    return bans < this.#options.ledger.lasting(this.#options.remember) * emptied;
  }

  /** The digest of a store that was filled lately; null: there is none, or it is of another time. */
  async #digest(epoch: string): Promise<Digest | null> {
    const text = await this.#options.store.noted('digest');
    if (text === null) return null;
    try {
      const digest = JSON.parse(text) as Digest;
      const { cut, remember, sums } = digest;
      const sound = Array.isArray(sums) && sums.every(Number.isInteger) && Number.isFinite(cut + remember);
      return sound && digest.epoch === epoch ? digest : null;
    } catch {
      return null;
    }
  }
}

function* paged(records: Iterable<Ban>, wanted: (ban: Ban) => boolean = () => true): Generator<Ban[]> {
  let part: Ban[] = [];
  for (const ban of records) {
    if (!wanted(ban)) continue;
    part.push(ban);
    if (part.length < page) continue;
    yield part;
    part = [];
  }
  if (part.length > 0) yield part;
}
