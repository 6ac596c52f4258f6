/** The verdict of a scan in one or two sentences. */
import type { Language } from '../words/language.ts';
import { scanWords } from '../words/scan.ts';
import type { Family, ScanWords } from '../words/scan-en.ts';
import type { Outcome } from './finding.ts';
import type { ScanResult } from './scan-logs.ts';
import { shownName } from './shown-name.ts';
import type { LogFault } from './sources.ts';
import type { OutcomeCounts } from './tally.ts';

/** Groups of techniques, as counted in the verdict. */
const families: Readonly<Record<Family, readonly string[]>> = {
  connect: ['connect', 'connect-self', 'connect-bad'],
  url: ['absolute', 'absolute-port', 'malformed', 'url-in-path'],
  script: ['path-proxy'],
  host: ['host'],
  socks: ['socks4', 'socks5'],
  mail: ['mail'],
  telnet: ['telnet'],
  tls: ['tls'],
  other: ['smtp', 'proxy-protocol', 'h2-preface', 'trace', 'not-http'],
};

/** The parts of a scan's result that the verdict uses. */
export type VerdictFacts = Pick<ScanResult, 'tally' | 'requests' | 'faults' | 'proofs' | 'asked'>;

export function verdictSentence(
  { tally, requests, faults, proofs, asked }: VerdictFacts,
  language: Language = 'en',
): string {
  const words = scanWords[language];
  const { verdict } = words;
  if (requests === 0) return nothingRead(faults, proofs, words);
  if (tally.total === 0) return verdict.noProbe(requests);
  const parts = (Object.keys(families) as Family[])
    .map((family) => familySentence(family, tally.techniques, words))
    .filter((text) => text !== null);
  const { 'likely-relayed': relayed, unclear, attempted } = tally.outcomes;
  const opening = relayed > 0 ? verdict.relayed(relayed) : unclear > 0 ? verdict.noneSeen : verdict.none;
  const names = [...asked].sort(([, a], [, b]) => b - a).map(([name]) => name);
  return [
    verdict.withParts(opening, parts),
    relayed === 0 && unclear > 0 ? verdict.doubt(unclear) : '',
    names[0] === undefined ? '' : verdict.yours(names[0], names.length - 1),
    relayed === 0 && attempted > 0 ? verdict.tried(attempted) : '',
  ].join('');
}

/** No request was read, which is not clean: says what the files were instead, and what error logs prove. */
function nothingRead(faults: readonly LogFault[], proofs: number, { verdict }: ScanWords): string {
  const reasons = faults.slice(0, 3).map(({ file, message }) => ` ${shownName(file)} ${message}.`);
  return `${verdict.nothing}${reasons.join('')}${proofs === 0 ? '' : verdict.proofs(proofs)}`;
}

function familySentence(
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

export const number = (n: number): string => n.toLocaleString('en-US');
