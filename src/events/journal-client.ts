/** The history of one client in the journal. */
import type { DatabaseSync } from 'node:sqlite';
import type { Action, RuleId } from '../rules/catalogue.ts';
import type { Intent } from '../rules/intent.ts';

export interface ClientHistory {
  /** Milliseconds since the epoch. */
  readonly first: number;
  readonly last: number;
  /** Recorded requests, those made while banned included. */
  readonly count: number;
  readonly rules: readonly { readonly rule: RuleId; readonly action: Action; readonly count: number }[];
  readonly intents: readonly { readonly intent: Intent; readonly count: number }[];
  readonly listeners: readonly { readonly listener: string; readonly count: number }[];
}

/** Newest rows read: a client chooses how many it makes. */
const mostRows = 20_000;

/** @param prefix as in rows @returns null if there are no rows (any more) */
export function clientHistory(db: DatabaseSync, prefix: string): ClientHistory | null {
  const newest = `(SELECT * FROM events WHERE prefix = ? ORDER BY last DESC LIMIT ${mostRows})`;
  const oldest = db.prepare('SELECT first FROM events WHERE prefix = ? ORDER BY last LIMIT 1').get(prefix) as
    | { first: number }
    | undefined;
  if (oldest === undefined) return null;
  const sums = db.prepare(`SELECT MAX(last) AS last, SUM(count) AS count FROM ${newest}`).get(prefix) as {
    last: number;
    count: number;
  };
  const by = <T>(columns: string): T[] =>
    db
      .prepare(
        `SELECT ${columns}, SUM(count) AS count FROM ${newest} GROUP BY ${columns} ORDER BY count DESC, ${columns} LIMIT 50`,
      )
      .all(prefix) as T[];
  return {
    first: oldest.first,
    ...sums,
    rules: by('rule, action'),
    intents: by('intent'),
    listeners: by('listener'),
  };
}
