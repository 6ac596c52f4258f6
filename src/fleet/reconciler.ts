/**
 * Reconciles the bans of this gateway with those of the store: fully after each disconnection, and slowly, step by step, while
 * connected, because a store can silently lose an index, a key or all its data.
 *
 * When Valkey returns, three hundred gateways do this at once. So after a short disconnection each reads only what changed. A
 * store that returns empty is filled by one gateway, which leaves a digest; the others compare that digest with their own
 * bans and add what only they know. Records that all gateways know are not published.
 */
import { setTimeout as delay } from 'node:timers/promises';
import type { Ban } from '../bans/ban.ts';
import type { BanLedger } from '../bans/ledger.ts';
import { bucketOf, type DigestScope, digestOf, inScope, markOf } from './digest.ts';
import { deltaLife, type FleetStore, type Pulse, type StoredBan } from './store.ts';

export interface ReconcilerOptions {
  readonly store: FleetStore;
  readonly ledger: BanLedger;
  /** Identifies this gateway. */
  readonly id: string;
  /** How long a ban is remembered after it ends, in milliseconds. */
  readonly remember: number;
  /** The fleet's clock, milliseconds since the epoch. */
  readonly clock: () => number;
  /** Whether to continue; false once the store is lost. */
  readonly isActive: () => boolean;
  /** Applies a record of the store unless it is refused. */
  readonly take: (record: StoredBan) => void;
  readonly put: (bans: readonly Ban[], quietly: boolean) => Promise<void>;
}

/** Records per request. */
const page = 250;
/** How long the lock of the filling gateway holds, in milliseconds: if it dies, another takes over after this. */
const claimLife = 5000;
/** A filling gateway under whose claim the store has not grown for this long is not waited for, in milliseconds. */
const mostIdle = 15_000;
/** How long the digest of a filled store is kept, in milliseconds. */
const digestLife = 600_000;
/** Changes are read again from this long before the disconnection, in milliseconds: clocks and messages may lag. */
const overlap = 10_000;
/** Milliseconds between two checks on the filling gateway. */
const checkInterval = 500;
/** Gateways start at random within this many milliseconds per live gateway, up to the maximum. */
const spreadEach = 10;
const mostSpread = 3000;
/** Milliseconds between two commands of the slow comparison, over all gateways of a store. */
const comparisonEvery = 250;

/** The store has lost data if it holds less than this share of the gateway's records … */
const emptied = 0.5;
/** … for this many pulses in a row. */
const emptyBeats = 3;

interface Digest extends DigestScope {
  readonly epoch: string;
  readonly sums: readonly number[];
}

export class Reconciler {
  readonly #options: ReconcilerOptions;
  /** The store's epoch at the last reconciliation; null: never reconciled. */
  #epoch: string | null = null;
  /** This gateway has every change up to this time, by the store's clock. */
  #heard = 0;
  #progress: number | null = null;
  #emptyBeats = 0;
  #own: Iterator<Ban> | null = null;
  #cursor = '0';
  #next = 0;

  constructor(options: ReconcilerOptions) {
    this.#options = options;
  }

  /** Progress of the reconciliation, 0 to 1; null: none is in progress. */
  get progress(): number | null {
    return this.#progress;
  }

  /** Forces a full comparison: more bans were made than could be queued. */
  distrust(): void {
    this.#epoch = null;
  }

  /** Checks a pulse while reconciled. @returns false: the store lost data */
  beat({ epoch, time, bans }: Pulse): boolean {
    if (epoch !== this.#epoch) return false;
    // A single low count may be due to bans on their way; a lost index still shows at the next pulses.
    this.#emptyBeats = this.#looksEmptied(bans) ? this.#emptyBeats + 1 : 0;
    if (this.#emptyBeats >= emptyBeats) return false;
    this.#heard = time;
    return true;
  }

  /** Reconciles after a disconnection. @throws Error if the store is lost meanwhile */
  async join(pulse: Pulse): Promise<void> {
    const { isActive } = this.#options;
    const apart = pulse.time - this.#heard;
    this.#progress = 0;
    try {
      // First the bans that others made since the store returned, before this gateway was connected.
      if (this.#heard > 0) await this.#catchUp(Math.max(this.#heard, pulse.time - deltaLife + overlap));
      // Spread the load: all gateways reconnect at the same moment.
      if (pulse.gateways > 1) await delay(Math.random() * Math.min(pulse.gateways * spreadEach, mostSpread));
      if (!isActive()) return;
      const caughtUp = pulse.epoch === this.#epoch && apart < deltaLife - overlap;
      if (!caughtUp || this.#looksEmptied(pulse.bans)) await this.#bringTogether();
      if (!isActive()) return;
      this.#epoch = pulse.epoch;
      this.#heard = pulse.time;
      this.#emptyBeats = 0;
    } finally {
      this.#progress = null;
    }
  }

  /** Takes a step of the slow comparison if one is due. @param now by a monotonic clock */
  async step(now: number, gateways: number): Promise<void> {
    if (now < this.#next) return;
    this.#next = now + Math.max(comparisonEvery * gateways, 1000);
    await this.#compareOwn();
    await this.#walkIndex();
  }

  /** Reads the changes since a time up to which this gateway has everything. */
  async #catchUp(time: number): Promise<void> {
    const { store, isActive } = this.#options;
    for await (const prefixes of store.changedSince(time - overlap)) {
      await this.#read(prefixes);
      if (!isActive()) return;
    }
  }

  async #bringTogether(): Promise<void> {
    const { store, id, isActive, ledger } = this.#options;
    let seen = { filler: '', bans: -1, at: 0 };
    while (isActive()) {
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
      // The claim of a dead gateway outlives it where the clock of the store is set back.
      if (filler !== null && filler === seen.filler && bans === seen.bans) {
        if (performance.now() - seen.at > mostIdle) return this.#exchange();
      } else seen = { filler: filler ?? '', bans, at: performance.now() };
      this.#progress = Math.min(1, bans / Math.max(1, ledger.size));
      await delay(checkInterval * (1 + Math.random()));
    }
  }

  /** Fills a store that lost its data. Publishes only records that other gateways may not have. */
  async #fill(epoch: string): Promise<void> {
    const { store, ledger, id, put, isActive, remember, clock } = this.#options;
    // All gateways have what was decided before the loss; the makers of later records publish them.
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
      if (!isActive()) return;
      if (clock() - claimed < claimLife / 4) continue;
      claimed = clock();
      await store.claim('filler', id, claimLife);
    }
    const digest: Digest = { epoch, ...scope, sums: await digestOf(ledger.records(), scope) };
    await store.note('digest', JSON.stringify(digest), digestLife);
    await store.claim('filler', id, 1);
    // Read what other gateways added meanwhile.
    do await this.#walkIndex();
    while (this.#cursor !== '0' && isActive());
  }

  /**
   * Compares the records of the buckets that differ: adds what only this gateway has, and takes what is newer in the store.
   *
   * @returns whether the store still holds records that this gateway lacks
   */
  async #differs(digest: Digest): Promise<boolean> {
    const { ledger, isActive } = this.#options;
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
      if (!isActive()) return false;
    }
    return left.some((sum) => sum !== 0);
  }

  /** Reads every record of the store, and adds what it lacks. */
  async #exchange(): Promise<void> {
    const { store, ledger, put, isActive } = this.#options;
    const theirs = new Map<string, number>();
    const total = Math.max(1, ledger.size);
    for await (const records of store.allBans()) {
      await this.#takeAll(records);
      for (const { prefix, ban } of records) if (ban !== null) theirs.set(prefix, ban.changed);
      this.#progress = Math.min(0.9, theirs.size / total);
      if (!isActive()) return;
    }
    const missing = (ban: Ban): boolean => (theirs.get(ban.prefix) ?? -1) < ban.changed && this.#lasts(ban);
    for (const part of paged(ledger.records(), missing)) {
      await put(part, false);
      if (!isActive()) return;
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

  /** @returns the records that were added because the store lacked them or had older ones */
  async #compare(records: readonly Ban[]): Promise<Ban[]> {
    if (records.length === 0) return [];
    const { store, put } = this.#options;
    const found = await store.compare(records);
    const missing = records.filter((_, index) => found[index] === 'put');
    await put(missing, false);
    await this.#read(records.flatMap(({ prefix }, index) => (found[index] === 'take' ? [prefix] : [])));
    return missing;
  }

  /** Reads a page of the index, and the records on it that this gateway lacks. */
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

  /** Whether a record is still remembered: the store expires the others. */
  #lasts({ until }: Ban): boolean {
    return until + this.#options.remember > this.#options.clock();
  }

  #looksEmptied(bans: number): boolean {
    return bans < this.#options.ledger.lasting(this.#options.remember) * emptied;
  }

  /** The digest of a recently filled store; null: there is none, or the store has lost data since. */
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
