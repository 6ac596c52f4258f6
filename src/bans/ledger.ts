/** Who is banned, and who is about to be. Pure: the clock is passed in, and nothing is read or written here. */
import { clientPrefix, parsePrefix, widenedPrefix } from '../address/ip.ts';
import { prefixKey, readPrefixKey } from '../address/prefix-key.ts';
import type { PrefixSet } from '../address/prefix-set.ts';
import type { RuleId } from '../rules/catalogue.ts';
import { type Ban, type BanChange, type ChangeOrigin, forever, printableReason } from './ban.ts';
import { BanPrefixError, banPrefix, isWide } from './ban-prefix.ts';
import { BanTable } from './ban-table.ts';
import { admit, fault, isRefusal, type Refusal } from './gate.ts';
import { Offences } from './offences.ts';
import { inRanges, PrefixList } from './prefix-list.ts';

export interface LedgerOptions {
  /** Blocked probes by one client until it is banned. */
  readonly after: number;
  /** The time in which they must fall, in milliseconds. */
  readonly within: number;
  /** How long the first, second, third … ban of a client lasts, in milliseconds; the last one repeats. */
  readonly for: readonly number[];
  /** Never banned, whatever they send: the allow-list, and the trusted proxies. */
  readonly exempt: PrefixSet;
  /** Bits of an IPv6 address that are one client, 48 to 64. @default 64 */
  readonly prefix6?: number;
  /** The widest prefix that probes of several IPv6 clients lead to a ban of, 48 to 64. @default 48 */
  readonly widest6?: number;
  /** Milliseconds since the epoch. */
  readonly clock: () => number;
  /** What the window of probes goes by, milliseconds: a clock that nobody sets. @default `clock` */
  readonly elapsed?: () => number;
  /** The most bans kept. @default 1_000_000 */
  readonly capacity?: number;
}

export interface BanRequest {
  /** An address or a prefix. */
  readonly prefix: string;
  /** Milliseconds. @default without an end */
  readonly for?: number;
  /** @default 'banned by an operator' */
  readonly reason?: string;
}

/** Told of every change, in order; must not throw. */
export type ChangeListener = (change: BanChange, origin: ChangeOrigin) => void;

/** What providers hand out to one customer beside a /64, and of how many clients the probes must be. */
const wider = [
  { length: 56, clients: 4 },
  { length: 48, clients: 8 },
] as const;

export class BanLedger {
  #options: LedgerOptions;
  readonly #table: BanTable;
  #offences: Offences;
  #lists = PrefixList.of([]);
  readonly #key = prefixKey();
  readonly #listeners = new Set<ChangeListener>();
  #counted = { at: Number.NEGATIVE_INFINITY, size: 0, lasting: 0 };

  constructor(options: LedgerOptions) {
    this.#options = options;
    this.#offences = new Offences(options.within);
    const { capacity } = options;
    this.#table = new BanTable({
      memory: Math.max(...options.for),
      ...(capacity === undefined ? {} : { capacity }),
    });
  }

  /** Puts other settings in force, for probes that come from now on; bans stay as they are. */
  replace(options: Omit<LedgerOptions, 'clock' | 'elapsed' | 'capacity'>): void {
    if (options.within !== this.#options.within) this.#offences = new Offences(options.within);
    this.#options = { ...this.#options, ...options };
  }

  /**
   * Whether a client is banned now. Whoever asks has the allow-list looked at before: it goes by address, and this by
   * prefix, and the allow-list beats every ban.
   *
   * @param prefix as `clientPrefix` writes it
   */
  isBanned(prefix: string): boolean {
    const key = this.#key;
    if (!readPrefixKey(prefix, key)) return false;
    return this.#table.isBanned(key, this.#options.clock()) || inRanges(this.#lists.ranges, key);
  }

  /** Whether an address is banned now, the allow-list looked at first. */
  bans(address: string): boolean {
    const prefix = clientPrefix(address);
    return prefix !== null && !this.isExempt(address) && this.isBanned(prefix);
  }

  /** Whether an address can never be banned. */
  isExempt(address: string): boolean {
    return this.#options.exempt.contains(address);
  }

  /**
   * Counts a probe that counts towards a ban; the event of it says whether it does.
   *
   * @param rule that named the verdict
   * @returns the ban, where this was the probe that led to it
   */
  offend(address: string, rule: RuleId): Ban | null {
    const counted = this.counted(address);
    const { clock, elapsed = clock } = this.#options;
    const time = elapsed();
    // A client that is banned already has nothing to gain or lose until the ban ends.
    if (counted.length === 0 || !readPrefixKey(counted[0]!.prefix, this.#key)) return null;
    if (this.#table.isBanned(this.#key, clock())) return null;
    let widest: string | null = null;
    for (const { prefix, after } of counted) if (this.#offences.add(prefix, time) >= after) widest = prefix;
    return widest === null ? null : this.ban(widest, rule);
  }

  /**
   * What a probe of this address counts against, and how many of them lead to a ban: the client itself, and of IPv6 the wider
   * prefixes that its owner may walk through. A client is counted up to its own ban, so that several must have been there. Never
   * one that holds an exempt address.
   */
  counted(address: string): readonly { readonly prefix: string; readonly after: number }[] {
    const client = clientPrefix(address);
    if (client === null || this.isExempt(address)) return [];
    const { after, prefix6 = 64, widest6 = 48, exempt } = this.#options;
    if (!client.includes(':')) return [{ prefix: client, after }];
    const found = [{ prefix: widenedPrefix(client, prefix6), after }];
    for (const { length, clients } of wider) {
      if (length >= prefix6 || length < widest6) continue;
      const prefix = widenedPrefix(client, length);
      if (!exempt.overlaps(parsePrefix(prefix)!)) found.push({ prefix, after: after * clients });
    }
    return found;
  }

  /**
   * Bans a client for repeated probes, for the term that is due. Called by `offend`, and where a fleet has counted.
   *
   * @param prefix one that `counted` names
   */
  ban(prefix: string, rule: RuleId): Ban {
    const { for: terms, clock } = this.#options;
    const now = clock();
    const known = this.#table.get(prefix);
    const level = Math.min((known?.level ?? 0) + 1, 255);
    const until = now + terms[Math.min(level, terms.length) - 1]!;
    const changed = this.#next(known);
    const ban: Ban = { prefix, since: now, until, changed, level, by: 'probes', reason: rule };
    this.#take(ban, 'here');
    return ban;
  }

  /**
   * Bans a prefix because an operator says so.
   *
   * @throws {BanPrefixError} where the text is no prefix, or a wider one than a ban may be
   */
  add({ prefix: text, for: term, reason = 'banned by an operator' }: BanRequest): Ban {
    const prefix = banPrefix(text);
    const wrong = fault({ prefix, by: 'operator' });
    if (wrong !== null)
      throw new BanPrefixError(`${prefix} ${wrong}: ban narrower ones, or put it into a file of bans.lists`);
    const known = this.#table.get(prefix);
    const now = this.#options.clock();
    const ban: Ban = {
      prefix,
      since: now,
      until: term === undefined ? forever : Math.min(now + term, forever),
      changed: this.#next(known),
      level: Math.min((known?.level ?? 0) + 1, 255),
      by: 'operator',
      reason: printableReason(reason),
    };
    this.#take(ban, 'here');
    return ban;
  }

  /**
   * Takes a ban back, and forgets that it was one.
   *
   * @returns what was taken back; null where exactly this prefix was not banned
   * @throws {BanPrefixError} where the text is no prefix
   */
  remove(text: string): Ban | null {
    const prefix = banPrefix(text);
    const known = this.#table.get(prefix);
    if (known === null || known.until <= this.#options.clock()) return null;
    const [until, changed] = [this.#options.clock(), this.#next(known)];
    // Kept as a ban that has ended: so other gateways, and records of an earlier time, learn that it was taken back.
    this.#take({ ...known, until, changed, level: 0, by: 'operator' }, 'here');
    return known;
  }

  /**
   * Takes over what another gateway or an earlier run decided, unless what is known here is as new.
   *
   * @returns why it may not be in force here; null: it may
   */
  apply(ban: Ban, origin: ChangeOrigin): Refusal | null {
    const { for: terms, exempt, clock } = this.#options;
    const admitted = admit(ban, { longest: Math.max(...terms), exempt }, clock());
    if (isRefusal(admitted)) return admitted;
    this.#take(admitted, origin);
    return null;
  }

  /** Puts the imported lists in force, in place of the ones before. */
  replaceLists(list: PrefixList): void {
    this.#lists = list;
    this.#emit({ kind: 'lists', ranges: list.ranges }, 'here');
  }

  /** The ban a client stands under; null where there is none. Imported lists are told by `isListed`. */
  banOf(prefix: string): Ban | null {
    return readPrefixKey(prefix, this.#key) ? this.#table.banOf(this.#key, this.#options.clock()) : null;
  }

  /** The record of exactly this prefix, in force or remembered. */
  record(prefix: string): Ban | null {
    return this.#table.get(prefix);
  }

  isListed(prefix: string): boolean {
    return readPrefixKey(prefix, this.#key) && inRanges(this.#lists.ranges, this.#key);
  }

  /** Every ban in force. */
  active(): Iterable<Ban> {
    return this.#table.active(this.#options.clock());
  }

  /** The bans in force that began last, newest first. */
  newest(limit: number): Ban[] {
    return this.#table.newest(limit, this.#options.clock());
  }

  /** Every record, those of ended bans that are remembered included. */
  records(): Iterable<Ban> {
    return this.#table.records();
  }

  /** The time that bans go by, milliseconds since the epoch. */
  get now(): number {
    return this.#options.clock();
  }

  /** Records kept, those past their end included. */
  get size(): number {
    return this.#table.size;
  }

  /**
   * About how many records are remembered for so long after their end (milliseconds), for a minute from now on at least.
   * Counted anew every ten seconds, and when an eighth has come or gone.
   */
  lasting(memory: number): number {
    const now = this.#options.clock();
    const { at, size } = this.#counted;
    if (Math.abs(now - at) > 10_000 || Math.abs(this.size - size) > size / 8)
      this.#counted = {
        at: now,
        size: this.size,
        lasting: this.#table.rememberedCount(now + 60_000, memory),
      };
    return this.#counted.lasting;
  }

  /** When a client was last banned for probes or pardoned, itself or its network; -1: never. Strikes from before have had their answer. */
  decided(prefix: string): number {
    return readPrefixKey(prefix, this.#key) ? this.#table.decided(this.#key) : -1;
  }

  /** The imported lists. */
  get lists(): PrefixList {
    return this.#lists;
  }

  /** Numbers for metrics and health. */
  get counts(): { active: number; records: number; listed: number; offenders: number; evicted: number } {
    const { size: records, evicted } = this.#table;
    const active = this.#table.activeCount(this.#options.clock());
    return { active, records, listed: this.#lists.size, offenders: this.#offences.size, evicted };
  }

  /** What a new listener has missed: apply it, then every change that follows. */
  *snapshot(): Generator<BanChange> {
    for (const ban of this.#table.records()) yield { kind: 'added', ban };
    yield { kind: 'lists', ranges: this.#lists.ranges };
  }

  /** @returns what takes the listener off again */
  onChange(listener: ChangeListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Now, or later than what is known, where another gateway's clock is ahead: a new decision must win. */
  #next(known: Ban | null): number {
    return Math.max(this.#options.clock(), (known?.changed ?? -1) + 1);
  }

  #take(ban: Ban, origin: ChangeOrigin): boolean {
    const now = this.#options.clock();
    if (!this.#table.put(ban, now)) return false;
    // A pardon, here or elsewhere, and a ban for probes: what led to it has had its answer.
    if (ban.by === 'probes') this.#offences.forget(ban.prefix);
    else if (ban.level === 0 && !isWide(ban.prefix)) this.#offences.forget(ban.prefix);
    else if (ban.level === 0) this.#offences.forgetWithin(ban.prefix);
    this.#emit({ kind: ban.until > now ? 'added' : 'removed', ban }, origin);
    return true;
  }

  #emit(change: BanChange, origin: ChangeOrigin): void {
    for (const listener of this.#listeners) listener(change, origin);
  }
}
