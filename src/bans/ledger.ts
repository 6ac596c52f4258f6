/** Which clients are banned, and how close others are to a ban. Pure: the clock is passed in, and there is no I/O. */
import { clientPrefix, parsePrefix, widenedPrefix } from '../address/ip.ts';
import { prefixKey, readPrefixKey } from '../address/prefix-key.ts';
import type { PrefixSet } from '../address/prefix-set.ts';
import type { RuleId } from '../rules/catalogue.ts';
import { admit, fault, isRefusal, type Refusal } from './admission.ts';
import { type Ban, type BanChange, type ChangeOrigin, forever, printableReason } from './ban.ts';
import { BanPrefixError, banPrefix, isWide } from './ban-prefix.ts';
import { BanTable } from './ban-table.ts';
import { Offences } from './offences.ts';
import { inRanges, PrefixList } from './prefix-list.ts';

export interface LedgerOptions {
  /** How many blocked probes by one client lead to a ban. */
  readonly after: number;
  /** The window in which they must fall, in milliseconds. */
  readonly within: number;
  /** How long the first, second, third … ban of a client lasts, in milliseconds; the last term repeats. */
  readonly for: readonly number[];
  /** Clients that are never banned: the allow-list and the trusted proxies. */
  readonly exempt: PrefixSet;
  /** How many leading bits of an IPv6 address identify one client, 48 to 64. @default 64 */
  readonly prefix6?: number;
  /** The shortest IPv6 prefix length that probes by several clients can get banned, 48 to 64. @default 48 */
  readonly widest6?: number;
  /** Milliseconds since the epoch. */
  readonly clock: () => number;
  /** A monotonic clock for the window of probes, in milliseconds. @default `clock` */
  readonly elapsed?: () => number;
  /** The most bans kept. @default 1_000_000 */
  readonly capacity?: number;
}

export interface BanRequest {
  /** An address or a prefix. */
  readonly prefix: string;
  /** How long the ban lasts, in milliseconds. @default without an end */
  readonly for?: number;
  /** @default 'banned by an operator' */
  readonly reason?: string;
}

/** Called for every change, in order; must not throw. */
export type ChangeListener = (change: BanChange, origin: ChangeOrigin) => void;

/** IPv6 prefixes wider than /64 that providers assign to one customer, and how many clients' worth of probes ban each. */
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

  /** Applies other settings to future probes; existing bans stay as they are. */
  replace(options: Omit<LedgerOptions, 'clock' | 'elapsed' | 'capacity'>): void {
    if (options.within !== this.#options.within) this.#offences = new Offences(options.within);
    this.#options = { ...this.#options, ...options };
  }

  /**
   * Whether a client is banned now. The caller must check the allow-list first, which overrides every ban: it matches
   * addresses, and this matches prefixes.
   *
   * @param prefix as `clientPrefix` writes it
   */
  isBanned(prefix: string): boolean {
    const key = this.#key;
    if (!readPrefixKey(prefix, key)) return false;
    return this.#table.isBanned(key, this.#options.clock()) || inRanges(this.#lists.ranges, key);
  }

  /** Whether an address is banned now and not allow-listed. */
  bans(address: string): boolean {
    const prefix = clientPrefix(address);
    return prefix !== null && !this.isExempt(address) && this.isBanned(prefix);
  }

  /** The allow-list and the trusted proxies. */
  get exempt(): PrefixSet {
    return this.#options.exempt;
  }

  /** Whether an address can never be banned. */
  isExempt(address: string): boolean {
    return this.#options.exempt.containsClient(address);
  }

  /**
   * Counts a probe towards a ban. The caller passes only probes whose event says that they count.
   *
   * @param rule the rule that decided the verdict
   * @returns the ban, if this probe caused one
   */
  offend(address: string, rule: RuleId): Ban | null {
    const counted = this.counted(address);
    const { clock, elapsed = clock } = this.#options;
    const time = elapsed();
    // Probes by a client that is already banned do not count until the ban ends.
    if (counted.length === 0 || !readPrefixKey(counted[0]!.prefix, this.#key)) return null;
    if (this.#table.isBanned(this.#key, clock())) return null;
    let widest: string | null = null;
    for (const { prefix, after } of counted) if (this.#offences.add(prefix, time) >= after) widest = prefix;
    return widest === null ? null : this.ban(widest, rule);
  }

  /**
   * The prefixes that a probe from this address counts against, and how many probes ban each: the client itself and, for IPv6,
   * the wider prefixes within which its owner may change addresses. A client's probes stop counting once it is banned, so a
   * wider ban takes several clients. Wider prefixes that hold an exempt address are omitted.
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
   * Bans a client for repeated probes, for the term that its earlier bans call for. Called by `offend`, and by the fleet when
   * the gateways' common count reaches the threshold.
   *
   * @param prefix one that `counted` returned
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
   * Bans a prefix on behalf of an operator.
   *
   * @throws {BanPrefixError} if the text is not a prefix, or is wider than a ban may be
   */
  add({ prefix: text, for: term, reason = 'banned by an operator' }: BanRequest): Ban {
    const prefix = banPrefix(text);
    const wrong = fault({ prefix, by: 'operator' });
    if (wrong !== null)
      throw new BanPrefixError(
        `${prefix} ${wrong}: ban narrower ones, or put it into a file named in bans.lists`,
      );
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
   * Lifts a ban, and forgets the earlier bans of the prefix.
   *
   * @returns the lifted ban; null: exactly this prefix was not banned
   * @throws {BanPrefixError} if the text is not a prefix
   */
  remove(text: string): Ban | null {
    const prefix = banPrefix(text);
    const known = this.#table.get(prefix);
    if (known === null || known.until <= this.#options.clock()) return null;
    const [until, changed] = [this.#options.clock(), this.#next(known)];
    // Kept as an ended ban, so that the pardon supersedes older records here and on other gateways.
    this.#take({ ...known, until, changed, level: 0, by: 'operator' }, 'here');
    return known;
  }

  /**
   * Applies what another gateway or an earlier run decided, unless the known record is at least as new.
   *
   * @returns why the record is refused; null: it is acceptable
   */
  apply(ban: Ban, origin: ChangeOrigin): Refusal | null {
    const { for: terms, exempt, clock } = this.#options;
    const admitted = admit(ban, { longest: Math.max(...terms), exempt }, clock());
    if (isRefusal(admitted)) return admitted;
    this.#take(admitted, origin);
    return null;
  }

  /** Replaces the imported lists. */
  replaceLists(list: PrefixList): void {
    this.#lists = list;
    this.#emit({ kind: 'lists', ranges: list.ranges }, 'here');
  }

  /** The ban in force for a client; null: none. For imported lists see `isListed`. */
  banOf(prefix: string): Ban | null {
    return readPrefixKey(prefix, this.#key) ? this.#table.banOf(this.#key, this.#options.clock()) : null;
  }

  /** The record of exactly this prefix, in force or ended. */
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

  /** The most recent bans in force, newest first. */
  newest(limit: number): Ban[] {
    return this.#table.newest(limit, this.#options.clock());
  }

  /** Every record, including ended bans that are still remembered. */
  records(): Iterable<Ban> {
    return this.#table.records();
  }

  /** The ledger's current time, milliseconds since the epoch. */
  get now(): number {
    return this.#options.clock();
  }

  /** Records kept, including ended bans that are still remembered. */
  get size(): number {
    return this.#table.size;
  }

  /**
   * Approximately how many records will still be remembered in a minute if each is kept for `memory` milliseconds after its
   * end. Recounted every ten seconds, and when the number of records has changed by an eighth.
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

  /** When a client or its network was last banned for probes or pardoned; -1: never. Older strikes no longer count. */
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

  /** The changes that a new listener must apply before those that follow. */
  *snapshot(): Generator<BanChange> {
    for (const ban of this.#table.records()) yield { kind: 'added', ban };
    yield { kind: 'lists', ranges: this.#lists.ranges };
  }

  /** @returns a function that removes the listener */
  onChange(listener: ChangeListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** The time of a new decision: now, or just after the known record if another gateway's clock is ahead, so that the new decision wins. */
  #next(known: Ban | null): number {
    return Math.max(this.#options.clock(), (known?.changed ?? -1) + 1);
  }

  #take(ban: Ban, origin: ChangeOrigin): void {
    const now = this.#options.clock();
    if (!this.#table.put(ban, now)) return;
    // A probe ban or a pardon, made here or elsewhere, settles earlier offences: they no longer count.
    if (ban.by === 'probes') this.#offences.forget(ban.prefix);
    else if (ban.level === 0 && !isWide(ban.prefix)) this.#offences.forget(ban.prefix);
    else if (ban.level === 0) this.#offences.forgetWithin(ban.prefix);
    this.#emit({ kind: ban.until > now ? 'added' : 'removed', ban }, origin);
  }

  #emit(change: BanChange, origin: ChangeOrigin): void {
    for (const listener of this.#listeners) listener(change, origin);
  }
}
