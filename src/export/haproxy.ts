/** HAProxy: lines for a frontend, `acl` for what is seen and `http-request` for what is done about it. */
import type { Answer, RuleId } from '../rules/catalogue.ts';
import { type Check, isPresence, type Match, type Part } from './check.ts';
import { comparesHosts } from './checks.ts';
import { type Coverages, headComment } from './coverage.ts';
import type { Target } from './target.ts';
import { haproxyWord, prefixWord } from './word.ts';

const itself = 'by HAProxy itself, with its own answer';

const coverages: Coverages = {
  'client-banned': ['none', 'HAProxy keeps no count of probes without a stick-table'],
  'rate-limited': ['none', 'see stick-table and http_req_rate'],
  socks4: ['all', itself],
  socks5: ['all', itself],
  'tls-on-plaintext': ['all', itself],
  'smtp-on-http': ['all', itself],
  'proxy-protocol': ['all', itself],
  'h2-preface': ['all'],
  'not-http': ['all', itself],
  connect: ['all'],
  'extended-connect': ['none', 'left to what HAProxy does in HTTP/2'],
  'absolute-form-scheme': ['all'],
  'absolute-form-userinfo': ['all'],
  'absolute-form-foreign': ['all'],
  'absolute-form-port': ['all'],
  'absolute-form-host-mismatch': ['part', itself],
  framing: [
    'part',
    'HAProxy repairs what it can and passes the repaired request on: bare LF, folded lines, equal Content-Lengths, ' +
      'Transfer-Encoding beside Content-Length; control bytes in values are not seen',
  ],
  'method-unknown': ['all'],
  'header-overflow': ['all', itself],
  'target-malformed': ['all'],
  'host-duplicate': ['part', 'the same host twice is made one line'],
  'host-malformed': ['all'],
  'host-missing': ['all'],
  'host-foreign': ['all'],
  'host-port': ['all'],
  'authority-mismatch': ['none', 'left to what HAProxy does in HTTP/2'],
  trace: ['all'],
  'proxy-authorization': ['all'],
  'proxy-connection': ['all'],
  'connection-strips': ['all'],
  'upgrade-unknown': ['all'],
  'host-override': [
    'none',
    'take these headers away from what is behind HAProxy with http-request del-header',
  ],
  'sni-foreign': ['none', 'flagged and passed on; see strict-sni'],
  'path-proxy': ['none', 'flagged and passed on, by decoded targets: that takes a parser'],
  'url-in-path': ['none', 'the path cannot be told from an ordinary one without a parser'],
};

export const haproxy: Target = {
  coverages,
  parts({ checks, action, defaultHost }) {
    const intro = [
      'Sekisho for HAProxy 2.5 and later: lines for a frontend in mode http, before its other http-request rules.',
      '  sekisho export haproxy',
      'The variable txn.sekisho_rule names the rule that refused a request: %[var(txn.sekisho_rule)] in a log-format.',
      `The default_backend should be that of ${defaultHost}: HTTP/1.0 requests may name no host.`,
    ];
    return [
      { name: 'frontend', path: null, text: `${headComment(intro, coverages, action)}\n\n${lines(checks)}` },
    ];
  },
};

function lines(checks: readonly Check[]): string {
  const variables = new Map<string, string>();
  const acls = new Map<string, string>();
  const rules: string[] = [];
  const answers = new Map<string, Set<RuleId>>();

  /** The fetch of the parts, joined: one variable, set once a request. */
  const fetch = (parts: readonly Part[]): string => {
    const format = parts.map(sample).join('|');
    const name = variables.get(format) ?? `txn.sekisho_${variables.size + 1}`;
    variables.set(format, name);
    return `var(${name})`;
  };
  const acl = (...tests: string[]): string => {
    const key = tests.join('\n');
    const name = acls.get(key) ?? `sekisho_${acls.size + 1}`;
    acls.set(key, name);
    return name;
  };
  const matched = (match: Match): string => {
    if (isPresence(match)) return acl(`req.hdr_cnt(${match.present}) gt 0`);
    const flags = match.exactCase === true ? '-m reg' : '-m reg -i';
    return acl(...match.any.map((regex) => `${fetch(match.of)} ${flags} ${haproxyWord(regex)}`));
  };

  for (const { rule, answer, when, unless, exempt = [] } of checks.filter((check) => !comparesHosts(check))) {
    const conditions = [
      ...when.map(matched),
      ...unless.map((match) => `!${matched(match)}`),
      ...(exempt.length === 0 ? [] : [`!${acl(...exempt.map((prefix) => `src ${prefixWord(prefix)}`))}`]),
    ];
    rules.push(
      `http-request set-var(txn.sekisho_rule) str(${rule}) if ${[unnamed, ...conditions].join(' ')}`,
    );
    answers.set(refusal(answer), (answers.get(refusal(answer)) ?? new Set<RuleId>()).add(rule));
  }
  for (const [how, which] of answers)
    rules.push(`http-request ${how} if { var(txn.sekisho_rule) -m str ${[...which].join(' ')} }`);
  return [
    // HTTP/2 on a port without TLS: HAProxy would speak it with whoever begins.
    'option disable-h2-upgrade',
    // Of HTTP/2 HAProxy makes an absolute-form of `:authority` and path: no sender's, and of any port that it listens on.
    // `OPTIONS *` has no path.
    'http-request set-var(txn.sekisho_target) url',
    'http-request set-var(txn.sekisho_target) str(*) if { req.ver 2.0 3.0 }',
    'http-request set-var(txn.sekisho_target) pathq if { req.ver 2.0 3.0 }',
    ...[...variables].map(([format, name]) => `http-request set-var-fmt(${name}) ${haproxyWord(format)}`),
    // Lines of the same name are alternatives.
    ...[...acls].flatMap(([tests, name]) => tests.split('\n').map((one) => `acl ${name} ${one}`)),
    ...rules,
  ]
    .map((line) => `    ${line}\n`)
    .join('');
}

/** The first rule that is seen names the request. */
const unnamed = '!{ var(txn.sekisho_rule) -m found }';

const refusal = (answer: Answer): string => (answer === 'drop' ? 'reject' : `deny deny_status ${answer}`);

/** `fhdr`: the whole line. `hdr` takes it apart at commas, and would show a list of hosts as its last one. */
const sample = (part: Part): string => {
  if (part === 'line') return '%[method] %[var(txn.sekisho_target)] HTTP/%[req.ver]';
  return `%[req.fhdr(${part})]`;
};
