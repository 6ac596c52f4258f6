/**
 * How often each rule occurs in public server logs, counted by `sekisho scan` with the server's names learned from the log. The
 * logs contain clients' addresses, so the project has only the counts. `test/scan/captures.test.ts` counts again.
 */
import type { RuleId } from '../../src/rules/catalogue.ts';

export interface Capture {
  /** The folder name that the test looks for. */
  readonly folder: string;
  /** How it is cited. */
  readonly source: string;
  readonly server: string;
  /** When its requests came. */
  readonly time: string;
  readonly requests: number;
  readonly rules: { readonly [rule in RuleId]?: number };
}

const github = (repository: string, commit: string): string =>
  `[${repository}](https://github.com/${repository}) at \`${commit}\``;

export const captures: readonly Capture[] = [
  {
    folder: 'wagaken+first-step-for-log-analysis',
    source:
      'A. Chuvakin, "Linux Redhat 7.1 System Deployed in a Honeynet Logs", AZSecure Data; as in ' +
      github('wagaken/first-step-for-log-analysis', 'b2984d7'),
    server: 'an Apache 1.3 honeypot',
    time: 'April to October 2004',
    requests: 38_487,
    rules: { 'absolute-form-foreign': 984, connect: 427, socks5: 36 },
  },
  {
    folder: '1geek0+weblog',
    source: github('1geek0/weblog', '5904d0e'),
    server: 'Apache',
    time: 'September 2015',
    requests: 15_643,
    rules: { 'absolute-form-foreign': 8 },
  },
  {
    folder: 'nikolai0045+buffalo-bank-backend-errors',
    source: github('nikolai0045/buffalo-bank-backend-errors', 'aa46438'),
    server: 'Apache',
    time: 'August 2017',
    requests: 30_233,
    rules: { 'tls-on-plaintext': 2, 'absolute-form-foreign': 1 },
  },
  {
    folder: 'Linkvenck-first+errores',
    source: github('Linkvenck-first/errores', 'dd35d97'),
    server: 'Apache',
    time: 'February and March 2019',
    requests: 28_939,
    rules: { 'tls-on-plaintext': 103, 'absolute-form-foreign': 101, connect: 12 },
  },
  {
    folder: 'lovecoding1987+sample_logs',
    source: github('lovecoding1987/sample_logs', '19f1ac4'),
    server: 'Apache',
    time: 'November 2020',
    requests: 17_333,
    rules: { 'tls-on-plaintext': 198, 'absolute-form-foreign': 48, connect: 19 },
  },
  {
    folder: 'Poufy+nginx-clients-map',
    source: github('Poufy/nginx-clients-map', 'c99ac1b'),
    server: 'nginx',
    time: 'May 2021',
    requests: 9_245,
    rules: { 'absolute-form-foreign': 1 },
  },
  {
    folder: 'GGos3+Log_Paser',
    source: github('GGos3/Log_Paser', '61beba0'),
    server: 'Apache',
    time: 'April 2022',
    requests: 490,
    rules: { 'tls-on-plaintext': 6, 'absolute-form-foreign': 5, connect: 2 },
  },
  {
    folder: 'ajitmp+ngnix-log-parser',
    source: github('ajitmp/ngnix-log-parser', '1facd7e'),
    server: 'nginx',
    time: 'September and October 2024',
    requests: 3_086,
    rules: { 'tls-on-plaintext': 134, connect: 20, socks4: 2, socks5: 2, 'absolute-form-foreign': 1 },
  },
  {
    folder: 'elastic+examples',
    source: `${github('elastic/examples', '6d86454')}, ordinary traffic, for comparison`,
    server: 'Apache',
    time: 'May 2015',
    requests: 10_000,
    rules: {},
  },
];

/** Rules that an access log line can show and that `scan` looks for. */
const logged: ReadonlySet<RuleId> = new Set([
  ...(['socks4', 'socks5', 'tls-on-plaintext', 'smtp-on-http', 'proxy-protocol', 'h2-preface'] as const),
  ...(['not-http', 'connect', 'trace', 'target-malformed', 'path-proxy', 'url-in-path'] as const),
  ...([
    'absolute-form-scheme',
    'absolute-form-userinfo',
    'absolute-form-foreign',
    'absolute-form-port',
  ] as const),
]);

const letter = (index: number): string => String.fromCharCode(0x41 + index);
const grouped = (count: number): string => count.toLocaleString('en');

/** What a rule's section says about the captures. */
export function captured(rule: RuleId): string {
  const rows = captures.flatMap(({ rules, requests }, index) => {
    const count = rules[rule];
    return count === undefined
      ? []
      : [`${grouped(count)} of ${grouped(requests)} requests in ${letter(index)}`];
  });
  if (rows.length > 0) return `[Public captures](#public-captures): ${rows.join('; ')}.`;
  return logged.has(rule)
    ? '[Public captures](#public-captures): none.'
    : '[Public captures](#public-captures): access logs do not show it.';
}

/** One row for each source. */
export const capturesTable = (): string =>
  [
    '| | Source | Server | Time | Requests | Probes |',
    '|---|---|---|---|---|---|',
    ...captures.map(({ source, server, time, requests, rules }, index) => {
      const probes = Object.values(rules).reduce((sum, count) => sum + count, 0);
      return `| ${letter(index)} | ${source} | ${server} | ${time} | ${grouped(requests)} | ${grouped(probes)} |`;
    }),
  ].join('\n');
