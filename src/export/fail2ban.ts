/** fail2ban: a filter that finds probes in the access logs of nginx and Apache, and a jail that counts them. */
import { countedByName, countedChecks, logCoverages, neverBanned, notCounted } from './access-log.ts';
import type { Check, TextMatch } from './check.ts';
import { headComment } from './coverage.ts';
import { oneLine, prefixWord } from './quoting.ts';
import type { Source, Target } from './target.ts';

const coverages = logCoverages('by the jail', [
  'part',
  'in the log format `sekisho` of the nginx and Apache exports',
]);

export const fail2ban: Target = {
  coverages,
  parts(source) {
    const intro = [
      'Sekisho for fail2ban, in two files, for the access logs of nginx and Apache, combined or vhost_combined, or',
      'in the format `sekisho` of their exports, which shows more than a request line.',
      '  sekisho export fail2ban > /etc/fail2ban/filter.d/sekisho-access.conf',
      '  sekisho export fail2ban --part jail > /etc/fail2ban/jail.d/sekisho-access.conf',
      'It refuses no request: it counts probes, and bans in the firewall. Use it only where clients reach the server directly: behind a balancer the log',
      "has the balancer's address.",
    ];
    return [
      {
        name: 'filter',
        path: '/etc/fail2ban/filter.d/sekisho-access.conf',
        text: `${headComment(intro, coverages, source.action)}\n\n${filter(source.checks)}`,
      },
      { name: 'jail', path: '/etc/fail2ban/jail.d/sekisho-access.conf', text: jail(source) },
    ];
  },
};

/**
 * Anchored at the address, which the server writes first (after the virtual host, in the format vhost_combined): everything that
 * a sender writes comes later, with its quotes escaped, so no sender can get another address banned.
 */
function filter(checks: readonly Check[]): string {
  const lines = countedChecks(checks).map(({ when, unless }) => {
    const conditions = [
      ...when.map((match) => `(?=${alternatives(match)})`),
      ...unless.map((match) => `(?!${alternatives(match)})`),
    ];
    return `^(?:[^ "]+:\\d+ )?<ADDR> \\S+ .*?\\[\\] "${notCountedLines}${conditions.join('')}(?:[^"\\\\]|\\\\.)+" \\d{3}\\b`;
  });
  return [
    '[Definition]',
    ...[...lines, named].map((line, index) =>
      index === 0 ? `failregex = ${value(line)}` : `            ${value(line)}`,
    ),
    '',
    'ignoreregex =',
    '',
  ].join('\n');
}

/** Lines in the format `sekisho`, which name the rule. A request that timed out (408, 499) is cut off anywhere, so it does not count. */
const quoted = String.raw`"(?:[^"\\]|\\.)*"`;
const named = `^(?:[^ "]+:\\d+ )?<ADDR> \\S+ .*?\\[\\] ${quoted} (?!408|499)\\d{3} \\d+ ${quoted} ${quoted} rule=(?:${Object.values(countedByName).flat().join('|')}) counts=1$`;

const notCountedLines = `(?!${notCounted.noRequest}" |${[notCounted.tls, notCounted.stun].map((bytes) => bytes.replaceAll('\\', '\\\\')).join('|')})`;

function jail(source: Source): string {
  const { bans } = source;
  const [first = 600] = bans?.for ?? [];
  return [
    '# Sekisho for fail2ban, the jail: see the top of the other part. Set logpath to the log of your server.',
    '[sekisho-access]',
    `enabled = ${bans !== null}`,
    'filter = sekisho-access',
    'logpath = /var/log/nginx/access.log',
    'port = http,https',
    `maxretry = ${bans?.after ?? 5}`,
    `findtime = ${bans?.within ?? 600}`,
    `bantime = ${first}`,
    // Lengths of later bans, as multiples of the first.
    'bantime.increment = true',
    `bantime.multipliers = ${(bans?.for ?? [first]).map((time) => Number((time / first).toFixed(3))).join(' ')}`,
    `ignoreip = ${['127.0.0.1/8', '::1', ...neverBanned(source).map(prefixWord)].join(' ')}`,
    '',
  ].join('\n');
}

/** Moves the anchors to the quotes in the log: the request line begins after one and ends before the other. */
function alternatives({ any, exactCase = false }: TextMatch): string {
  const within = any.map((regex) => regex.replace(/^\^/, '').replace(/\$$/, '(?=" )'));
  return `(?${exactCase ? '' : 'i'}:${within.join('|')})`;
}

/** Escapes `%`, which begins a reference to another value. */
const value = (text: string): string => oneLine(text).replaceAll('%', '%%');
