/** Evidence by source, for reports about many sources. */
import { parseIp } from '../address/ip.ts';
import { specialRange } from '../address/special-ranges.ts';
import type { JournalRow } from '../events/journal-query.ts';
import { evidenceOf, type Summary, summaryOf } from './journal-evidence.ts';

export interface Source extends Summary {
  /** An IPv4 or IPv6 address. */
  readonly address: string;
  /** Its newest rows, newest first. */
  readonly rows: readonly JournalRow[];
}

/** Most sources in one report; AbuseIPDB takes files of up to 10,000 lines. */
const mostSources = 10_000;
/** Rows kept per source; all rows are counted. */
const rowsKept = 20;

/** Gathers evidence as it is read. Once the table is full, rows of unknown sources are omitted; known sources still count. */
export class Sources {
  readonly #known = new Map<string, { rows: JournalRow[]; sum: Summary }>();
  readonly #isExempt: (address: string) => boolean;
  #omitted = 0;

  /** @param isExempt clients that are never reported: the allow-list, such as one's own monitoring */
  constructor(isExempt: (address: string) => boolean) {
    this.#isExempt = isExempt;
  }

  /** Rows of sources that were omitted. */
  get omitted(): number {
    return this.#omitted;
  }

  /** @param rows newest first */
  add(rows: readonly JournalRow[]): void {
    for (const row of evidenceOf(rows)) {
      const known = this.#known.get(row.client);
      if (known !== undefined) {
        known.sum = together(known.sum, summaryOf([row]));
        if (known.rows.length < rowsKept) known.rows.push(row);
      } else if (this.#isPublic(row.client)) {
        if (this.#known.size < mostSources)
          this.#known.set(row.client, { rows: [row], sum: summaryOf([row]) });
        else this.#omitted++;
      }
    }
  }

  /** Ordered by the newest row. */
  list(): Source[] {
    return [...this.#known].map(([address, { rows, sum }]) => ({ address, rows, ...sum }));
  }

  /** Private and loopback addresses, and the row that sums up a flood of too many clients, have no abuse contact. */
  #isPublic(client: string): boolean {
    return parseIp(client) !== null && specialRange(client) === 'public' && !this.#isExempt(client);
  }
}

const together = (one: Summary, other: Summary): Summary => ({
  total: one.total + other.total,
  first: Math.min(one.first, other.first),
  last: Math.max(one.last, other.last),
  rules: [...new Set([...one.rules, ...other.rules])],
});
