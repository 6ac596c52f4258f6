/** What is asked of the journal. Every answer is bounded, whatever the journal holds. */
import type { DatabaseSync, SQLInputValue } from 'node:sqlite';
import { clientPrefix, parsePrefix, prefixText } from '../address/ip.ts';
import { type Action, type Answer, isProbe, type RuleId } from '../rules/catalogue.ts';
import type { Intent } from '../rules/intent.ts';
import { foldWindow } from './journal-store.ts';
import { day, hour, type TopRow } from './top-table.ts';

/** A row of the journal, without its bytes. */
export interface JournalRow {
  readonly id: number;
  /** Time of the first and the last event it stands for, milliseconds since the epoch. */
  readonly first: number;
  readonly last: number;
  readonly count: number;
  readonly listener: string;
  readonly client: string;
  readonly prefix: string;
  readonly site: string | null;
  readonly action: Action;
  readonly rule: RuleId;
  readonly rules: readonly RuleId[];
  readonly intent: Intent;
  readonly destination: string | null;
  readonly answer: Answer | null;
  readonly why: string;
  readonly request: string;
}

export interface JournalEvent extends JournalRow {
  readonly bytes: string;
}

export interface EventFilter {
  readonly rule?: string | undefined;
  /** An address, a prefix, or what stands in the `prefix` of a row. */
  readonly client?: string | undefined;
  readonly site?: string | undefined;
  readonly action?: string | undefined;
  readonly intent?: string | undefined;
  /** Words in destination or request. */
  readonly text?: string | undefined;
  /** Milliseconds since the epoch; `to` is not included. */
  readonly from?: number | undefined;
  readonly to?: number | undefined;
}

export interface EventPage {
  /** Newest first. */
  readonly events: readonly JournalRow[];
  /** Pass it on as `before` for the page behind this one; null: this is the last. */
  readonly next: string | null;
}

export interface Summary {
  readonly from: number;
  readonly to: number;
  /** Probes in the range, and how many rows they lie in is of no interest here. */
  readonly total: number;
  /** Requests of banned clients in the range, which are no probes and in none of the tables. */
  readonly banned: number;
  readonly rules: readonly { readonly rule: RuleId; readonly action: Action; readonly count: number }[];
  readonly series: {
    /** Milliseconds between two points. */
    readonly step: number;
    /** Points that hold something: start, rule, count. */
    readonly points: readonly { readonly time: number; readonly rule: RuleId; readonly count: number }[];
  };
  /** The busiest first. */
  readonly sources: readonly {
    readonly prefix: string;
    readonly count: number;
    readonly last: number;
    /** Of its latest event; null where that is gone. */
    readonly rule: RuleId | null;
    readonly why: string | null;
  }[];
  readonly intents: readonly { readonly intent: Intent; readonly count: number }[];
  readonly destinations: readonly {
    /** `HOST:PORT`, or `several`. */
    readonly destination: string;
    /** Null with `several`. */
    readonly intent: Intent | null;
    readonly count: number;
  }[];
  /** Since the journal began. */
  readonly totals: readonly {
    readonly rule: RuleId;
    readonly action: Action;
    readonly count: number;
    readonly first: number;
  }[];
}

const columns =
  'e.id, first, last, count, listener, client, prefix, site, action, rule, rules, intent, destination, answer, why, request';

/** @param before `next` of the page before; one that is none counts as the beginning */
export function eventPage(
  db: DatabaseSync,
  filter: EventFilter,
  limit: number,
  before: string | null,
): EventPage {
  const { where, values } = conditions(filter);
  const cursor = /^(\d{1,15})-(\d{1,15})$/.exec(before ?? '');
  if (cursor !== null) {
    where.push('(last, e.id) < (?, ?)');
    values.push(Number(cursor[1]), Number(cursor[2]));
  }
  const rows = db
    .prepare(`SELECT ${columns} FROM events e ${whereText(where)} ORDER BY last DESC, e.id DESC LIMIT ?`)
    .all(...values, limit + 1)
    .map(toRow);
  const events = rows.slice(0, limit);
  const end = events.at(-1);
  return { events, next: rows.length > limit && end !== undefined ? `${end.last}-${end.id}` : null };
}

/** One event in full; null where there is none of that id. */
export function eventById(db: DatabaseSync, id: number): JournalEvent | null {
  const row = db
    .prepare(`SELECT ${columns}, bytes FROM events e LEFT JOIN evidence USING (id) WHERE e.id = ?`)
    .get(id) as (Raw & { bytes: string | null }) | undefined;
  return row === undefined ? null : { ...toRow(row), bytes: row.bytes ?? '' };
}

/** The events of a report, with their bytes, oldest first; the latest where there are more than the limit. */
export function eventsInFull(db: DatabaseSync, filter: EventFilter, limit: number): JournalEvent[] {
  const { where, values } = conditions(filter);
  return db
    .prepare(
      `SELECT ${columns}, bytes FROM events e LEFT JOIN evidence USING (id) ${whereText(where)}
        ORDER BY last DESC, e.id DESC LIMIT ?`,
    )
    .all(...values, limit)
    .map((row) => ({ ...toRow(row), bytes: String(row.bytes ?? '') }))
    .reverse();
}

/** Minutes between two points of a series, such as people read; the last one is for ranges of many years. */
const steps = [1, 2, 5, 10, 15, 30, 60, 120, 240, 360, 720, 1440, 10_080, 1e9];

/** @param points how many points the series has at most */
export function summary(db: DatabaseSync, from: number, to: number, points = 120): Summary {
  const minute = 60_000;
  const start = Math.floor(from / minute) * minute;
  const step = steps.find((minutes) => (to - start) / (minutes * minute) <= points)! * minute;
  const all = <T>(sql: string, ...values: SQLInputValue[]): T[] => db.prepare(sql).all(...values) as T[];
  const latest = db.prepare(
    "SELECT rule, why FROM events WHERE prefix = ? AND +rule <> 'client-banned' ORDER BY last DESC LIMIT 1",
  );
  const seen = all<Summary['rules'][number]>(
    `SELECT rule, action, SUM(count) AS count FROM minutes WHERE minute >= ? AND minute < ?
      GROUP BY rule, action ORDER BY count DESC`,
    start,
    to,
  );
  const rules = seen.filter(({ rule }) => isProbe(rule));
  return {
    from: start,
    to,
    banned: seen.reduce((sum, { rule, count }) => sum + (isProbe(rule) ? 0 : count), 0),
    total: rules.reduce((sum, { count }) => sum + count, 0),
    rules,
    series: {
      step,
      points: all(
        `SELECT ? + ((minute - ?) / ?) * ? AS time, rule, SUM(count) AS count FROM minutes
          WHERE minute >= ? AND minute < ? AND rule <> 'client-banned' GROUP BY 1, rule ORDER BY 1`,
        start,
        start,
        step,
        step,
        start,
        to,
      ),
    },
    sources: tops(db, 'sources', start, to).map(({ key, ...row }) => ({
      prefix: key,
      ...row,
      ...((latest.get(key) as { rule: RuleId; why: string } | undefined) ?? { rule: null, why: null }),
    })),
    intents: all(
      `SELECT intent, SUM(count) AS count FROM intents WHERE minute >= ? AND minute < ?
        GROUP BY intent ORDER BY count DESC`,
      start,
      to,
    ),
    destinations: tops(db, 'wants', start, to).map(({ key, count }) => {
      const [intent, destination] = key.split(' ', 2) as [Intent, string | undefined];
      return destination === undefined
        ? { intent: null, destination: key, count }
        : { intent, destination, count };
    }),
    totals: all("SELECT rule, action, count, first FROM totals WHERE rule <> 'client-banned'"),
  };
}

/** Rows that a short range is told from: its newest, under a flood not all. */
const rowsOfShortRange = 30_000;

/** The busiest of a range: a short one from the events themselves, a longer one from counts by the hour or day. */
function tops(db: DatabaseSync, what: 'sources' | 'wants', from: number, to: number): TopRow[] {
  const length = to - from;
  if (length > 2 * hour) {
    const unit = length > 2 * day ? day : hour;
    return db
      .prepare(
        `SELECT key, SUM(count) AS count, MAX(last) AS last FROM ${what}${unit === day ? 'Day' : 'Hour'}
          WHERE slot >= ? AND slot < ? GROUP BY key ORDER BY count DESC, last DESC LIMIT 50`,
      )
      .all(from - (from % unit), to) as unknown as TopRow[];
  }
  const key = what === 'sources' ? 'prefix' : "intent || ' ' || host_of(destination)";
  return db
    .prepare(
      `SELECT key, SUM(count) AS count, MAX(last) AS last FROM
        (SELECT ${key} AS key, count, last FROM events WHERE last >= ? AND last < ? AND +rule <> 'client-banned' ORDER BY last DESC LIMIT ?)
        WHERE key IS NOT NULL GROUP BY key ORDER BY count DESC, last DESC LIMIT 50`,
    )
    .all(from, to, rowsOfShortRange) as unknown as TopRow[];
}

const whereText = (where: readonly string[]): string =>
  where.length === 0 ? '' : `WHERE ${where.join(' AND ')}`;

function conditions({ client, text, from, to, ...equal }: EventFilter): {
  where: string[];
  values: SQLInputValue[];
} {
  const where: string[] = [];
  const values: SQLInputValue[] = [];
  for (const [column, value] of Object.entries(equal)) {
    if (value === undefined) continue;
    // Names are those of the interface; the plus keeps SQLite from an index that would sort all of a common value.
    where.push(`${column === 'rule' ? '' : '+'}${column} = ?`);
    values.push(value);
  }
  if (client !== undefined) {
    const wide = client.includes('/') ? parsePrefix(client) : null;
    const counted = wide === null ? (clientPrefix(client) ?? client) : prefixText(wide);
    const narrow = wide === null || wide.length === (wide.family === 4 ? 32 : 64);
    where.push(narrow ? 'prefix = ?' : 'within(client, ?)');
    values.push(counted);
  }
  if (text !== undefined && text !== '') {
    where.push("(destination LIKE ? ESCAPE '\\' OR request LIKE ? ESCAPE '\\')");
    const pattern = `%${text.replace(/[\\%_]/g, '\\$&')}%`;
    values.push(pattern, pattern);
  }
  if (from !== undefined) {
    where.push('last >= ?');
    values.push(from);
  }
  if (to !== undefined) {
    // The second bound follows from the first, and lets the index skip what is newer.
    where.push('first < ?', 'last < ?');
    values.push(to, to + foldWindow + 60_000);
  }
  return { where, values };
}

type Raw = Omit<JournalRow, 'rules' | 'answer'> & { rules: string; answer: string | null };

function toRow(raw: unknown): JournalRow {
  const { bytes: _, ...row } = raw as Raw & { bytes?: string };
  const { rules, answer } = row;
  return {
    ...row,
    rules: rules.split(' ') as RuleId[],
    answer: answer === null ? null : answer === 'drop' ? 'drop' : Number(answer),
  };
}
