/** Apache: its own strictness turned on, and `<If>` for what it lets pass. */
import type { Answer, RuleId } from '../rules/catalogue.ts';
import { countedByName } from './access-log.ts';
import { type Check, isPresence, type Match, type Part } from './check.ts';
import { type Coverages, headComment } from './coverage.ts';
import type { Target } from './target.ts';
import { apacheWord, prefixWord } from './word.ts';

const itself = 'by Apache itself, with its own answer';

const wholeServer = 'OPTIONS without a path is answered by Apache itself, for the whole server';

const coverages: Coverages = {
  'client-banned': ['none', 'Apache keeps no count of probes: export fail2ban as well'],
  'rate-limited': ['none', 'Apache limits bandwidth (mod_ratelimit), not requests'],
  socks4: ['all', itself],
  socks5: ['all', itself],
  'tls-on-plaintext': ['all', itself],
  'smtp-on-http': ['all', itself],
  'proxy-protocol': ['all', itself],
  'h2-preface': ['all', itself],
  'not-http': ['all', itself],
  connect: ['all', itself],
  'extended-connect': ['none', 'left to what mod_http2 does'],
  'absolute-form-scheme': ['all'],
  'absolute-form-userinfo': ['all'],
  'absolute-form-foreign': ['part', wholeServer],
  'absolute-form-port': ['all'],
  'absolute-form-host-mismatch': [
    'none',
    'Apache puts the host of the target in place of the Host line before anything can look',
  ],
  framing: [
    'part',
    'Apache reads Transfer-Encoding before Content-Length, unfolds lines, and takes HTTP/2.0 and HTTP/3.0 for 1.1',
  ],
  'method-unknown': ['all'],
  'header-overflow': ['all', itself],
  'target-malformed': ['all'],
  'host-duplicate': ['all'],
  'host-malformed': ['all'],
  'host-missing': ['all'],
  'host-foreign': ['all'],
  'host-port': ['all'],
  'authority-mismatch': ['none', 'left to what mod_http2 does'],
  trace: ['part', wholeServer],
  'proxy-authorization': ['part', 'an empty line is not seen'],
  'proxy-connection': ['part', 'an empty line is not seen'],
  'connection-strips': ['all'],
  'upgrade-unknown': ['all'],
  'host-override': ['none', 'take these headers away from what is behind Apache with RequestHeader unset'],
  'sni-foreign': ['none', 'flagged and passed on; see SSLStrictSNIVHostCheck'],
  'path-proxy': ['none', 'flagged and passed on, by decoded targets: that takes a parser'],
  'url-in-path': ['none', 'the path cannot be told from an ordinary one without a parser'],
};

export const apache: Target = {
  coverages,
  parts({ checks, action, defaultHost }) {
    const intro = [
      'Sekisho for Apache 2.4, for the main server: every virtual host inherits it.',
      '  sekisho export apache > /etc/apache2/conf-available/sekisho.conf; a2enconf sekisho',
      `The virtual host of ${defaultHost} should be the first: requests that name no host of any come there, and are`,
      'refused there if they name none of ours. An answer `drop` becomes 403: Apache cannot close without a byte.',
      'The rule that refused a request is in the variable sekisho_rule. `CustomLog /var/log/apache2/access.log sekisho` in a virtual host logs',
      'it, in the combined format with two words behind it, and the fail2ban export counts by them what a request line does not show.',
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

/** The first rule that is seen names the request: of several lines that hold, the last one does, and they stand in reverse. */
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

/** As `src/rules/browser-marks.ts` has them: what a page can have a browser send is refused, and is no reason for a ban. */
const counting = `SetEnvIfExpr "${isOneOf(countedByName.always)}" sekisho_counts=1
SetEnvIfExpr "${isOneOf(countedByName.withoutMarks)} && !(${marks})" sekisho_counts=1
LogFormat "%h %l %u %t \\"%r\\" %>s %O \\"%{Referer}i\\" \\"%{User-Agent}i\\" rule=%{sekisho_rule}e counts=%{sekisho_counts}e" sekisho
`;

/** `<If>` reaches every virtual host, and requests that mod_rewrite lets pass unseen: CONNECT, and targets without a path. */
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

/** The semicolon ends an expression; none of those of {@link Check} holds one. */
function withoutSemicolon(regex: string): string {
  if (regex.includes(';')) throw new TypeError(`an expression with a semicolon: ${regex}`);
  return regex;
}

const status = (answer: Answer): number => (answer === 'drop' ? 403 : answer);

/** `req_novary`: answers must not say Vary for headers that were only looked at to refuse. */
const variable = (part: Part): string =>
  part === 'line' ? '%{THE_REQUEST}' : `%{req_novary:${part === 'host' ? 'Host' : part}}`;
