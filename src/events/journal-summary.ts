/** Counts over a time range. Long ranges use the hourly and daily counts, so that a year is as fast as a day. */
import type { DatabaseSync, SQLInputValue } from 'node:sqlite';
import { type Action, isProbe, type RuleId } from '../rules/catalogue.ts';
import type { Intent } from '../rules/intent.ts';
import { day, hour, month, type TopRow } from './top-table.ts';

export interface Summary {
  readonly from: number;
  readonly to: number;
  /** Probes in the range. */
  readonly total: number;
  /** Requests of banned clients in the range: not counted as probes, and in none of the tables. */
  readonly banned: number;
  readonly rules: readonly { readonly rule: RuleId; readonly action: Action; readonly count: number }[];
  readonly series: {
    /** Milliseconds between two points. */
    readonly step: number;
    /** Non-empty points: start, rule, count. */
    readonly points: readonly { readonly time: number; readonly rule: RuleId; readonly count: number }[];
    /** Requests of banned clients, at the same points. */
    readonly banned: readonly { readonly time: number; readonly count: number }[];
  };
  /** Busiest first. */
  readonly sources: readonly {
    readonly prefix: string;
    readonly count: number;
    readonly last: number;
    /** Of its oldest event kept; null if none is. */
    readonly first: number | null;
    /** Of its latest event; null if that has been deleted. */
    readonly rule: RuleId | null;
    readonly why: string | null;
  }[];
  readonly intents: readonly { readonly intent: Intent; readonly count: number }[];
  readonly destinations: readonly {
    /** `HOST:PORT`, or `several`. */
    readonly destination: string;
    /** Null for `several`. */
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

/** Minutes between two points of a series, in round numbers; the last one is for ranges of many years. */
const steps = [1, 2, 5, 10, 15, 30, 60, 120, 240, 360, 720, 1440, 10_080, 1e9];

const minute = 60_000;

/** The tables of one resolution. */
interface Unit {
  readonly length: number;
  readonly rules: string;
  readonly intents: string;
  /** Its time column. */
  readonly time: string;
}

const units: readonly [minutes: Unit, hours: Unit, days: Unit] = [
  { length: minute, rules: 'minutes', intents: 'intents', time: 'minute' },
  { length: hour, rules: 'rulesHour', intents: 'intentsHour', time: 'slot' },
  { length: day, rules: 'rulesDay', intents: 'intentsDay', time: 'slot' },
];

/** Longer ranges use hourly counts, and daily ones: their ends are rounded to the hour or the day. */
const longerThanHours = 2 * day;
const longerThanDays = 45 * day;

/** The finest resolution available for a range: retention may have deleted the minutes of an old one. */
function unitOf(db: DatabaseSync, from: number, to: number): Unit {
  const [minutes, hours, days] = units;
  const has = ({ rules, time, length }: Unit): boolean => {
    const { oldest } = db.prepare(`SELECT MIN(${time}) AS oldest FROM ${rules}`).get() as {
      oldest: number | null;
    };
    const { first } = db.prepare(`SELECT MIN(slot) AS first FROM ${days.rules}`).get() as {
      first: number | null;
    };
    return oldest === null || first === null || oldest <= Math.max(from, first + day) + length;
  };
  if (to - from <= longerThanHours && has(minutes)) return minutes;
  return to - from <= longerThanDays && has(hours) ? hours : days;
}

/**
 * @param points most points of the series
 * @returns counts; `from` is rounded down to the minute, in a long range to the hour or the day
 */
export function summary(db: DatabaseSync, from: number, to: number, points = 120): Summary {
  const { length, rules: ruleTable, intents: intentTable, time } = unitOf(db, from, to);
  const start = Math.floor(from / length) * length;
  const step =
    steps.find((minutes) => minutes * minute >= length && (to - start) / (minutes * minute) <= points)! *
    minute;
  const all = <T>(sql: string, ...values: SQLInputValue[]): T[] => db.prepare(sql).all(...values) as T[];
  const latest = db.prepare(
    "SELECT rule, why FROM events WHERE prefix = ? AND +rule <> 'client-banned' ORDER BY last DESC LIMIT 1",
  );
  const oldest = db.prepare('SELECT first FROM events WHERE prefix = ? ORDER BY last LIMIT 1');
  const seen = all<Summary['rules'][number]>(
    `SELECT rule, action, SUM(count) AS count FROM ${ruleTable} WHERE ${time} >= ? AND ${time} < ?
      GROUP BY rule, action ORDER BY count DESC`,
    start,
    to,
  );
  const rules = seen.filter(({ rule }) => isProbe(rule));
  const counted = all<Summary['series']['points'][number]>(
    `SELECT ? + CAST((${time} - ?) / ? AS INTEGER) * ? AS time, rule, SUM(count) AS count FROM ${ruleTable}
      WHERE ${time} >= ? AND ${time} < ? GROUP BY 1, rule ORDER BY 1`,
    start,
    start,
    step,
    step,
    start,
    to,
  );
  return {
    from: start,
    to,
    banned: seen.reduce((sum, { rule, count }) => sum + (isProbe(rule) ? 0 : count), 0),
    total: rules.reduce((sum, { count }) => sum + count, 0),
    rules,
    series: {
      step,
      points: counted.filter(({ rule }) => isProbe(rule)),
      banned: counted
        .filter(({ rule }) => !isProbe(rule))
        .map(({ time: begin, count }) => ({ time: begin, count })),
    },
    sources: tops(db, 'sources', start, to).map(({ key, ...row }) => ({
      prefix: key,
      ...row,
      first: (oldest.get(key) as { first: number } | undefined)?.first ?? null,
      ...((latest.get(key) as { rule: RuleId; why: string } | undefined) ?? { rule: null, why: null }),
    })),
    intents: all(
      `SELECT intent, SUM(count) AS count FROM ${intentTable} WHERE ${time} >= ? AND ${time} < ?
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

/** Newest rows that a short range is counted from; in a flood that is not all of them. */
const rowsOfShortRange = 30_000;

/**
 * Counts by source or destination: for a short range from the events, for a longer one from the hourly, daily or monthly counts.
 *
 * @returns `rows`: only so many of the newest events are counted; null: all
 */
export function keyCounts(
  db: DatabaseSync,
  what: 'sources' | 'wants',
  from: number,
  to: number,
): { readonly sql: string; readonly values: SQLInputValue[]; readonly rows: number | null } {
  const length = to - from;
  if (length > 2 * hour) {
    const unit = length > 60 * day ? month : length > 2 * day || !hoursHave(db, what, from) ? day : hour;
    const table = `${what}${unit === month ? 'Month' : unit === day ? 'Day' : 'Hour'}`;
    return {
      sql: `SELECT key, SUM(count) AS count, MAX(last) AS last FROM ${table} WHERE slot >= ? AND slot < ? GROUP BY key`,
      values: [from - (from % unit), to],
      rows: null,
    };
  }
  const key = what === 'sources' ? 'prefix' : "intent || ' ' || host_of(destination)";
  return {
    sql: `SELECT key, SUM(count) AS count, MAX(last) AS last FROM
      (SELECT ${key} AS key, count, last FROM events WHERE last >= ? AND last < ?
        AND +rule <> 'client-banned' ORDER BY last DESC LIMIT ?)
      WHERE key IS NOT NULL GROUP BY key`,
    values: [from, to, rowsOfShortRange],
    rows: rowsOfShortRange,
  };
}

/** The busiest keys of a range. */
function tops(db: DatabaseSync, what: 'sources' | 'wants', from: number, to: number): TopRow[] {
  const { sql, values } = keyCounts(db, what, from, to);
  return db.prepare(`${sql} ORDER BY count DESC, last DESC LIMIT 50`).all(...values) as unknown as TopRow[];
}

/** Whether hourly counts go back to `from`: retention deletes them before the daily ones. */
function hoursHave(db: DatabaseSync, what: string, from: number): boolean {
  const oldest = (unit: string) =>
    (db.prepare(`SELECT MIN(slot) AS slot FROM ${what}${unit}`).get() as { slot: number | null }).slot ?? 0;
  return oldest('Hour') <= Math.max(from, oldest('Day') + day);
}
