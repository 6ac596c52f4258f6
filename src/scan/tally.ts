/** Counts findings for the report. Bounded: clients and hours beyond the limits get no row of their own. */
import { type Outcome, outcomes, type QuotedFinding } from './finding.ts';

export type OutcomeCounts = Record<Outcome, number>;

const clientLimit = 100_000;
const hourLimit = 200_000;
/** Findings kept as quotes, per outcome and technique. */
const quoted = 5;

const zero = (): OutcomeCounts => ({ refused: 0, local: 0, attempted: 0, 'likely-relayed': 0, unclear: 0 });

export class Tally {
  total = 0;
  readonly outcomes = zero();
  readonly techniques = new Map<string, OutcomeCounts>();
  readonly intents = new Map<string, OutcomeCounts>();
  readonly clients = new Map<string, OutcomeCounts>();
  /** By hours since the epoch. */
  readonly hours = new Map<number, OutcomeCounts>();
  readonly #quotes = new Map<string, QuotedFinding[]>();
  /** Findings from clients beyond the limit. */
  uncountedClients = 0;

  add(finding: QuotedFinding): void {
    const { technique, intent, client, outcome, time } = finding;
    this.total++;
    this.outcomes[outcome]++;
    count(this.techniques, technique, outcome);
    count(this.intents, intent, outcome);
    if (this.clients.size < clientLimit || this.clients.has(client)) count(this.clients, client, outcome);
    else this.uncountedClients++;
    if (time !== null && this.hours.size < hourLimit)
      count(this.hours, Math.floor(Date.parse(time) / 3_600_000), outcome);
    const key = `${outcome} ${technique}`;
    const quotes = this.#quotes.get(key) ?? [];
    if (quotes.length === 0) this.#quotes.set(key, quotes);
    if (quotes.length < quoted && !quotes.some((one) => one.target === finding.target)) quotes.push(finding);
  }

  /** The findings to look at first: relayed probes, then possibly relayed ones. */
  worst(limit: number): QuotedFinding[] {
    const rank = (finding: QuotedFinding): number => outcomes.indexOf(finding.outcome);
    return [...this.#quotes.values()]
      .flat()
      .filter(
        ({ outcome }) => outcome === 'likely-relayed' || outcome === 'attempted' || outcome === 'unclear',
      )
      .sort((a, b) => rank(a) - rank(b))
      .slice(0, limit);
  }

  /** Counts in at most `spans` equal time spans, oldest first. */
  timeline(spans: number): { start: number; hours: number; counts: OutcomeCounts }[] {
    const hours = [...this.hours.keys()].sort((a, b) => a - b);
    const first = hours[0];
    const last = hours.at(-1);
    if (first === undefined || last === undefined) return [];
    const width = Math.max(1, Math.ceil((last - first + 1) / spans));
    const line = Array.from({ length: Math.ceil((last - first + 1) / width) }, (_, i) => ({
      start: (first + i * width) * 3_600_000,
      hours: width,
      counts: zero(),
    }));
    for (const [hour, counts] of this.hours) {
      const into = line[Math.floor((hour - first) / width)]!.counts;
      for (const outcome of outcomes) into[outcome] += counts[outcome];
    }
    return line;
  }
}

function count(map: Map<string, OutcomeCounts>, key: string, outcome: Outcome): void;
function count(map: Map<number, OutcomeCounts>, key: number, outcome: Outcome): void;
function count<K>(map: Map<K, OutcomeCounts>, key: K, outcome: Outcome): void {
  const counts = map.get(key) ?? zero();
  counts[outcome]++;
  map.set(key, counts);
}

export const sum = (counts: OutcomeCounts): number =>
  outcomes.reduce((total, outcome) => total + counts[outcome], 0);

/** Most relayed first, then most probes. */
export const ranked = (map: ReadonlyMap<string, OutcomeCounts>): [string, OutcomeCounts][] =>
  [...map].sort(([, a], [, b]) => b['likely-relayed'] - a['likely-relayed'] || sum(b) - sum(a));
