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
  /** The rest: sources folded as `several`, and networks beyond the limit. */
  readonly others: { readonly count: number; readonly clients: number };
}

/** Most sources read, the busiest; the rest is not counted. */
const mostSources = 100_000;
/** Most networks returned. */
const mostNetworks = 5000;

export function networks(db: DatabaseSync, from: number, to: number): Networks {
  const { sql, values } = keyCounts(db, 'sources', from, to);
  const found = new Map<string, { address: string; count: number; clients: number; last: number }>();
  let others = { count: 0, clients: 0 };
  const rows = db.prepare(`${sql} ORDER BY count DESC, last DESC LIMIT ${mostSources}`).iterate(...values);
  for (const { key, count, last } of rows as Iterable<TopRow>) {
    const prefix = networkPrefix(key);
    const known = prefix === null ? undefined : found.get(prefix);
    if (known !== undefined) {
      known.count += count;
      known.clients++;
      known.last = Math.max(known.last, last);
    } else if (prefix !== null)
      found.set(prefix, { address: key.split('/', 1)[0]!, count, clients: 1, last });
    // `several` is not a prefix: the folded senders of a flood.
    else others = { count: others.count + count, clients: others.clients };
  }
  const ranked = [...found]
    .map(([prefix, counts]) => ({ prefix, ...counts }))
    .sort((a, b) => b.count - a.count || b.last - a.last);
  for (const { count, clients } of ranked.slice(mostNetworks))
    others = { count: others.count + count, clients: others.clients + clients };
  return { networks: ranked.slice(0, mostNetworks), others };
}
