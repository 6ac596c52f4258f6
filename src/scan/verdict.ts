/** The answer to the question a log is scanned for, in one or two sentences. */
import type { Outcome } from './finding.ts';
import type { OutcomeCounts, Tally } from './tally.ts';

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
  { one: 'foreign Host', many: 'foreign Hosts', techniques: ['host'] },
  { one: 'SOCKS greeting', many: 'SOCKS greetings', techniques: ['socks4', 'socks5'] },
  { one: 'foreign recipient', many: 'foreign recipients', techniques: ['mail'] },
  { one: 'TLS handshake', many: 'TLS handshakes', techniques: ['tls'] },
  { one: 'other probe', many: 'other probes', techniques: ['smtp', 'proxy-protocol', 'h2-preface', 'trace'] },
];

const words: Record<Outcome, string> = {
  'likely-relayed': 'likely relayed',
  attempted: 'attempted in vain',
  unclear: 'unclear',
  local: 'answered from your own pages',
  refused: 'refused',
};

/** @param requests lines that were requests at all */
export function verdictSentence(tally: Tally, requests: number): string {
  if (requests === 0) return 'Nothing was read that is a request: no verdict.';
  if (tally.total === 0) return `No relay probe among ${number(requests)} requests.`;
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
      ? ` ${number(attempted)} ${attempted === 1 ? 'was' : 'were'} answered 502, 503 or 504, as by a proxy that tried: look at them.`
      : '';
  return `${opening}: ${told.join(', ')}.${doubt}${tried}`;
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

export const number = (n: number): string => n.toLocaleString('en-US');
