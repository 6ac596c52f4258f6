/** nginx, with nothing but the modules that every build has: `geo` and `map` find, `if` and `return` refuse. */
import type { Answer, RuleId } from '../rules/catalogue.ts';
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
  'sni-foreign': ['none', 'flagged and passed on; see ssl_reject_handshake'],
  'path-proxy': ['none', 'flagged and passed on, by decoded targets: that takes a parser'],
  'url-in-path': ['none', 'the path cannot be told from an ordinary one without a parser'],
};

export const nginx: Target = {
  coverages,
  parts({ checks, action, defaultHost }) {
    const { http, server } = nginxFiles(checks);
    const intro = [
      'Sekisho for nginx, of two files. This one belongs into http { … }:',
      '  sekisho export nginx > /etc/nginx/conf.d/sekisho.conf',
      'The other one into each server { … }, by a line `include snippets/sekisho.conf;`:',
      '  sekisho export nginx --part server > /etc/nginx/snippets/sekisho.conf',
      `The server block of ${defaultHost} should be the default_server: requests that name no host of a block come there,`,
      'and are refused there if they name none of ours.',
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
        text: `# Sekisho for nginx, the part for each server { … }: see the head of the other part.\n${server}`,
      },
    ];
  },
};

/** Variables for `http { … }`, and what each `server { … }` does with them. */
function nginxFiles(checks: readonly Check[]): { http: string; server: string } {
  const http: string[] = [];
  const server: string[] = [];
  const known = new Map<string, string>();
  const timesSeen = new Map<RuleId, number>();

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
    const excuses = unless.map(matched);
    if (exempt.length > 0) excuses.push(variable('geo', exempt.map(prefixWord)));
    const times = (timesSeen.get(rule) ?? 0) + 1;
    timesSeen.set(rule, times);
    const seen = `$sekisho_${rule.replaceAll('-', '_')}${times === 1 ? '' : `_${times}`}`;
    http.push(
      `map "${holds.join('')}/${excuses.join('')}" ${seen} {`,
      `    "${'1'.repeat(holds.length)}/" 1;`,
      '}',
    );
    server.push(`if (${seen}) { return ${status(answer)}; }`);
  }
  return { http: `${http.join('\n')}\n`, server: `${server.join('\n')}\n` };
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
