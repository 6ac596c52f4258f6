/** The English texts of `sekisho scan` reports, and the type of every language. */
import { commonInEnglish } from './common-en.ts';
import { amount, counted } from './english.ts';

const was = (count: number) => (count === 1 ? 'was' : 'were');

/** Groups of techniques: singular, and plural if it is not the singular with an s. */
const families = {
  connect: ['CONNECT', 'CONNECT'],
  url: ['foreign URL'],
  script: ['target for a proxy script', 'targets for proxy scripts'],
  host: ['foreign Host'],
  socks: ['SOCKS greeting'],
  mail: ['foreign recipient'],
  telnet: ['telnet command'],
  tls: ['TLS handshake'],
  other: ['other probe'],
} as const satisfies Record<string, readonly [one: string, many?: string]>;

export type Family = keyof typeof families;

export const scanInEnglish = {
  intents: commonInEnglish.intents as Readonly<Record<string, string>>,
  title: 'Relay probes in past logs',
  titleOf: (files: string) => `Relay probes in ${files}`,
  outcomes: {
    'likely-relayed': 'likely relayed',
    attempted: 'forwarded without success',
    unclear: 'unclear',
    local: 'answered from your own pages',
    refused: 'refused',
  },
  /** In tables and beside lines. */
  outcomeNames: {
    'likely-relayed': 'likely-relayed',
    attempted: 'attempted',
    unclear: 'unclear',
    local: 'local',
    refused: 'refused',
  },
  confidences: { high: 'high', medium: 'medium', low: 'low' },
  family: (family: Family, count: number): string => {
    const [one, many]: readonly [string, string?] = families[family];
    return counted(count, one, many);
  },
  verdict: {
    noProbe: (requests: number) => `No relay probe among ${counted(requests, 'request')}.`,
    relayed: (count: number): string =>
      counted(count, 'probe was likely relayed', 'probes were likely relayed'),
    noneSeen: 'No relay was found to have succeeded',
    none: 'No relay succeeded',
    withParts: (opening: string, parts: readonly string[]) => `${opening}: ${parts.join(', ')}.`,
    /** @param name of the family, with its count */
    all: (name: string, count: number, outcome: string): string =>
      count === 1 ? `${name} (${outcome})` : `${name} (all ${outcome})`,
    mixed: (name: string, parts: readonly { count: number; outcome: string }[]) =>
      `${name} (${parts.map(({ count, outcome }) => `${amount(count)} ${outcome}`).join('; ')})`,
    doubt: (count: number) => ` For ${counted(count, 'probe')} the log does not show the outcome.`,
    tried: (count: number) =>
      ` ${amount(count)} ${was(count)} apparently forwarded and failed: look at ${count === 1 ? 'it' : 'them'}.`,
    yours: (name: string, more: number) =>
      more === 0
        ? ` Is ${name} yours? If so, add --host.`
        : ` Are ${name} and ${amount(more)} more yours? If so, add --host.`,
    nothing: 'No request was found in the input: no verdict.',
    proofs: (count: number) =>
      ` However, ${count === 1 ? 'a line of an error log is' : `${amount(count)} lines of error logs are`} about a foreign upstream: the server forwards requests.`,
  },
  own: {
    given: (hosts: string) => `Own names, as given: ${hosts}`,
    assumed: 'Assumed to be your own names (give them with --host NAME, and nothing is assumed):',
    unknown:
      'Your own names could not be derived from the log, so every name counts as foreign. Give them with --host NAME.',
    more: (count: number) => `and ${amount(count)} more`,
    yours:
      'Are these yours? Strangers’ mail was sent on to them, or their pages were served from here. If so, add --host NAME:',
    times: (count: number) => counted(count, 'time'),
    absolute: (count: number) =>
      `${counted(count, 'request')} in absolute-form for your own names: legal (RFC 9112 section 3.2.2), not counted.`,
    clients: (count: number) =>
      `${counted(count, 'request')} that a proxy forwarded for clients of your own network: not counted.`,
  },
  logs: {
    title: 'Logs',
    file: 'file',
    format: 'format',
    lines: 'lines',
    requests: 'requests',
    broken: 'broken',
    /** Follows a count in its own column. */
    linesOf: (count: number): string => (count === 1 ? 'line ' : 'lines'),
    unknown: 'no known format',
    empty: 'empty',
    brokenLines: (count: number) => `, ${amount(count)} broken`,
    cut: (count: number) => `, ${amount(count)} cut`,
    brokenLine: (line: string) => `broken: ${line}`,
  },
  byTechnique: 'By technique',
  byOutcome: 'By outcome',
  byIntent: 'By intent',
  bySource: (count: number) => `By source (${amount(count)})`,
  total: 'total',
  byTime: 'By time',
  columns: (hours: number, most: number) =>
    `By time: ${counted(hours, 'hour')} per column, highest ${amount(most)}`,
  highest: (most: number) => `highest column: ${amount(most)}`,
  all: 'all',
  relayed: 'relayed',
  overTime: 'Probes over time',
  lines: 'Lines to look at',
  change: 'What to change',
  problems: {
    relays: 'Stop relaying',
    names: 'Do not serve your pages under foreign names',
    connect: 'Refuse CONNECT before a script answers it',
    mail: 'Relay mail only for your own users',
  },
  notRead: 'Not read',
  rehearsal: (blocked: number, banned: number) =>
    `Rehearsal: ${counted(blocked, 'request')} would have been blocked, ${counted(banned, 'client')} banned; likely legitimate clients first`,
  rehearsalColumns: ['client', 'ordinary', 'blocked', 'flagged', 'banned from'],
};

export type ScanWords = typeof scanInEnglish;
