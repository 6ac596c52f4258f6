/** nginx, using only modules that every build has: `geo` and `map` match, `if` and `return` refuse. */
import type { Answer, RuleId } from '../rules/catalogue.ts';
import { countedByName, ofLine } from './access-log.ts';
import { type Check, isPresence, type Match, type RequestPart } from './check.ts';
import { type Coverages, headComment, nonEmptyHeader, refusedBy, webServerCoverages } from './coverage.ts';
import { nginxWord, prefixWord } from './quoting.ts';
import type { Target } from './target.ts';

const coverages: Coverages = {
  ...webServerCoverages('nginx', 'nginx, in HTTP/2'),
  'client-banned': ['none', 'nginx keeps no count of probes: export fail2ban as well'],
  'rate-limited': ['none', 'see limit_req'],
  'h2-preface': refusedBy('nginx'),
  'absolute-form-host-mismatch': ['all'],
  framing: [
    'part',
    'nginx accepts or drops bare LF, bad bytes in header names and values, and lines without a colon before anything can look at them',
  ],
  'proxy-authorization': nonEmptyHeader,
  'proxy-connection': nonEmptyHeader,
  'host-override': ['none', 'overwrite these headers for the backend with proxy_set_header'],
  'sni-foreign': ['part', 'names of no server block, by the part `default`, which refuses the handshake'],
};

export const nginx: Target = {
  coverages,
  parts({ checks, action, defaultHost, tlsPorts }) {
    const { http, server } = nginxFiles(checks);
    const intro = [
      'Sekisho for nginx, in three files. This one belongs in http { … }:',
      '  sekisho export nginx > /etc/nginx/conf.d/sekisho.conf',
      'The second one belongs in each server { … }, by a line `include snippets/sekisho.conf;`:',
      '  sekisho export nginx --part server > /etc/nginx/snippets/sekisho.conf',
      `The server block of ${defaultHost} should be the default_server of plain HTTP: nginx sends it requests for hosts that no block names,`,
      'and they are refused there if they name none of ours. For TLS the third file, for nginx 1.19.4 or later, does that:',
      '  sekisho export nginx --part default > /etc/nginx/conf.d/sekisho-default.conf',
      'The rule that refused a request is in $sekisho_rule. `access_log /var/log/nginx/access.log sekisho;` in a server { … } logs it, in',
      'the combined format with two more fields, by which the fail2ban export counts what a request line does not show.',
    ];
    return [
      {
        name: 'http',
        path: '/etc/nginx/conf.d/sekisho.conf',
        text: `${headComment(intro, coverages, action)}\n\n${http}`,
      },
      {
        name: 'server',
        path: '/etc/nginx/snippets/sekisho.conf',
        text: `# Sekisho for nginx, the part for each server { … }: see the top of the first part.\n${server}`,
      },
      {
        name: 'default',
        path: '/etc/nginx/conf.d/sekisho-default.conf',
        text: defaultServer(action('host-foreign') === 'block', tlsPorts),
      },
    ];
  },
};

/** Variables for `http { … }`, and the lines of each `server { … }` that refuse by them. */
function nginxFiles(checks: readonly Check[]): { http: string; server: string } {
  const http: string[] = [];
  const known = new Map<string, string>();
  const seen: string[] = [];
  const answers = new Map<RuleId, number>();

  /** The variable that is 1 if a row matches, else empty. */
  const variable = (kind: string, rows: readonly string[]): string => {
    const table = [`${kind} NAME {`, ...rows.map((row) => `    ${row} 1;`), '}'].join('\n');
    const name = known.get(table) ?? `$sekisho_${known.size + 1}`;
    if (!known.has(table)) http.push(table.replace('NAME', () => name));
    known.set(table, name);
    return name;
  };
  const matched = (match: Match): string => {
    if (isPresence(match)) return variable(`map ${nginxWord(subject([match.present]))}`, [nginxWord('~.')]);
    const sign = match.exactCase === true ? '~' : '~*';
    return variable(
      `map ${nginxWord(subject(match.of))}`,
      match.any.map((regex) => nginxWord(sign + regex)),
    );
  };

  for (const { rule, answer, when, unless, exempt = [] } of checks.filter(isVisible)) {
    const holds = when.map(matched);
    if (![...when, ...unless].every(ofLine)) holds.push(variable('map $status', noStatus));
    const excuses = unless.map(matched);
    if (exempt.length > 0) excuses.push(variable('geo', exempt.map(prefixWord)));
    const name = `$sekisho_seen_${seen.length + 1}`;
    seen.push(name);
    answers.set(rule, status(answer));
    http.push(
      `map "${holds.join('')}/${excuses.join('')}" ${name} {`,
      `    "${'1'.repeat(holds.length)}/" "${rule} ";`,
      '}',
    );
  }
  http.push(...naming(seen), ...counting);
  http.push(
    'map $sekisho_rule $sekisho_answer {',
    ...[...answers].map(([rule, code]) => `    ${rule} ${code};`),
    '}',
  );
  const server = [...new Set(answers.values())].map(
    (code) => `if ($sekisho_answer = ${code}) { return ${code}; }`,
  );
  return { http: `${http.join('\n')}\n`, server: `${server.join('\n')}\n` };
}

/**
 * In `server { … }` there is no status yet: `$status` is 000. Requests that nginx refuses by itself only reach the log, with a
 * status, and perhaps before their headers were read; checks of headers must not match those.
 */
const noStatus = [nginxWord('000')];

/** Bytes that nginx refuses by itself and logs as a request line, with the rule to log for them. */
const bytes: readonly (readonly [regex: string, rule: RuleId])[] = [
  ['^\\x16\\x03', 'tls-on-plaintext'],
  ['^\\x05[\\x01-\\x09]', 'socks5'],
  ['^\\x04[\\x01\\x02]', 'socks4'],
  ['^PROXY ', 'proxy-protocol'],
  ['^PRI [*] HTTP/2', 'h2-preface'],
  ['^(?i:HELO|EHLO|LHLO|MAIL FROM|RCPT TO|RSET|NOOP|QUIT|STARTTLS|AUTH)(?:[ :]|$)', 'smtp-on-http'],
  ['^[^A-Za-z]', 'not-http'],
];

/** The first matching rule names the request. A connection without a request (`""`) matches none. */
const naming = (seen: readonly string[]): string[] => [
  'map $request $sekisho_bytes {',
  '    "" "- ";',
  ...bytes.map(([regex, rule]) => `    ${nginxWord(`~${regex}`)} "${rule} ";`),
  '}',
  `map "$sekisho_bytes${seen.join('')}" $sekisho_rule {`,
  '    default -;',
  '    "~^- " -;',
  '    "~^(?<sekisho_first>[^ ]+) " $sekisho_first;',
  '}',
];

/** The marks of `src/rules/browser-marks.ts`: what a web page can make a browser send is refused, but does not count towards a ban. */
const counting = [
  'map "$http_sec_fetch_site$http_sec_fetch_mode" $sekisho_fetch {',
  '    "~." 1;',
  '}',
  'map "$http_accept_encoding|$http_accept_language|$http_user_agent" $sekisho_browser {',
  '    "~^[^|]+[|](?:[^|]|[^|]*[|]Mozilla/)" 1;',
  '    default $sekisho_fetch;',
  '}',
  'map "$sekisho_rule/$sekisho_browser" $sekisho_counts {',
  '    default -;',
  `    "~^(?:${countedByName.always.join('|')})/" 1;`,
  `    "~^(?:${countedByName.withoutMarks.join('|')})/$" 1;`,
  '}',
  `log_format sekisho '$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent '`,
  `    '"$http_referer" "$http_user_agent" rule=$sekisho_rule counts=$sekisho_counts';`,
];

/** TLS for a name that no server block has: the handshake ends with `unrecognized_name` (RFC 6066), and no certificate is shown. */
function defaultServer(blocks: boolean, ports: readonly number[]): string {
  const head = '# Sekisho for nginx, the default server for TLS: see the top of the first part.';
  if (!blocks) return `${head}\n# host-foreign is not blocked by this config, so no name is refused.\n`;
  return [
    head,
    '# No other block can be the default_server of these ports. A client that sends no host name in TLS is refused as well.',
    'server {',
    ...ports.flatMap((port) => [
      `    listen ${port} ssl default_server;`,
      `    listen [::]:${port} ssl default_server;`,
    ]),
    '    server_name _;',
    '    ssl_reject_handshake on;',
    '}',
    '',
  ].join('\n');
}

/** 444 is nginx's own code: close without a byte. */
const status = (answer: Answer): number => (answer === 'drop' ? 444 : answer);

/** nginx drops headers with an underscore; their variables would name the headers with a hyphen. */
const isVisible = ({ when }: Check): boolean =>
  !when.some((match) => isPresence(match) && match.present.includes('_'));

const subject = (parts: readonly RequestPart[]): string =>
  parts
    .map((part) =>
      part === 'line' ? '$request' : part === 'host' ? '$http_host' : `$http_${part.replaceAll('-', '_')}`,
    )
    .join('|');
