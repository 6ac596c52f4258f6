/** All sources of a time range, grouped by network: many adjacent sources are often one sender. */
import type { DatabaseSync } from 'node:sqlite';
import { networkPrefix } from '../address/ip.ts';
import { keyCounts } from './journal-summary.ts';
import type { TopRow } from './top-table.ts';

export interface NetworkCounts {
  /** `192.0.2.0/24`, `2001:db8::/48`. */
  readonly prefix: string;
  /** Address of its busiest source. */
  readonly address: string;
  /** Number of probes. */
  readonly count: number;
  readonly clients: number;
  /** Milliseconds since the epoch. */
  readonly last: number;
}

export interface Networks {
  /** Busiest first. */
  readonly networks: readonly NetworkCounts[];
  /** The rest: sources that are not told apart, and networks beyond the limits. */
  readonly others: { readonly count: number; readonly clients: number };
  /** Some sources are not told apart: `others` has their probes, but not their number. */
  readonly cut: boolean;
}

/** Most networks counted, those of the busiest sources. */
const mostCounted = 100_000;
/** Most networks returned. */
const mostNetworks = 5000;

export function networks(db: DatabaseSync, from: number, to: number): Networks {
  const { sql, values, rows } = keyCounts(db, 'sources', from, to);
  const found = new Map<string, { address: string; count: number; clients: number; last: number }>();
  const others = { count: 0, clients: 0 };
  let counted = 0;
  let cut = false;
  // The tables bound the number of sources: 2,000 for each hour, day or month.
  const sources = db.prepare(`${sql} ORDER BY count DESC, last DESC`).iterate(...values);
  for (const { key, count, last } of sources as Iterable<TopRow>) {
    counted += count;
    const prefix = networkPrefix(key);
    const known = prefix === null ? undefined : found.get(prefix);
    if (known !== undefined) {
      known.count += count;
      known.clients++;
      known.last = Math.max(known.last, last);
    } else if (prefix !== null && found.size < mostCounted)
      found.set(prefix, { address: key.split('/', 1)[0]!, count, clients: 1, last });
    else {
      others.count += count;
      // `several` is not a prefix: the senders of a flood, whose number is unknown.
      if (prefix === null) cut = true;
      else others.clients++;
    }
  }
  if (rows !== null && hasMore(db, from, to, rows)) {
    cut = true;
    others.count += Math.max(0, probes(db, from, to) - counted);
  }
  const ranked = [...found]
    .map(([prefix, counts]) => ({ prefix, ...counts }))
    .sort((a, b) => b.count - a.count || b.last - a.last);
  for (const { count, clients } of ranked.slice(mostNetworks)) {
    others.count += count;
    others.clients += clients;
  }
  return { networks: ranked.slice(0, mostNetworks), others, cut };
}

/** Whether the range has more than so many events. */
function hasMore(db: DatabaseSync, from: number, to: number, rows: number): boolean {
  const { found } = db
    .prepare(
      `SELECT COUNT(*) AS found FROM (SELECT 1 FROM events WHERE last >= ? AND last < ?
        AND +rule <> 'client-banned' LIMIT ?)`,
    )
    .get(from, to, rows + 1) as { found: number };
  return found > rows;
}

/** All probes of the range, to the minute. */
function probes(db: DatabaseSync, from: number, to: number): number {
  const { count } = db
    .prepare(
      "SELECT SUM(count) AS count FROM minutes WHERE minute >= ? AND minute < ? AND rule <> 'client-banned'",
    )
    .get(from - (from % 60_000), to) as { count: number | null };
  return count ?? 0;
}
