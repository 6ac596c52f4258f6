/** The answer to the question a log is scanned for, in one or two sentences. */

import type { Outcome } from './finding.ts';
import type { ScanResult } from './scan-logs.ts';
import { shownName } from './shown-name.ts';
import type { LogFault } from './sources.ts';
import type { OutcomeCounts } from './tally.ts';

/** Techniques as people count them. */
const families: readonly {
  readonly one: string;
  readonly many: string;
  readonly techniques: readonly string[];
}[] = [
  { one: 'CONNECT', many: 'CONNECT', techniques: ['connect', 'connect-self', 'connect-bad'] },
  {
    one: 'foreign URL',
    many: 'foreign URLs',
    techniques: ['absolute', 'absolute-port', 'malformed', 'url-in-path'],
  },
  {
    one: 'target for a proxy script',
    many: 'targets for proxy scripts',
    techniques: ['path-proxy'],
  },
  { one: 'foreign Host', many: 'foreign Hosts', techniques: ['host'] },
  { one: 'SOCKS greeting', many: 'SOCKS greetings', techniques: ['socks4', 'socks5'] },
  { one: 'foreign recipient', many: 'foreign recipients', techniques: ['mail'] },
  { one: 'telnet command', many: 'telnet commands', techniques: ['telnet'] },
  { one: 'TLS handshake', many: 'TLS handshakes', techniques: ['tls'] },
  { one: 'other probe', many: 'other probes', techniques: ['smtp', 'proxy-protocol', 'h2-preface', 'trace'] },
];

const words: Record<Outcome, string> = {
  'likely-relayed': 'likely relayed',
  attempted: 'passed on without success',
  unclear: 'unclear',
  local: 'answered from your own pages',
  refused: 'refused',
};

/** Of a scan: lines that were requests at all, what was not read, and what error logs alone prove. */
export type VerdictFacts = Pick<ScanResult, 'tally' | 'requests' | 'faults' | 'proofs' | 'asked'>;

export function verdictSentence({ tally, requests, faults, proofs, asked }: VerdictFacts): string {
  if (requests === 0) return nothingRead(faults, proofs);
  if (tally.total === 0) return `No relay probe among ${counted(requests, 'request')}.`;
  const told = families.map((family) => tellFamily(family, tally.techniques)).filter((text) => text !== null);
  const { 'likely-relayed': relayed, unclear, attempted } = tally.outcomes;
  const opening =
    relayed > 0
      ? `${number(relayed)} ${relayed === 1 ? 'probe was' : 'probes were'} likely relayed`
      : unclear > 0
        ? 'No relay is seen to have succeeded'
        : 'No relay succeeded';
  const doubt =
    relayed === 0 && unclear > 0
      ? ` Of ${number(unclear)} ${unclear === 1 ? 'probe' : 'probes'} the log does not tell.`
      : '';
  const tried =
    relayed === 0 && attempted > 0
      ? ` ${number(attempted)} ${attempted === 1 ? 'was' : 'were'} passed on for all that can be told, and failed: look at ${attempted === 1 ? 'it' : 'them'}.`
      : '';
  const names = [...asked].sort(([, a], [, b]) => b - a).map(([name]) => name);
  const more = names.length > 1 ? ` and ${number(names.length - 1)} more` : '';
  const question =
    names.length === 0 ? '' : ` ${more === '' ? 'Is' : 'Are'} ${names[0]}${more} yours? --host tells.`;
  return `${opening}: ${told.join(', ')}.${doubt}${question}${tried}`;
}

/** Nothing read is not clean: what was given instead of a log of requests, and what an error log gives away. */
function nothingRead(faults: readonly LogFault[], proofs: number): string {
  const told = faults.slice(0, 3).map(({ file, message }) => ` ${shownName(file)} ${message}.`);
  const proof =
    proofs === 0
      ? ''
      : ` All the same, ${proofs === 1 ? 'a line of an error log is' : `${number(proofs)} lines of error logs are`} about a foreign upstream: the server passes requests on.`;
  return `Nothing was read that is a request: no verdict.${told.join('')}${proof}`;
}

function tellFamily(
  { one, many, techniques }: (typeof families)[number],
  counts: ReadonlyMap<string, OutcomeCounts>,
): string | null {
  const parts = new Map<Outcome, number>();
  let total = 0;
  for (const technique of techniques) {
    for (const [outcome, n] of Object.entries(counts.get(technique) ?? {}) as [Outcome, number][]) {
      if (n === 0) continue;
      parts.set(outcome, (parts.get(outcome) ?? 0) + n);
      total += n;
    }
  }
  if (total === 0) return null;
  const name = `${number(total)} ${total === 1 ? one : many}`;
  if (parts.size === 1) {
    const outcome = words[[...parts.keys()][0]!];
    return total === 1 ? `${name} ${outcome}` : `${name} all ${outcome}`;
  }
  const order = Object.keys(words) as Outcome[];
  const list = [...parts].sort(([a], [b]) => order.indexOf(a) - order.indexOf(b));
  return `${name} (${list.map(([outcome, n]) => `${number(n)} ${words[outcome]}`).join('; ')})`;
}

/** `1 request`, `2,000 requests`. */
export const counted = (n: number, one: string, many = `${one}s`): string =>
  `${number(n)} ${n === 1 ? one : many}`;

export const number = (n: number): string => n.toLocaleString('en-US');
