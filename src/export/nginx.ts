/** nginx, with nothing but the modules that every build has: `geo` and `map` find, `if` and `return` refuse. */
import type { Answer, RuleId } from '../rules/catalogue.ts';
import { countedByName, ofLine } from './access-log.ts';
import { type Check, isPresence, type Match, type Part } from './check.ts';
import { type Coverages, headComment } from './coverage.ts';
import type { Target } from './target.ts';
import { nginxWord, prefixWord } from './word.ts';

const itself = 'by nginx itself, with its own answer';

const coverages: Coverages = {
  'client-banned': ['none', 'nginx keeps no count of probes: export fail2ban as well'],
  'rate-limited': ['none', 'see limit_req'],
  socks4: ['all', itself],
  socks5: ['all', itself],
  'tls-on-plaintext': ['all', itself],
  'smtp-on-http': ['all', itself],
  'proxy-protocol': ['all', itself],
  'h2-preface': ['all', itself],
  'not-http': ['all', itself],
  connect: ['all'],
  'extended-connect': ['none', 'left to what nginx does in HTTP/2'],
  'absolute-form-scheme': ['all'],
  'absolute-form-userinfo': ['all'],
  'absolute-form-foreign': ['all'],
  'absolute-form-port': ['all'],
  'absolute-form-host-mismatch': ['all'],
  framing: [
    'part',
    'bare LF, bytes in header names and values, and lines without a colon are taken or passed over by nginx before anything can look',
  ],
  'method-unknown': ['all'],
  'header-overflow': ['all', itself],
  'target-malformed': ['all'],
  'host-duplicate': ['all'],
  'host-malformed': ['all'],
  'host-missing': ['all'],
  'host-foreign': ['all'],
  'host-port': ['all'],
  'authority-mismatch': ['none', 'left to what nginx does in HTTP/2'],
  trace: ['all'],
  'proxy-authorization': ['part', 'an empty line is not seen'],
  'proxy-connection': ['part', 'an empty line is not seen'],
  'connection-strips': ['all'],
  'upgrade-unknown': ['all'],
  'host-override': ['none', 'overwrite these headers for what is behind nginx with proxy_set_header'],
  'sni-foreign': ['part', 'names of no server block, by the part `default`, which refuses the handshake'],
  'path-proxy': ['none', 'flagged and passed on, by decoded targets: that takes a parser'],
  'url-in-path': ['none', 'the path cannot be told from an ordinary one without a parser'],
};

export const nginx: Target = {
  coverages,
  parts({ checks, action, defaultHost, tlsPorts }) {
    const { http, server } = nginxFiles(checks);
    const intro = [
      'Sekisho for nginx, of three files. This one belongs into http { … }:',
      '  sekisho export nginx > /etc/nginx/conf.d/sekisho.conf',
      'The second one into each server { … }, by a line `include snippets/sekisho.conf;`:',
      '  sekisho export nginx --part server > /etc/nginx/snippets/sekisho.conf',
      `The server block of ${defaultHost} should be the default_server of plain HTTP: requests that name no host of a block come there,`,
      'and are refused there if they name none of ours. With TLS the third file, of nginx 1.19.4 or later, takes those:',
      '  sekisho export nginx --part default > /etc/nginx/conf.d/sekisho-default.conf',
      'Which rule refused a request is in $sekisho_rule. `access_log /var/log/nginx/access.log sekisho;` in a server { … } logs it, in',
      'the combined format with two words behind it, and the fail2ban export counts by them what a request line does not show.',
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
        text: `# Sekisho for nginx, the part for each server { … }: see the head of the first part.\n${server}`,
      },
      {
        name: 'default',
        path: '/etc/nginx/conf.d/sekisho-default.conf',
        text: defaultServer(action('host-foreign') === 'block', tlsPorts),
      },
    ];
  },
};

/** Variables for `http { … }`, and what each `server { … }` does with them. */
function nginxFiles(checks: readonly Check[]): { http: string; server: string } {
  const http: string[] = [];
  const known = new Map<string, string>();
  const seen: string[] = [];
  const answers = new Map<RuleId, number>();

  /** The variable that is 1 where the table holds, and empty elsewhere. */
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
    if (![...when, ...unless].every(ofLine)) holds.push(variable('map $status', judged));
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
 * There is no status yet as a `server { … }` asks. What nginx has refused by itself is asked about by the log alone, where there is one:
 * it may have read no header, so that none says anything.
 */
const judged = [nginxWord('000')];

/** What nginx refuses by itself and logs as a request line, so that the log has the right name for it. */
const bytes: readonly (readonly [regex: string, rule: RuleId])[] = [
  ['^\\x16\\x03', 'tls-on-plaintext'],
  ['^\\x05[\\x01-\\x09]', 'socks5'],
  ['^\\x04[\\x01\\x02]', 'socks4'],
  ['^PROXY ', 'proxy-protocol'],
  ['^PRI [*] HTTP/2', 'h2-preface'],
  ['^(?i:HELO|EHLO|LHLO|MAIL FROM|RCPT TO|RSET|NOOP|QUIT|STARTTLS|AUTH)(?:[ :]|$)', 'smtp-on-http'],
  ['^[^A-Za-z]', 'not-http'],
];

/** Of several rules that are seen the first one names the request. A connection without one (`""`) is named by none. */
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

/** As `src/rules/browser-marks.ts` has them: what a page can have a browser send is refused, and is no reason for a ban. */
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

/** Names that no server block has, by TLS: the handshake ends with `unrecognized_name` (RFC 6066), and no certificate is shown. */
function defaultServer(blocks: boolean, ports: readonly number[]): string {
  const head = '# Sekisho for nginx, the default server of TLS: see the head of the first part.';
  if (!blocks) return `${head}\n# host-foreign is not blocked by this config, so no name is refused.\n`;
  return [
    head,
    '# No other block may be the default_server of these ports. A client that names no host in TLS is refused as well.',
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

/** 444 is nginx's own: close without a byte. */
const status = (answer: Answer): number => (answer === 'drop' ? 444 : answer);

/** nginx throws away headers with an underscore, whose variables would be those of the ones with a hyphen. */
const isVisible = ({ when }: Check): boolean =>
  !when.some((match) => isPresence(match) && match.present.includes('_'));

const subject = (parts: readonly Part[]): string =>
  parts
    .map((part) =>
      part === 'line' ? '$request' : part === 'host' ? '$http_host' : `$http_${part.replaceAll('-', '_')}`,
    )
    .join('|');
