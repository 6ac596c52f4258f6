/** fail2ban: a filter that finds probes in the access logs of nginx and Apache, and a jail that counts them. */
import { catalogue, type Rule } from '../rules/catalogue.ts';
import { type Check, isPresence, type Match, type TextMatch } from './check.ts';
import { type Coverages, headComment } from './coverage.ts';
import type { Source, Target } from './target.ts';
import { oneLine, prefixWord } from './word.ts';

const bytes = 'as the bytes that nginx logs for a request line; Apache logs none';
const notLogged = [
  'none',
  'an access log in the combined format holds the request line, not the headers',
] as const;

const coverages: Coverages = {
  'client-banned': ['all', 'by the jail'],
  'rate-limited': ['none', 'not counted: limits are no probes'],
  socks4: ['part', bytes],
  socks5: ['part', bytes],
  'tls-on-plaintext': ['none', 'not counted: mostly a browser or a crawler'],
  'smtp-on-http': ['all'],
  'proxy-protocol': ['part', bytes],
  'h2-preface': ['all'],
  connect: ['all'],
  'extended-connect': ['part', 'where the log says CONNECT'],
  'absolute-form-scheme': ['all'],
  'absolute-form-userinfo': ['all'],
  'absolute-form-foreign': ['all'],
  'absolute-form-port': ['all'],
  'absolute-form-host-mismatch': notLogged,
  framing: ['part', 'versions and methods; of headers and bodies a log tells nothing'],
  'target-malformed': ['part', 'bytes beyond ASCII and controls are escaped by the log'],
  'host-duplicate': notLogged,
  'host-malformed': notLogged,
  'host-missing': notLogged,
  'host-foreign': notLogged,
  'authority-mismatch': notLogged,
  trace: ['part', 'TRACE; Max-Forwards is not logged'],
  'proxy-authorization': notLogged,
  'proxy-connection': notLogged,
  'connection-strips': notLogged,
  'upgrade-unknown': notLogged,
  'host-override': notLogged,
  'url-in-path': ['none', 'the path cannot be told from an ordinary one without a parser'],
};

export const fail2ban: Target = {
  coverages,
  parts(source) {
    const intro = [
      'Sekisho for fail2ban, of two files, over the access logs of nginx and Apache in the combined format.',
      '  sekisho export fail2ban > /etc/fail2ban/filter.d/sekisho-access.conf',
      '  sekisho export fail2ban --part jail > /etc/fail2ban/jail.d/sekisho-access.conf',
      'It counts; it refuses nothing by itself. Only where clients reach the server directly: behind a balancer the log',
      'holds its address.',
    ];
    return [
      {
        name: 'filter',
        text: `${headComment(intro, coverages, source.action)}\n\n${filter(source.checks)}`,
      },
      { name: 'jail', text: jail(source) },
    ];
  },
};

/**
 * Anchored at the address, which the server writes first: whatever a sender writes comes later, with its quotes
 * escaped, so that nobody can have another address banned.
 */
function filter(checks: readonly Check[]): string {
  const counted = checks.filter(({ rule }) => (catalogue[rule] as Rule).bans).filter(isLogged);
  const lines = counted.map(({ when, unless }) => {
    const conditions = [
      ...(when as TextMatch[]).map((match) => `(?=${alternatives(match)})`),
      ...(unless as TextMatch[]).map((match) => `(?!${alternatives(match)})`),
    ];
    return `^<ADDR> \\S+ .*?\\[\\] "${notCounted}${conditions.join('')}(?:[^"\\\\]|\\\\.)+" \\d{3}\\b`;
  });
  return [
    '[Definition]',
    ...lines.map((line, index) =>
      index === 0 ? `failregex = ${value(line)}` : `            ${value(line)}`,
    ),
    '',
    'ignoreregex =',
    '',
  ].join('\n');
}

/** A connection without a request (`-`), as browsers open to have one ready, and the first bytes of TLS. */
const notCounted = '(?!-" |\\\\x16\\\\x03)';

function jail({ bans, checks }: Source): string {
  const [first = 600] = bans?.for ?? [];
  const exempt = [...new Set([...(bans?.allow ?? []), ...checks.flatMap(({ exempt = [] }) => exempt)])];
  return [
    '# Sekisho for fail2ban, the jail: see the head of the other part. Name the log of your server.',
    '[sekisho-access]',
    `enabled = ${bans !== null}`,
    'filter = sekisho-access',
    'logpath = /var/log/nginx/access.log',
    'port = http,https',
    `maxretry = ${bans?.after ?? 5}`,
    `findtime = ${bans?.within ?? 600}`,
    `bantime = ${first}`,
    // The lengths of the second ban and those after it, as multiples of the first.
    'bantime.increment = true',
    `bantime.multipliers = ${(bans?.for ?? [first]).map((time) => Number((time / first).toFixed(3))).join(' ')}`,
    // The allow-list, and proxies: those would be banned for what others sent through them.
    `ignoreip = ${['127.0.0.1/8', '::1', ...exempt.map(prefixWord)].join(' ')}`,
    '',
  ].join('\n');
}

/** Whether it looks at the request line alone. */
const isLogged = ({ when, unless }: Check): boolean => [...when, ...unless].every(ofLine);

const ofLine = (match: Match): boolean =>
  !isPresence(match) && match.of.length === 1 && match.of[0] === 'line';

/** Within the quotes of the log: the line begins after one, and ends before the other. */
function alternatives({ any, exactCase = false }: TextMatch): string {
  const within = any.map((regex) => regex.replace(/^\^/, '').replace(/\$$/, '(?=" )'));
  return `(?${exactCase ? '' : 'i'}:${within.join('|')})`;
}

/** `%` begins a reference to another value. */
const value = (text: string): string => oneLine(text).replaceAll('%', '%%');
