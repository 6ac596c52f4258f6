/** Event queries on the journal. Every answer is bounded, however large the journal. */
import type { DatabaseSync, SQLInputValue } from 'node:sqlite';
import { clientPrefix, parsePrefix, prefixText } from '../address/ip.ts';
import type { RuleId } from '../rules/catalogue.ts';
import { connectionFields } from './connection.ts';
import type { FoldedEvent } from './fold.ts';
import { foldWindow } from './journal-store.ts';

/** A row of the journal, without its bytes. */
export interface JournalRow extends Omit<FoldedEvent, 'time' | 'bytes' | 'counts'> {
  readonly id: number;
  /** Time of the first event folded into it, milliseconds since the epoch; `last` is that of the last. */
  readonly first: number;
  /** Counts towards a ban; null: written before this was recorded. */
  readonly counts: boolean | null;
}

export interface JournalEvent extends JournalRow {
  readonly bytes: string;
}

export interface EventFilter {
  readonly rule?: string | undefined;
  /** An address, a prefix, or the `prefix` of a row. */
  readonly client?: string | undefined;
  readonly site?: string | undefined;
  readonly action?: string | undefined;
  readonly intent?: string | undefined;
  /** Text in the destination or the request. */
  readonly text?: string | undefined;
  /** Milliseconds since the epoch; `to` is not included. */
  readonly from?: number | undefined;
  readonly to?: number | undefined;
}

export interface EventPage {
  /** Newest first. */
  readonly events: readonly JournalRow[];
  /** Pass it as `before` for the next page; null: this is the last page. */
  readonly next: string | null;
  /** Whether the search hit its time limit; `next` continues there. */
  readonly cut: boolean;
}

const columns =
  'e.id, first, last, count, listener, client, prefix, site, action, rule, rules, intent, destination, answer, why, request, counts, ' +
  connectionFields.join(', ');

/** Rows that a search scans in one step. */
const searchStep = 4000;

/**
 * A page, in steps, so that other queries can run in between. A filter without an index is a row-by-row scan from the newest row on:
 * a search without a match would otherwise block all queries while it scans the whole file.
 *
 * @param before `next` of the previous page; an invalid one means the first page
 * @param late asked after each step: whether to return what was found so far
 */
export function* pageSteps(
  db: DatabaseSync,
  filter: EventFilter,
  limit: number,
  before: string | null,
  late: () => boolean,
): Generator<undefined, EventPage> {
  const { where, values, indexed } = conditions(filter);
  const found: JournalRow[] = [];
  let [last, id] = /^(\d{1,15})-(\d{1,15})$/
    .exec(before ?? '')
    ?.slice(1)
    .map(Number) ?? [Number.MAX_SAFE_INTEGER, 0];
  for (;;) {
    const edge = indexed === null ? undefined : nextEdge(db, indexed, last!, id!);
    const range = edge === undefined ? '' : 'AND (last, e.id) >= (?, ?)';
    const rows = db
      .prepare(
        `SELECT ${columns} FROM events e ${whereText([...where, '(last, e.id) < (?, ?)'])} ${range}
          ORDER BY last DESC, e.id DESC LIMIT ?`,
      )
      .all(
        ...values,
        last!,
        id!,
        ...(edge === undefined ? [] : [edge.last, edge.id]),
        limit + 1 - found.length,
      );
    for (const row of rows) found.push(toRow(row));
    const end = found[limit - 1];
    if (found.length > limit && end !== undefined)
      return { events: found.slice(0, limit), next: `${end.last}-${end.id}`, cut: false };
    if (edge === undefined) return { events: found, next: null, cut: false };
    ({ last, id } = edge);
    yield;
    if (late()) return { events: found, next: `${last}-${id}`, cut: true };
  }
}

/** The row a step of a search ends at; undefined: the end of the file. */
function nextEdge(
  db: DatabaseSync,
  { where, values }: Conditions,
  last: number,
  id: number,
): { last: number; id: number } | undefined {
  return db
    .prepare(
      `SELECT last, e.id AS id FROM events e ${whereText([...where, '(last, e.id) < (?, ?)'])}
        ORDER BY last DESC, e.id DESC LIMIT 1 OFFSET ${searchStep}`,
    )
    .get(...values, last, id) as { last: number; id: number } | undefined;
}

/** One event in full; null if there is none with that id. */
export function eventById(db: DatabaseSync, id: number): JournalEvent | null {
  const row = db
    .prepare(`SELECT ${columns}, bytes FROM events e LEFT JOIN evidence USING (id) WHERE e.id = ?`)
    .get(id) as (Raw & { bytes: string | null }) | undefined;
  return row === undefined ? null : { ...toRow(row), bytes: row.bytes ?? '' };
}

/** The events of a report, with their bytes, oldest first; if there are more than the limit, the latest. */
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

const whereText = (where: readonly string[]): string =>
  where.length === 0 ? '' : `WHERE ${where.join(' AND ')}`;

interface Conditions {
  readonly where: string[];
  readonly values: SQLInputValue[];
}

/** @returns all conditions on a row, and those an index can answer; `indexed` is null if it can answer all */
function conditions({
  client,
  text,
  from,
  to,
  ...equal
}: EventFilter): Conditions & { indexed: Conditions | null } {
  const [all, indexed]: [Conditions, Conditions] = [
    { where: [], values: [] },
    { where: [], values: [] },
  ];
  let scans = false;
  const add = (byIndex: boolean, condition: string, ...values: SQLInputValue[]): void => {
    for (const one of byIndex ? [all, indexed] : [all]) {
      one.where.push(condition);
      one.values.push(...values);
    }
    scans ||= !byIndex;
  };
  for (const [column, value] of Object.entries(equal)) {
    if (value === undefined) continue;
    // Column names come from the interface, so they are safe in SQL. The unary plus keeps SQLite from using an index that would sort
    // all rows of a common value.
    add(column === 'rule', `${column === 'rule' ? '' : '+'}${column} = ?`, value);
  }
  if (client !== undefined) {
    const wide = client.includes('/') ? parsePrefix(client) : null;
    const counted = wide === null ? (clientPrefix(client) ?? client) : prefixText(wide);
    const narrow = wide === null || wide.length === (wide.family === 4 ? 32 : 64);
    add(narrow, narrow ? 'prefix = ?' : 'within(client, ?)', counted);
  }
  if (text !== undefined && text !== '') {
    const pattern = `%${text.replace(/[\\%_]/g, '\\$&')}%`;
    add(false, "(destination LIKE ? ESCAPE '\\' OR request LIKE ? ESCAPE '\\')", pattern, pattern);
  }
  if (from !== undefined) add(true, 'last >= ?', from);
  if (to !== undefined) {
    // The second bound follows from the first, and lets the index skip what is newer.
    add(true, 'last < ?', to + foldWindow + 60_000);
    all.where.push('first < ?');
    all.values.push(to);
  }
  return { ...all, indexed: scans ? indexed : null };
}

type Raw = Omit<JournalRow, 'rules' | 'answer' | 'counts'> & {
  rules: string;
  answer: string | null;
  counts: number | null;
};

function toRow(raw: unknown): JournalRow {
  const { bytes: _, ...row } = raw as Raw & { bytes?: string };
  const { rules, answer, counts } = row;
  return {
    ...row,
    rules: rules.split(' ') as RuleId[],
    answer: answer === null ? null : answer === 'drop' ? 'drop' : Number(answer),
    counts: counts === null ? null : counts === 1,
  };
}
