/** HAProxy: lines for a frontend; `acl` matches, `http-request` refuses. */
import type { Answer, RuleId } from '../rules/catalogue.ts';
import { type Check, isPresence, type Match, type RequestPart } from './check.ts';
import { type Coverages, headComment, webServerCoverages } from './coverage.ts';
import { comparesHosts } from './policy-checks.ts';
import { haproxyWord, prefixWord } from './quoting.ts';
import type { Target } from './target.ts';

const coverages: Coverages = {
  ...webServerCoverages('HAProxy', 'HAProxy, in HTTP/2'),
  'client-banned': ['none', 'HAProxy keeps no count of probes without a stick-table'],
  'rate-limited': ['none', 'see stick-table and http_req_rate'],
  'h2-preface': ['all'],
  'absolute-form-host-mismatch': ['part', 'by HAProxy itself, with its own answer'],
  framing: [
    'part',
    'HAProxy repairs what it can and passes the repaired request on: bare LF, folded lines, equal Content-Lengths, ' +
      'Transfer-Encoding beside Content-Length; control bytes in values are not seen',
  ],
  'host-duplicate': ['part', 'the same host twice is merged into one line'],
  'host-override': ['none', 'remove these headers for the backend with http-request del-header'],
  'sni-foreign': ['none', 'flagged and passed on; see strict-sni'],
};

export const haproxy: Target = {
  coverages,
  parts({ checks, action, defaultHost }) {
    const intro = [
      'Sekisho for HAProxy 2.5 and later: lines for a frontend in mode http, before its other http-request rules.',
      '  sekisho export haproxy',
      'The rule that refused a request is in the variable txn.sekisho_rule: %[var(txn.sekisho_rule)] in a log-format.',
      `The default_backend should be that of ${defaultHost}: an HTTP/1.0 request need not name a host.`,
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

  /** Fetches the joined parts: one variable, set once per request. */
  const fetch = (parts: readonly RequestPart[]): string => {
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
    // Without this HAProxy upgrades to HTTP/2 on a plain port when a client sends the preface.
    'option disable-h2-upgrade',
    // HAProxy builds an absolute-form target from `:authority` and path of an HTTP/2 request. The sender did not write it, and it
    // can name any port that HAProxy listens on, so the path is checked instead. `OPTIONS *` has no path.
    'http-request set-var(txn.sekisho_target) url',
    'http-request set-var(txn.sekisho_target) str(*) if { req.ver 2.0 3.0 }',
    'http-request set-var(txn.sekisho_target) pathq if { req.ver 2.0 3.0 }',
    ...[...variables].map(([format, name]) => `http-request set-var-fmt(${name}) ${haproxyWord(format)}`),
    // Lines with the same name are alternatives.
    ...[...acls].flatMap(([tests, name]) => tests.split('\n').map((one) => `acl ${name} ${one}`)),
    ...rules,
  ]
    .map((line) => `    ${line}\n`)
    .join('');
}

/** The first matching rule names the request. */
const unnamed = '!{ var(txn.sekisho_rule) -m found }';

const refusal = (answer: Answer): string => (answer === 'drop' ? 'reject' : `deny deny_status ${answer}`);

/** `fhdr` is the whole line; `hdr` splits it at commas and would show only the last host of a list. */
const sample = (part: RequestPart): string => {
  if (part === 'line') return '%[method] %[var(txn.sekisho_target)] HTTP/%[req.ver]';
  return `%[req.fhdr(${part})]`;
};
