/** The answer to the question a log is scanned for, in one or two sentences. */
import type { Language } from '../words/language.ts';
import { scanWords } from '../words/scan.ts';
import type { Family, ScanWords } from '../words/scan-en.ts';
import type { Outcome } from './finding.ts';
import type { ScanResult } from './scan-logs.ts';
import { shownName } from './shown-name.ts';
import type { LogFault } from './sources.ts';
import type { OutcomeCounts } from './tally.ts';

/** Techniques as people count them. */
const families: Readonly<Record<Family, readonly string[]>> = {
  connect: ['connect', 'connect-self', 'connect-bad'],
  url: ['absolute', 'absolute-port', 'malformed', 'url-in-path'],
  script: ['path-proxy'],
  host: ['host'],
  socks: ['socks4', 'socks5'],
  mail: ['mail'],
  telnet: ['telnet'],
  tls: ['tls'],
  other: ['smtp', 'proxy-protocol', 'h2-preface', 'trace'],
};

/** Of a scan: lines that were requests at all, what was not read, and what error logs alone prove. */
export type VerdictFacts = Pick<ScanResult, 'tally' | 'requests' | 'faults' | 'proofs' | 'asked'>;

export function verdictSentence(
  { tally, requests, faults, proofs, asked }: VerdictFacts,
  language: Language = 'en',
): string {
  const words = scanWords[language];
  const { verdict } = words;
  if (requests === 0) return nothingRead(faults, proofs, words);
  if (tally.total === 0) return verdict.noProbe(requests);
  const told = (Object.keys(families) as Family[])
    .map((family) => tellFamily(family, tally.techniques, words))
    .filter((text) => text !== null);
  const { 'likely-relayed': relayed, unclear, attempted } = tally.outcomes;
  const opening = relayed > 0 ? verdict.relayed(relayed) : unclear > 0 ? verdict.noneSeen : verdict.none;
  const names = [...asked].sort(([, a], [, b]) => b - a).map(([name]) => name);
  return [
    verdict.told(opening, told),
    relayed === 0 && unclear > 0 ? verdict.doubt(unclear) : '',
    names[0] === undefined ? '' : verdict.yours(names[0], names.length - 1),
    relayed === 0 && attempted > 0 ? verdict.tried(attempted) : '',
  ].join('');
}

/** Nothing read is not clean: what was given instead of a log of requests, and what an error log gives away. */
function nothingRead(faults: readonly LogFault[], proofs: number, { verdict }: ScanWords): string {
  const told = faults.slice(0, 3).map(({ file, message }) => ` ${shownName(file)} ${message}.`);
  return `${verdict.nothing}${told.join('')}${proofs === 0 ? '' : verdict.proofs(proofs)}`;
}

function tellFamily(
  family: Family,
  counts: ReadonlyMap<string, OutcomeCounts>,
  { outcomes, verdict, family: name }: ScanWords,
): string | null {
  const parts = new Map<Outcome, number>();
  let total = 0;
  for (const technique of families[family]) {
    for (const [outcome, n] of Object.entries(counts.get(technique) ?? {}) as [Outcome, number][]) {
      if (n === 0) continue;
      parts.set(outcome, (parts.get(outcome) ?? 0) + n);
      total += n;
    }
  }
  if (total === 0) return null;
  const [only] = parts.keys();
  if (parts.size === 1) return verdict.all(name(family, total), total, outcomes[only!]);
  const order = Object.keys(outcomes) as Outcome[];
  const list = [...parts].sort(([a], [b]) => order.indexOf(a) - order.indexOf(b));
  return verdict.mixed(
    name(family, total),
    list.map(([outcome, count]) => ({ count, outcome: outcomes[outcome] })),
  );
}

/** `1 request`, `2,000 requests`. */
export const counted = (n: number, one: string, many = `${one}s`): string =>
  `${number(n)} ${n === 1 ? one : many}`;

export const number = (n: number): string => n.toLocaleString('en-US');
