/** Caddy: a snippet of matchers in CEL, each with the `error` or `abort` that it leads to. */
import type { Answer, RuleId } from '../rules/catalogue.ts';
import { type Check, isPresence, type Match, type Part } from './check.ts';
import { comparesHosts } from './checks.ts';
import { type Coverages, headComment } from './coverage.ts';
import type { Target } from './target.ts';
import { celWord, prefixWord } from './word.ts';

const itself = 'by Caddy itself, with its own answer';

const coverages: Coverages = {
  'client-banned': ['none', 'Caddy keeps no count of probes'],
  'rate-limited': ['none', 'no module that every build has'],
  socks4: ['all', itself],
  socks5: ['all', itself],
  'tls-on-plaintext': ['all', itself],
  'smtp-on-http': ['all', itself],
  'proxy-protocol': ['all', itself],
  'h2-preface': ['all'],
  'not-http': ['all', itself],
  connect: ['all'],
  'extended-connect': ['none', 'left to what Caddy does in HTTP/2'],
  'absolute-form-scheme': ['all'],
  'absolute-form-userinfo': ['all'],
  'absolute-form-foreign': ['all'],
  'absolute-form-port': ['all'],
  'absolute-form-host-mismatch': [
    'none',
    'Caddy puts the host of the target in place of the Host line before anything can look',
  ],
  framing: [
    'part',
    'Transfer-Encoding is not seen; bare LF, folded lines, empty header names, an empty or equal Content-Length and Transfer-Encoding ' +
      'beside Content-Length are repaired, and bad chunks end in a 502',
  ],
  'method-unknown': ['all'],
  'header-overflow': ['none', 'Caddy reads heads of up to 1 MiB; see max_header_size'],
  'target-malformed': ['all'],
  'host-duplicate': ['all'],
  'host-malformed': ['all'],
  'host-missing': ['all'],
  'host-foreign': ['all'],
  'host-port': ['all'],
  'authority-mismatch': ['none', 'left to what Caddy does in HTTP/2'],
  trace: ['part', 'OPTIONS * is answered by Caddy itself, for the whole server'],
  'proxy-authorization': ['all'],
  'proxy-connection': ['all'],
  'connection-strips': ['all'],
  'upgrade-unknown': ['all'],
  'host-override': ['none', 'take these headers away from what is behind Caddy with request_header'],
  'sni-foreign': ['none', 'flagged and passed on; Caddy has no certificate for such a name, and refuses it'],
  'path-proxy': ['none', 'flagged and passed on, by decoded targets: that takes a parser'],
  'url-in-path': ['none', 'the path cannot be told from an ordinary one without a parser'],
};

export const caddy: Target = {
  coverages,
  parts({ checks, action, defaultHost }) {
    const intro = [
      'Sekisho for Caddy 2: a snippet.',
      '  sekisho export caddy > /etc/caddy/sekisho.caddy',
      'In the Caddyfile: `order error first` and `order abort first` among the global options, without which a handle or',
      'redir of a site would come before it; `import sekisho.caddy` after them; `import sekisho` in every site.',
      'The rule that refused a request is {err.message} in handle_errors, and stands in the log http.log.error at level DEBUG.',
      `The site of ${defaultHost} should also take what is for no site (a block for ":80"): to any host that it does not know`,
      'Caddy says 200.',
    ];
    return [
      {
        name: 'snippet',
        path: '/etc/caddy/sekisho.caddy',
        text: `${headComment(intro, coverages, action)}\n\n${snippet(checks)}`,
      },
    ];
  },
};

function snippet(checks: readonly Check[]): string {
  const blocks = checks
    .filter(isVisible)
    .flatMap((check) => combinations(check.when).map((when) => ({ ...check, when })));
  const lines = blocks.flatMap(({ rule, answer, when, unless, exempt = [] }, index) => {
    const name = `@sekisho_${index + 1}`;
    return [
      `\t# ${rule}`,
      `\t${name} {`,
      ...(when.length === 0
        ? []
        : [`\t\texpression \`${when.map((match) => `(${alternatives(match)})`).join(' && ')}\``]),
      ...unless.flatMap(pieces).map((match) => `\t\tnot expression \`${alternatives(match)}\``),
      ...(exempt.length === 0 ? [] : [`\t\tnot remote_ip ${exempt.map(prefixWord).join(' ')}`]),
      '\t}',
      `\t${refusal(name, rule, answer)}`,
    ];
  });
  return ['(sekisho) {', ...lines, '}', ''].join('\n');
}

/** CEL takes no expression above 100,000 characters, which the hosts of a hundred sites are. */
function pieces(match: Match): Match[] {
  if (isPresence(match)) return [match];
  const size = 20;
  return Array.from({ length: Math.ceil(match.any.length / size) }, (_, index) => ({
    ...match,
    any: match.any.slice(index * size, (index + 1) * size),
  }));
}

/** All of these hold: as several lists whose pieces are short enough for one expression, any of which may hold. */
function combinations(when: readonly Match[]): (readonly Match[])[] {
  let all: (readonly Match[])[] = [[]];
  for (const match of when) all = all.flatMap((before) => pieces(match).map((piece) => [...before, piece]));
  return all;
}

/** The rule is the message of the error. */
const refusal = (matcher: string, rule: RuleId, answer: Answer): string =>
  answer === 'drop' ? `abort ${matcher}` : `error ${matcher} ${rule} ${answer}`;

function alternatives(match: Match): string {
  if (isPresence(match)) return `header({${celWord(match.present)}: '*'})`;
  const subject = match.of.map(placeholder).join(" + '|' + ");
  const flag = match.exactCase === true ? '' : '(?i)';
  return match.any.map((regex) => `(${subject}).matches(${celWord(flag + regex)})`).join(' || ');
}

/** Transfer-Encoding is taken out of the headers before any matcher; RE2 has no back-references. */
const isVisible = (check: Check): boolean =>
  !comparesHosts(check) &&
  ![...check.when, ...check.unless].some((match) =>
    isPresence(match) ? match.present === 'transfer-encoding' : match.of.includes('transfer-encoding'),
  );

const placeholder = (part: Part): string => {
  if (part === 'line')
    return "{http.request.method} + ' ' + {http.request.orig_uri} + ' ' + {http.request.proto}";
  return part === 'host' ? '{http.request.hostport}' : `{http.request.header.${part}}`;
};
