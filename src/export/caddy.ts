/** Caddy: a snippet of CEL matchers, each with its `error` or `abort`. */
import type { Answer, RuleId } from '../rules/catalogue.ts';
import { type Check, isPresence, type Match, type RequestPart } from './check.ts';
import { type Coverages, headComment, webServerCoverages } from './coverage.ts';
import { comparesHosts } from './policy-checks.ts';
import { celWord, prefixWord } from './quoting.ts';
import type { Target } from './target.ts';

const coverages: Coverages = {
  ...webServerCoverages('Caddy', 'Caddy, in HTTP/2'),
  'client-banned': ['none', 'Caddy keeps no count of probes'],
  'rate-limited': ['none', 'no module that every build has'],
  'h2-preface': ['all'],
  'absolute-form-host-mismatch': [
    'none',
    'Caddy replaces the Host line with the host of the target before anything can look at it',
  ],
  framing: [
    'part',
    'Transfer-Encoding is not seen; Caddy repairs bare LF, folded lines, empty header names, an empty or equal Content-Length and ' +
      'Transfer-Encoding beside Content-Length, and answers 502 to bad chunks',
  ],
  'header-overflow': ['none', 'Caddy reads heads of up to 1 MiB; see max_header_size'],
  trace: ['part', 'OPTIONS * is answered by Caddy itself, for the whole server'],
  'host-override': ['none', 'remove these headers for the backend with request_header'],
  'sni-foreign': ['none', 'flagged and passed on; Caddy has no certificate for such a name, and refuses it'],
};

export const caddy: Target = {
  coverages,
  parts({ checks, action, defaultHost }) {
    const intro = [
      'Sekisho for Caddy 2: a snippet.',
      '  sekisho export caddy > /etc/caddy/sekisho.caddy',
      'In the Caddyfile: `order error first` and `order abort first` in the global options, or a handle or redir of a site would',
      'run first; `import sekisho.caddy` after them; `import sekisho` in every site.',
      'The rule that refused a request is {err.message} in handle_errors, and in the log http.log.error at level DEBUG.',
      `The site of ${defaultHost} should also take requests for no site (a block for ":80"): Caddy answers 200 to any host that`,
      'it does not know.',
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

/** Splits a match: CEL takes no expression above 100,000 characters, which the hosts of a hundred sites exceed. */
function pieces(match: Match): Match[] {
  if (isPresence(match)) return [match];
  const size = 20;
  return Array.from({ length: Math.ceil(match.any.length / size) }, (_, index) => ({
    ...match,
    any: match.any.slice(index * size, (index + 1) * size),
  }));
}

/** The conjunction of all matches, as alternatives that are each short enough for one expression. */
function combinations(when: readonly Match[]): (readonly Match[])[] {
  let all: (readonly Match[])[] = [[]];
  for (const match of when) all = all.flatMap((before) => pieces(match).map((piece) => [...before, piece]));
  return all;
}

/** The message of the error is the rule. */
const refusal = (matcher: string, rule: RuleId, answer: Answer): string =>
  answer === 'drop' ? `abort ${matcher}` : `error ${matcher} ${rule} ${answer}`;

function alternatives(match: Match): string {
  if (isPresence(match)) return `header({${celWord(match.present)}: '*'})`;
  const subject = match.of.map(placeholder).join(" + '|' + ");
  const flag = match.exactCase === true ? '' : '(?i)';
  return match.any.map((regex) => `(${subject}).matches(${celWord(flag + regex)})`).join(' || ');
}

/** Caddy removes Transfer-Encoding before any matcher runs; RE2 has no back-references. */
const isVisible = (check: Check): boolean =>
  !comparesHosts(check) &&
  ![...check.when, ...check.unless].some((match) =>
    isPresence(match) ? match.present === 'transfer-encoding' : match.of.includes('transfer-encoding'),
  );

const placeholder = (part: RequestPart): string => {
  if (part === 'line')
    return "{http.request.method} + ' ' + {http.request.orig_uri} + ' ' + {http.request.proto}";
  return part === 'host' ? '{http.request.hostport}' : `{http.request.header.${part}}`;
};
