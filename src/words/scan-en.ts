/** English, as the reports of `sekisho scan` speak it. Its type is that of every language. */
import { commonInEnglish } from './common-en.ts';
import { sayIn } from './say.ts';

const { amount, plural } = sayIn('en');
const was = (count: number) => (count === 1 ? 'was' : 'were');

/** Techniques as people count them. */
const families = {
  connect: { one: '# CONNECT', other: '# CONNECT' },
  url: { one: '# foreign URL', other: '# foreign URLs' },
  script: { one: '# target for a proxy script', other: '# targets for proxy scripts' },
  host: { one: '# foreign Host', other: '# foreign Hosts' },
  socks: { one: '# SOCKS greeting', other: '# SOCKS greetings' },
  mail: { one: '# foreign recipient', other: '# foreign recipients' },
  telnet: { one: '# telnet command', other: '# telnet commands' },
  tls: { one: '# TLS handshake', other: '# TLS handshakes' },
  other: { one: '# other probe', other: '# other probes' },
};

export type Family = keyof typeof families;

export const scanInEnglish = {
  intents: commonInEnglish.intents as Readonly<Record<string, string>>,
  title: 'Relay probes in past logs',
  titleOf: (files: string) => `Relay probes in ${files}`,
  outcomes: {
    'likely-relayed': 'likely relayed',
    attempted: 'passed on without success',
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
  family: (family: Family, count: number): string => plural(count, families[family]),
  verdict: {
    noProbe: (requests: number) =>
      `No relay probe among ${plural(requests, { one: '# request', other: '# requests' })}.`,
    relayed: (count: number): string =>
      plural(count, { one: '# probe was likely relayed', other: '# probes were likely relayed' }),
    noneSeen: 'No relay is seen to have succeeded',
    none: 'No relay succeeded',
    told: (opening: string, told: readonly string[]) => `${opening}: ${told.join(', ')}.`,
    /** @param name of the family, with its count */
    all: (name: string, count: number, outcome: string): string =>
      count === 1 ? `${name} ${outcome}` : `${name} all ${outcome}`,
    mixed: (name: string, parts: readonly { count: number; outcome: string }[]) =>
      `${name} (${parts.map(({ count, outcome }) => `${amount(count)} ${outcome}`).join('; ')})`,
    doubt: (count: number) =>
      ` Of ${plural(count, { one: '# probe', other: '# probes' })} the log does not tell.`,
    tried: (count: number) =>
      ` ${amount(count)} ${was(count)} passed on for all that can be told, and failed: look at ${count === 1 ? 'it' : 'them'}.`,
    yours: (name: string, more: number) =>
      more === 0
        ? ` Is ${name} yours? --host tells.`
        : ` Are ${name} and ${amount(more)} more yours? --host tells.`,
    nothing: 'Nothing was read that is a request: no verdict.',
    proofs: (count: number) =>
      ` All the same, ${plural(count, { one: 'a line of an error log is', other: '# lines of error logs are' })} about a foreign upstream: the server passes requests on.`,
  },
  own: {
    told: (hosts: string) => `Own names, as told: ${hosts}`,
    assumed: 'Assumed to be your own names (--host NAME tells them; then nothing is assumed):',
    unknown:
      'Your own names could not be learned from the log: every name is taken for foreign. --host NAME tells them.',
    more: (count: number) => `and ${amount(count)} more`,
    yours:
      'Are these yours? Mail of strangers was sent on to them, or pages of them came from here. --host NAME says yes:',
    times: (count: number) => plural(count, { one: '# time', other: '# times' }),
    absolute: (count: number) =>
      `${plural(count, { one: '# request', other: '# requests' })} in absolute-form for your own names: legal (RFC 9112 section 3.2.2), not counted.`,
    clients: (count: number) =>
      `${plural(count, { one: '# request', other: '# requests' })} that a proxy passed on for clients of your own network: not counted.`,
  },
  logs: {
    title: 'Logs',
    file: 'file',
    format: 'format',
    lines: 'lines',
    requests: 'requests',
    broken: 'broken',
    /** Of a count in a column before it. */
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
    `By time, ${hours === 1 ? 'an hour' : plural(hours, { one: '# hour', other: '# hours' })} a column, the highest ${amount(most)}`,
  highest: (most: number) => `highest column: ${amount(most)}`,
  all: 'all',
  relayed: 'relayed',
  overTime: 'Probes over time',
  lines: 'Lines to look at',
  change: 'What to change',
  problems: {
    relays: 'Stop relaying',
    names: 'Give foreign names no page of yours',
    connect: 'Refuse CONNECT before a script answers it',
    mail: 'Relay mail for your own people only',
  },
  notRead: 'Not read',
  rehearsal: (blocked: number, banned: number) =>
    `Rehearsal: ${plural(blocked, { one: '# request', other: '# requests' })} would have been blocked, ${plural(banned, { one: '# client', other: '# clients' })} banned; likely legitimate clients first`,
  rehearsalColumns: ['client', 'ordinary', 'blocked', 'flagged', 'banned from'],
};

export type ScanWords = typeof scanInEnglish;
