/**
 * Decides which alerts are sent, and when. An attack gives one message when it begins and one when it is over, however many probes it
 * has; probes in between are counted. The caller passes the time.
 */
import { randomUUID } from 'node:crypto';
import type { AlertsConfig } from '../config/alerts-config.ts';
import type { FoldedEvent } from '../events/fold.ts';
import { printable } from '../events/redact.ts';
import { noOrigin, type OriginOf } from '../geo/origin.ts';
import { catalogue, isProbe, type Rule, type RuleId } from '../rules/catalogue.ts';
import { alertWords } from '../words/alerts.ts';
import type { AlertWords } from '../words/alerts-en.ts';
import { type AlertPlace, placeOf } from './link.ts';
import type { AlertKind, AlertMessage, TroubleKind } from './message.ts';
import { type Counted, from, Tally } from './tally.ts';

export interface Ban {
  readonly prefix: string;
  /** Milliseconds since the epoch; null: permanent. */
  readonly until: number | null;
  readonly reason: string;
}

export interface DigestOptions {
  readonly config: Pick<AlertsConfig, 'when' | 'digest' | 'daily' | 'adminUrl' | 'language'>;
  /** Name of this checkpoint. */
  readonly name: string;
  readonly emit: (message: AlertMessage) => void;
  /** Rules seen before: no "first" alert for them. */
  readonly known?: Iterable<string>;
  /** @default every origin is unknown */
  readonly originOf?: OriginOf;
}

/** Milliseconds from the first reason to the message; what happens meanwhile goes into the same message. */
export const settleTime = 5000;
const minute = 60_000;
/** Rows of the last minute kept to count an attack from its first probe; eviction: the oldest. */
const keptRows = 1000;

type Reason = Extract<AlertKind, 'first' | 'rate' | 'ban' | 'passed'>;

/** An attack, from its first reason to the summary. */
interface Episode {
  readonly tally: Tally;
  /** Reasons so far, and whether a message has reported them. */
  readonly reasons: Map<Reason, 'new' | 'reported'>;
  /** Rules seen for the first time ever. */
  readonly firstRules: Set<string>;
  /** By their text in `facts`. */
  readonly passed: Map<string, { readonly rule: string; readonly site: string | null }>;
  /** The first row of each reason. */
  readonly examples: Map<Reason, FoldedEvent>;
  readonly bans: Ban[];
  /** When the message about new reasons is due; null: there are none. */
  due: number | null;
  /** When a reason last occurred. */
  lastReason: number;
  /** Total of the tally in the last message. */
  reported: number;
}

/** Something of ours that can fail. */
interface Subject {
  /** Why it fails now; null: it works. */
  trouble: string | null;
  /** The state last reported. */
  reported: string | null;
  /** No further message before this time. */
  quietUntil: number;
}

export class Digest {
  readonly #options: DigestOptions;
  readonly #originOf: OriginOf;
  readonly #words: AlertWords;
  /** Journal ids of added rows; weak, so that they live as long as the rows. */
  readonly #ids = new WeakMap<FoldedEvent, number>();
  readonly #known: Set<string>;
  readonly #subjects = new Map<string, Subject>();
  /** Probes of the last minute, by second. */
  readonly #seconds = new Map<number, number>();
  #lastMinute = 0;
  /** Rows of the last minute while there is no episode: an attack is counted from its first probe, not from the limit on. */
  #before: { readonly at: number; readonly row: Counted }[] = [];
  #episode: Episode | null = null;
  /** Probes since the last daily message, and when the next is due; null: before the first tick, or turned off. */
  #day: { tally: Tally; due: number } | null = null;

  constructor(options: DigestOptions) {
    this.#options = options;
    this.#originOf = options.originOf ?? noOrigin;
    this.#words = alertWords[options.config.language];
    this.#known = new Set(options.known);
  }

  /** @param now milliseconds since the epoch */
  add(rows: readonly FoldedEvent[], now: number): void {
    this.#reportDay(now);
    const { when } = this.#options.config;
    const second = Math.floor(now / 1000);
    for (const row of rows) {
      // Banned clients are refused already: their further requests raise no alert.
      if (!isProbe(row.rule)) continue;
      this.#day?.tally.add(row);
      this.#lastMinute += row.count;
      this.#seconds.set(second, (this.#seconds.get(second) ?? 0) + row.count);
      if (when.first && !this.#known.has(row.rule)) this.#reason('first', now, row).firstRules.add(row.rule);
      this.#known.add(row.rule);
      if (when.passed && row.action === 'flag' && (catalogue[row.rule] as Rule).action === 'block')
        this.#reason('passed', now, row).passed.set(`${row.rule} on ${row.site ?? 'no site of ours'}`, row);
      if (when.rate > 0 && this.#lastMinute > when.rate) this.#reason('rate', now, row);
      if (this.#episode !== null) this.#episode.tally.add(row);
      else if (when.rate > 0) this.#keep(row, now);
    }
    this.tick(now);
  }

  /** Sets the journal id of an added row: a message links to it. */
  recorded(row: FoldedEvent, id: number): void {
    this.#ids.set(row, id);
  }

  ban(ban: Ban, now: number): void {
    if (!this.#options.config.when.ban) return;
    const { bans } = this.#reason('ban', now);
    if (bans.length < 1000) bans.push(ban);
  }

  /**
   * Something of ours fails, or works again. Reported once, and again only after a lasting change.
   *
   * @param name which one of the kind
   * @param trouble the reason; null: it works
   */
  trouble(kind: TroubleKind, name: string, trouble: string | null, now: number): void {
    if ((kind === 'backend' || kind === 'journal') && !this.#options.config.when[kind]) return;
    const key = `${kind} ${name}`;
    const known = this.#subjects.get(key);
    if (known === undefined) {
      if (trouble !== null) this.#subjects.set(key, { trouble, reported: null, quietUntil: now });
    } else known.trouble = trouble;
    this.tick(now);
  }

  /** Sends what is due. Call it about once a second. */
  tick(now: number): void {
    this.#reportDay(now);
    for (const [second, count] of this.#seconds) {
      if (second * 1000 > now - minute) break;
      this.#seconds.delete(second);
      this.#lastMinute -= count;
    }
    while (this.#before[0] !== undefined && this.#before[0].at <= now - minute) this.#before.shift();
    for (const [key, subject] of this.#subjects) this.#reportSubject(key, subject, now);
    const episode = this.#episode;
    if (episode === null) return;
    const { rate } = this.#options.config.when;
    if (rate > 0 && this.#lastMinute > rate && episode.reasons.has('rate')) episode.lastReason = now;
    if (episode.due !== null && now >= episode.due) this.#reportReasons(episode, now);
    else if (episode.due === null && now - episode.lastReason >= this.#options.config.digest)
      this.#end(episode, now);
  }

  /** Sends what has not been reported yet, before the program ends. */
  close(now: number): void {
    if (this.#episode === null) return;
    if (this.#episode.due !== null) this.#reportReasons(this.#episode, now);
    else this.#end(this.#episode, now);
    this.#episode = null;
  }

  #reportDay(now: number): void {
    const { daily } = this.#options.config;
    if (daily === null) return;
    if (this.#day !== null && now >= this.#day.due) {
      const { tally } = this.#day;
      const { titles, lines: words } = this.#words;
      const lines = tally.total === 0 ? [words.nothing] : tally.lines(this.#words);
      this.#send('daily', 'notice', titles.daily(tally.total), lines, tally.facts(), now);
      this.#day = null;
    }
    this.#day ??= { tally: new Tally(now, this.#originOf), due: nextTime(daily, now) };
  }

  #keep({ rule, prefix, intent, destination, action, count, last }: FoldedEvent, now: number): void {
    this.#before.push({ at: now, row: { rule, prefix, intent, destination, action, count, last } });
    if (this.#before.length > keptRows) this.#before.shift();
  }

  /** A tally of the last minute. */
  #takeBefore(now: number): Tally {
    const rows = this.#before.filter(({ at }) => at > now - minute);
    const tally = new Tally(rows[0]?.at ?? now, this.#originOf);
    for (const { row } of rows) tally.add(row);
    this.#before = [];
    return tally;
  }

  #reason(reason: Reason, now: number, row?: FoldedEvent): Episode {
    this.#episode ??= {
      tally: reason === 'rate' ? this.#takeBefore(now) : new Tally(now, this.#originOf),
      reasons: new Map(),
      firstRules: new Set(),
      passed: new Map(),
      examples: new Map(),
      bans: [],
      due: null,
      lastReason: now,
      reported: 0,
    };
    const episode = this.#episode;
    episode.lastReason = now;
    if (!episode.reasons.has(reason)) {
      episode.reasons.set(reason, 'new');
      if (row !== undefined) episode.examples.set(reason, row);
      episode.due ??= now + settleTime;
    }
    return episode;
  }

  #reportReasons(episode: Episode, now: number): void {
    const { reasons, tally, firstRules, bans } = episode;
    const kinds = [...reasons.keys()].filter((reason) => reasons.get(reason) === 'new');
    const kind = (['passed', 'rate', 'ban', 'first'] as const).find((one) => kinds.includes(one))!;
    const words = this.#words.titles;
    const titles = {
      passed: words.passed,
      rate: words.rate(tally.total),
      ban:
        bans.length === 1
          ? words.banned(from(bans[0]!.prefix, this.#originOf))
          : words.bannedMany(bans.length),
      first:
        firstRules.size === 1
          ? words.first(this.#words.rule([...firstRules][0]!))
          : words.firstMany(firstRules.size),
    };
    for (const reason of reasons.keys()) reasons.set(reason, 'reported');
    episode.due = null;
    episode.reported = tally.total;
    this.#emit(kind, kind === 'passed' || kind === 'rate' ? 'trouble' : 'notice', titles[kind], now, episode);
  }

  #end(episode: Episode, now: number): void {
    this.#episode = null;
    const { tally, reported, reasons } = episode;
    // No probes since the last message: no summary.
    if (tally.total <= reported && !reasons.has('rate') && !reasons.has('passed')) return;
    this.#emit('summary', 'relief', this.#words.titles.quiet(tally.total), now, episode);
  }

  #emit(kind: AlertKind, level: AlertMessage['level'], title: string, now: number, episode: Episode): void {
    const { tally, firstRules, passed, bans } = episode;
    const { lines: words, rule: ruleWords } = this.#words;
    const list = (items: Iterable<string>) => listText(items, this.#words);
    const lines: string[] = [];
    if (passed.size > 0) {
      const each = [...passed.values()].map(({ rule, site }) =>
        words.passedOn(ruleWords(rule), site ?? words.noSite),
      );
      lines.push(words.passed(list(each)));
    }
    if (tally.total > 0) lines.push(...tally.lines(this.#words));
    if (firstRules.size > 0) {
      lines.push(words.first(list([...firstRules].map(ruleWords))));
      const [rule] = firstRules;
      if (firstRules.size === 1) lines.push(words.itIs(rule!, (catalogue[rule as RuleId] as Rule).title));
    }
    if (bans.length > 0) {
      const each = bans.map(({ prefix, until }) => {
        const client = from(prefix, this.#originOf);
        return until === null
          ? words.banForEver(client)
          : words.banFor(client, this.#words.spell(until - now));
      });
      lines.push(words.banned(list(each)));
    }
    this.#send(
      kind,
      level,
      title,
      lines,
      {
        ...tally.facts(),
        first: [...firstRules],
        passed: [...passed.keys()],
        bans: bans.slice(0, 100),
      },
      now,
      this.#placeOf(kind, episode),
    );
  }

  /** The event a message is about: that of its most serious reason. */
  #placeOf(kind: AlertKind, { examples, bans }: Episode): AlertPlace {
    const example = (['passed', 'rate', 'first'] as const)
      .map((reason) => examples.get(reason))
      .find(Boolean);
    return {
      kind,
      rule: example?.rule,
      event: example === undefined ? undefined : this.#ids.get(example),
      client: bans.length === 1 ? bans[0]!.prefix : undefined,
    };
  }

  #reportSubject(key: string, subject: Subject, now: number): void {
    const back = subject.trouble === null;
    if (now < subject.quietUntil || back === (subject.reported === null)) return;
    const [kind, name] = [key.slice(0, key.indexOf(' ')) as TroubleKind, key.slice(key.indexOf(' ') + 1)];
    const { titles, lines: words } = this.#words;
    const shown = printable(name);
    const title = {
      account: () => (back ? titles.accountBack(shown) : titles.account(shown)),
      certificate: () => (back ? titles.certificateBack(shown) : titles.certificate(shown)),
      'certificate-file': () => (back ? titles.fileBack(shown) : titles.file(shown)),
      ocsp: () => (back ? titles.ocspBack(shown) : titles.ocsp(shown)),
      backend: () => (back ? titles.backendBack(name) : titles.backend(name)),
      journal: () => (back ? titles.journalBack : titles.journal),
    }[kind]();
    const lines = back ? [] : [subject.trouble!, ...(kind === 'journal' ? [words.journal] : [])];
    subject.reported = subject.trouble;
    // A flapping backend must not raise an alert each time.
    subject.quietUntil = now + this.#options.config.digest;
    this.#send(kind, back ? 'relief' : 'trouble', title, lines, { name, reason: subject.trouble }, now);
    if (back) this.#subjects.delete(key);
  }

  #send(
    kind: AlertKind,
    level: AlertMessage['level'],
    title: string,
    lines: readonly string[],
    facts: AlertMessage['facts'],
    now: number,
    place: AlertPlace = { kind },
  ): void {
    const { name, emit, config } = this.#options;
    const { adminUrl } = config;
    const { advice } = this.#words;
    const advised = level === 'relief' ? undefined : (advice as Partial<Record<AlertKind, string>>)[kind];
    emit({
      id: randomUUID(),
      kind,
      level,
      time: now,
      from: name,
      title: `${name}: ${title}`,
      lines: advised === undefined ? lines : [...lines, advised],
      signed: this.#words.signed(new Date(now).toISOString(), name),
      link: adminUrl === null ? null : `${adminUrl}/#/${placeOf(place)}`,
      facts,
    });
  }
}

/** The next local `HH:MM` after `now`. */
function nextTime(daily: string, now: number): number {
  const [hour = 0, minutes = 0] = daily.split(':').map(Number);
  const next = new Date(now);
  next.setHours(hour, minutes, 0, 0);
  if (next.getTime() <= now) next.setDate(next.getDate() + 1);
  return next.getTime();
}

function listText(items: Iterable<string>, { separator, more }: AlertWords): string {
  const all = [...items];
  const shown = all.slice(0, 6);
  return [...shown, ...(all.length > 6 ? [more(all.length - 6)] : [])].join(separator);
}
