/** What an access log in the combined format shows of a policy: for programs that count probes in logs. */
import { catalogue, type Rule, type RuleId } from '../rules/catalogue.ts';
import { type Check, isPresence, type Match, type TextMatch } from './check.ts';
import type { Coverage, Coverages } from './coverage.ts';
import type { Source } from './target.ts';

const bytes = 'as the bytes that nginx logs for a request line; Apache logs none';
const notLogged: Coverage = [
  'none',
  'an access log in the combined format holds the request line, not the headers',
];

/**
 * Rules that the log formats of the nginx and Apache exports name, and that count towards a ban: what a page can have a browser send only without
 * the marks of one.
 */
export const countedByName = {
  always: [
    'connect',
    'absolute-form-scheme',
    'absolute-form-userinfo',
    'absolute-form-foreign',
    'absolute-form-port',
    'absolute-form-host-mismatch',
    'proxy-authorization',
    'proxy-connection',
    'connection-strips',
  ],
  withoutMarks: ['framing', 'host-malformed', 'host-foreign', 'trace'],
} as const satisfies Record<string, readonly RuleId[]>;

/**
 * @param banned who bans
 * @param headers what is seen of rules that are about headers
 */
export const logCoverages = (banned: string, headers: Coverage = notLogged): Coverages => ({
  'client-banned': ['all', banned],
  'rate-limited': ['none', 'not counted: limits are no probes'],
  socks4: ['part', bytes],
  socks5: ['part', bytes],
  'tls-on-plaintext': ['none', 'not counted: mostly a browser or a crawler'],
  'smtp-on-http': ['all'],
  'proxy-protocol': ['part', 'version 2 as the bytes that nginx logs; Apache logs none'],
  'h2-preface': ['all'],
  'not-http': ['part', 'what the server writes as a request line; Apache leaves out most of what is no text'],
  connect: ['all'],
  'extended-connect': ['part', 'where the log says CONNECT'],
  'absolute-form-scheme': ['all'],
  'absolute-form-userinfo': ['all'],
  'absolute-form-foreign': ['all'],
  'absolute-form-port': ['all'],
  'absolute-form-host-mismatch': headers,
  framing: ['part', 'versions; of headers and bodies a log tells nothing'],
  'method-unknown': ['none', 'not counted: a page can have a browser send any method'],
  'header-overflow': ['none', 'not counted: browsers send long cookies and queries'],
  'target-malformed': ['all'],
  'host-duplicate': notLogged,
  'host-malformed': headers,
  'host-missing': notLogged,
  'host-foreign': headers,
  'host-port': notLogged,
  'authority-mismatch': notLogged,
  trace: ['part', 'TRACE; Max-Forwards is not logged'],
  'proxy-authorization': headers,
  'proxy-connection': headers,
  'connection-strips': headers,
  'upgrade-unknown': notLogged,
  'host-override': notLogged,
  'sni-foreign': ['none', 'a log of requests holds no names of TLS'],
  'path-proxy': ['none', 'flagged and passed on, by decoded targets: that takes a parser'],
  'url-in-path': ['none', 'the path cannot be told from an ordinary one without a parser'],
});

/** A check that looks at the request line alone. */
export interface LineCheck extends Check {
  readonly when: readonly TextMatch[];
  readonly unless: readonly TextMatch[];
}

/** The checks that count towards a ban and can be made on a logged request line. */
export function countedChecks(checks: readonly Check[]): LineCheck[] {
  const counted = checks
    .filter(({ rule }) => (catalogue[rule] as Rule).bans && rule !== 'method-unknown')
    .filter(isLogged)
    .map((check) => ({
      ...check,
      unless: [
        ...check.unless.filter((match) => !namesMethods(match)),
        ...(check.unless.some(namesMethods) ? [anyMethod] : []),
      ],
    }));
  return counted.flatMap((check, index) => {
    const last = counted.findLastIndex(({ rule }) => rule === check.rule) === index;
    return last && check.rule === 'target-malformed' ? [check, { ...check, ...escapedTarget }] : [check];
  });
}

/**
 * Controls in a target, which are none of a URI, as they are logged: `\xHH`, by Apache `\n` and
 * such too. A quote and a backslash are escaped as well, and are let be.
 */
const escapedTarget: Pick<LineCheck, 'when' | 'unless'> = {
  when: [
    {
      of: ['line'],
      any: [
        String.raw`^[^ ]+ +(?:[^ "\\]|\\["\\]|\\x(?:22|5c|[89a-f][0-9a-f]))*\\(?:x(?:[01][0-9a-f]|7f)|[bnrtv])`,
      ],
    },
  ],
  unless: [],
};

/** `fetch()` sends any token as the method, so that a page can have a browser send one that is none. */
const anyMethod: TextMatch = {
  of: ['line'],
  any: ["^[!#-'*+.^_`|~0-9A-Za-z-]+ [^ ]+ HTTP/(?:1[.][01]|2(?:[.]0)?|3(?:[.]0)?)$"],
};
const namesMethods = ({ exactCase }: TextMatch): boolean => exactCase === true;

const isLogged = (check: Check): check is LineCheck => [...check.when, ...check.unless].every(ofLine);

/** Looks at the request line alone. */
export const ofLine = (match: Match): match is TextMatch =>
  !isPresence(match) && match.of.length === 1 && match.of[0] === 'line';

/** Clients never to be banned: the allow-list, and proxies, which would be banned for what others sent through them. */
export const neverBanned = ({ bans, checks }: Source): string[] => [
  ...new Set([...(bans?.allow ?? []), ...checks.flatMap(({ exempt = [] }) => exempt)]),
];

/**
 * The start of request lines that are not counted, as they are logged: a connection without a request, as browsers
 * open to have one ready, the first bytes of TLS, and those of STUN, which a page can have a browser speak to any port.
 */
export const notCounted = { noRequest: '-', tls: '\\x16\\x03', stun: '\\x00' } as const;
