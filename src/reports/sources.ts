/** Evidence by source, for reports about many at once. */
import { parseIp } from '../address/ip.ts';
import { specialRange } from '../address/special-ranges.ts';
import type { JournalRow } from '../events/journal-query.ts';
import { evidenceOf, type Summary, summed } from './evidence.ts';

export interface Source extends Summary {
  /** An IPv4 or IPv6 address. */
  readonly address: string;
  /** The newest of its rows, newest first. */
  readonly rows: readonly JournalRow[];
}

/** Sources in one report; AbuseIPDB takes 10,000 lines of a file. */
const mostSources = 10_000;
/** Rows kept of each; all are counted. */
const rowsKept = 20;

/** Gathers evidence as it is read. What is added once there are so many sources is counted where its source is known. */
export class Sources {
  readonly #known = new Map<string, { rows: JournalRow[]; sum: Summary }>();
  readonly #isExempt: (address: string) => boolean;
  #left = 0;

  /** @param isExempt whom nobody reports: the allow-list, one's own monitoring */
  constructor(isExempt: (address: string) => boolean) {
    this.#isExempt = isExempt;
  }

  /** Sources that had no room. */
  get left(): number {
    return this.#left;
  }

  /** @param rows newest first */
  add(rows: readonly JournalRow[]): void {
    for (const row of evidenceOf(rows)) {
      const known = this.#known.get(row.client);
      if (known !== undefined) {
        known.sum = together(known.sum, summed([row]));
        if (known.rows.length < rowsKept) known.rows.push(row);
      } else if (this.#isPublic(row.client)) {
        if (this.#known.size < mostSources) this.#known.set(row.client, { rows: [row], sum: summed([row]) });
        else this.#left++;
      }
    }
  }

  /** In the order of their newest rows. */
  list(): Source[] {
    return [...this.#known].map(([address, { rows, sum }]) => ({ address, rows, ...sum }));
  }

  /** Of a flood from more clients than are told apart, of a private network and of loopback there is nobody to tell. */
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
