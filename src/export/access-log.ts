/** How much of a policy an access log in the combined format shows, for programs that count probes in logs. */
import { catalogue, type Rule, type RuleId } from '../rules/catalogue.ts';
import { tokenChars } from '../wire/token.ts';
import { type Check, isPresence, type Match, type TextMatch } from './check.ts';
import { type Coverage, type Coverages, targetFlags } from './coverage.ts';
import type { Source } from './target.ts';

const bytes = 'as the bytes that nginx logs in place of a request line; Apache logs none';
const notLogged: Coverage = [
  'none',
  'an access log in the combined format holds the request line, not the headers',
];

/**
 * Rules that count towards a ban and that the log formats of the nginx and Apache exports name. `withoutMarks`: a web page can make a
 * browser send these, so they count only without the marks of a browser.
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
 * @param banned what bans
 * @param headers how much is seen of rules about headers
 */
export const logCoverages = (banned: string, headers: Coverage = notLogged): Coverages => ({
  'client-banned': ['all', banned],
  'rate-limited': ['none', 'not counted: going over a limit is no probe'],
  socks4: ['part', bytes],
  socks5: ['part', bytes],
  'tls-on-plaintext': ['none', 'not counted: mostly a browser or a crawler'],
  'smtp-on-http': ['all'],
  'proxy-protocol': ['part', 'version 2 as the bytes that nginx logs; Apache logs none'],
  'h2-preface': ['all'],
  'not-http': ['part', 'what the server logs as a request line; Apache omits most bytes that are not text'],
  connect: ['all'],
  'extended-connect': ['part', 'where the log says CONNECT'],
  'absolute-form-scheme': ['all'],
  'absolute-form-userinfo': ['all'],
  'absolute-form-foreign': ['all'],
  'absolute-form-port': ['all'],
  'absolute-form-host-mismatch': headers,
  framing: ['part', 'bad versions; a log shows nothing of headers and bodies'],
  'method-unknown': ['none', 'not counted: a web page can make a browser send any method'],
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
  'sni-foreign': ['none', 'an access log does not show the host name sent in TLS'],
  ...targetFlags,
});

/** A check of the request line only. */
export interface LineCheck extends Check {
  readonly when: readonly TextMatch[];
  readonly unless: readonly TextMatch[];
}

/** The checks that count towards a ban and can run on a logged request line. */
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
 * Control characters in a target, which no URI contains, as they are logged: `\xHH`, and by Apache also `\n` and the like.
 * A quote and a backslash are logged escaped too, but do not match.
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

/** `fetch()` sends any token as the method, so a web page can make a browser send an unknown one. */
const anyMethod: TextMatch = {
  of: ['line'],
  any: [`^[${tokenChars}]+ [^ ]+ HTTP/(?:1[.][01]|2(?:[.]0)?|3(?:[.]0)?)$`],
};
const namesMethods = ({ exactCase }: TextMatch): boolean => exactCase === true;

const isLogged = (check: Check): check is LineCheck => [...check.when, ...check.unless].every(ofLine);

/** Reads only the request line. */
export const ofLine = (match: Match): match is TextMatch =>
  !isPresence(match) && match.of.length === 1 && match.of[0] === 'line';

/** Clients that must never be banned: the allow-list, and trusted proxies, which would be banned for the requests of others. */
export const neverBanned = ({ bans, checks }: Source): string[] => [
  ...new Set([...(bans?.allow ?? []), ...checks.flatMap(({ exempt = [] }) => exempt)]),
];

/**
 * How request lines that are not counted begin in the log: a connection without a request (browsers open them in advance), the
 * first bytes of TLS, and those of STUN, which a web page can make a browser send to any port.
 */
export const notCounted = { noRequest: '-', tls: '\\x16\\x03', stun: '\\x00' } as const;
