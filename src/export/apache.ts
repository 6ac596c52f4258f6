/** Apache: turns on its own strict parsing, and refuses what that accepts with `<If>`. */
import type { Answer, RuleId } from '../rules/catalogue.ts';
import { countedByName } from './access-log.ts';
import { type Check, isPresence, type Match, type RequestPart } from './check.ts';
import { type Coverages, headComment, nonEmptyHeader, refusedBy, webServerCoverages } from './coverage.ts';
import { apacheWord, prefixWord } from './quoting.ts';
import type { Target } from './target.ts';

const wholeServer = 'Apache itself answers OPTIONS without a path, for the whole server';

const coverages: Coverages = {
  ...webServerCoverages('Apache', 'mod_http2'),
  'client-banned': ['none', 'Apache keeps no count of probes: export fail2ban as well'],
  'rate-limited': ['none', 'Apache limits bandwidth (mod_ratelimit), not requests'],
  'h2-preface': refusedBy('Apache'),
  connect: refusedBy('Apache'),
  'absolute-form-foreign': ['part', wholeServer],
  'absolute-form-host-mismatch': [
    'none',
    'Apache replaces the Host line with the host of the target before anything can look at it',
  ],
  framing: [
    'part',
    'Apache reads Transfer-Encoding before Content-Length, unfolds lines, and takes HTTP/2.0 and HTTP/3.0 for 1.1',
  ],
  trace: ['part', wholeServer],
  'proxy-authorization': nonEmptyHeader,
  'proxy-connection': nonEmptyHeader,
  'host-override': ['none', 'remove these headers for the backend with RequestHeader unset'],
  'sni-foreign': ['none', 'flagged and passed on; see SSLStrictSNIVHostCheck'],
};

export const apache: Target = {
  coverages,
  parts({ checks, action, defaultHost }) {
    const intro = [
      'Sekisho for Apache 2.4, for the main server: every virtual host inherits it.',
      '  sekisho export apache > /etc/apache2/conf-available/sekisho.conf; a2enconf sekisho',
      `The virtual host of ${defaultHost} should be the first: Apache sends it requests for hosts that no virtual host names, and`,
      'they are refused there if they name none of ours. An answer `drop` becomes 403: Apache cannot close without a byte.',
      'The rule that refused a request is in the variable sekisho_rule. `CustomLog /var/log/apache2/access.log sekisho` in a virtual host logs',
      'it, in the combined format with two more fields, by which the fail2ban export counts what a request line does not show.',
    ];
    return [
      {
        name: 'conf',
        path: '/etc/apache2/conf-available/sekisho.conf',
        text: `${headComment(intro, coverages, action)}\n\n${base}\n${checks.map(named).reverse().join('')}${counting}${refusals(checks)}`,
      },
    ];
  },
};

const base = `HttpProtocolOptions Strict LenientMethods Require1.0
TraceEnable Off
<IfModule mod_proxy.c>
    ProxyRequests Off
</IfModule>
`;

/** The first matching rule names the request. The last matching SetEnvIfExpr wins, so the lines are in reverse order. */
function named({ rule, when, unless, exempt = [] }: Check): string {
  const conditions = [
    ...when.map((match) => `(${alternatives(match)})`),
    ...unless.map((match) => `!(${alternatives(match)})`),
    ...exempt.map((prefix) => `!(-R '${prefixWord(prefix)}')`),
  ];
  return `SetEnvIfExpr ${apacheWord(conditions.join(' && '))} sekisho_rule=${rule}\n`;
}

const field = (name: string, regex = '.'): string => `('%{req_novary:${name}}' =~ m;${regex};)`;
const marks =
  `${field('Sec-Fetch-Site')} || ${field('Sec-Fetch-Mode')} || (${field('Accept-Encoding')} && ` +
  `(${field('Accept-Language')} || ${field('User-Agent', '^Mozilla/')}))`;
const isOneOf = (rules: readonly RuleId[]): string =>
  `(reqenv('sekisho_rule') =~ /^(?:${rules.join('|')})$/)`;

/** The marks of `src/rules/browser-marks.ts`: what a web page can make a browser send is refused, but does not count towards a ban. */
const counting = `SetEnvIfExpr "${isOneOf(countedByName.always)}" sekisho_counts=1
SetEnvIfExpr "${isOneOf(countedByName.withoutMarks)} && !(${marks})" sekisho_counts=1
LogFormat "%h %l %u %t \\"%r\\" %>s %O \\"%{Referer}i\\" \\"%{User-Agent}i\\" rule=%{sekisho_rule}e counts=%{sekisho_counts}e" sekisho
`;

/** `<If>` applies to every virtual host, and to requests that mod_rewrite never sees: CONNECT, and targets without a path. */
function refusals(checks: readonly Check[]): string {
  const answers = Map.groupBy(checks, ({ answer }) => status(answer));
  return [...answers]
    .map(([code, group]) => {
      const rules = [...new Set(group.map(({ rule }) => rule))];
      return `<If "${isOneOf(rules)}">\n    Redirect ${code}\n</If>\n`;
    })
    .join('');
}

function alternatives(match: Match): string {
  if (isPresence(match)) return `'${variable(match.present)}' =~ m;.;`;
  const subject = match.of.map(variable).join('|');
  return match.any
    .map((regex) => `'${subject}' =~ m;${withoutSemicolon(regex)};${match.exactCase === true ? '' : 'i'}`)
    .join(' || ');
}

/** A semicolon would end the expression; no {@link Check} contains one. */
function withoutSemicolon(regex: string): string {
  if (regex.includes(';')) throw new TypeError(`semicolon in an expression: ${regex}`);
  return regex;
}

const status = (answer: Answer): number => (answer === 'drop' ? 403 : answer);

/** `req_novary`: a response must not get `Vary` for headers that were only read by checks. */
const variable = (part: RequestPart): string =>
  part === 'line' ? '%{THE_REQUEST}' : `%{req_novary:${part === 'host' ? 'Host' : part}}`;
