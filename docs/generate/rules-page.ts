/** The rules page, and its table in Japanese, from the catalogue. */
import { STATUS_CODES } from 'node:http';
import {
  type Answer,
  catalogue,
  presetAction,
  presets,
  type Rule,
  type RuleId,
  ruleIds,
} from '../../src/rules/catalogue.ts';
import { rulesInJapanese } from '../../src/words/rules-ja.ts';
import { captured, capturesTable } from './captures.ts';
import { generatedNote } from './note.ts';
import { ruleExample } from './rule-examples.ts';

const intro = `# Rules

English | [日本語](rules.ja.md)

Every rule that requests are judged by, in order of priority: if a request matches several rules, the first one that blocks
decides the verdict. The log, the config and \`sekisho explain\` use the same ids.

## Actions and presets

The action of a rule is \`allow\` (not even recorded), \`flag\` (recorded and passed on to your own backend) or \`block\` (recorded and
refused). A preset sets the action of every rule:

| Preset | |
|---|---|
| \`default\` | as in the table of each rule |
| \`strict\` | blocks what \`default\` flags |
| \`lenient\` | removes and flags headers that old clients send by mistake |
| \`observe\` | blocks nothing that can go to your own backend without relaying for the sender |

You can change single rules, for all sites or for one:

\`\`\`yaml
sites:
  - hosts: [www.example.net]
    backend: http://127.0.0.1:8081
  - hosts: [old.example.net]
    backend: http://127.0.0.1:8082
    policy:
      rules:
        proxy-connection: flag # its clients are old
policy:
  preset: default
  rules:
    host-foreign: { answer: drop } # blocked as before, but without a byte in answer
\`\`\`

A site's settings apply to requests for that site; requests for none of your sites use the global settings.
The answer to a blocked request is a status from 400 to 599 (except 407, which would look like a proxy), or \`drop\`:
the connection closes without a byte. You cannot set 2xx or 3xx: a refused probe must never look like a success.

A blocked request counts towards a ban if the table of its rule says so, and only if no web page can make a browser send it:
[what counts](../explanation/what-counts.md).

Some rules can only be blocked, because passing the request on would be relaying for its sender. You can change only their
answer.
`;

export function rulesPage(): string {
  return [
    generatedNote('src/rules/catalogue.ts'),
    intro,
    '## All rules',
    '',
    rulesTable(),
    '',
    ...ruleIds.map(section),
    '## Public captures',
    '',
    'Public logs of real servers, oldest first, and what `sekisho scan` finds in them. The section of each rule says how often it occurs. An access log',
    'has request lines but no headers, so half of the rules cannot occur in it; and what scanners look for changes over the years.',
    '',
    capturesTable(),
    '',
  ].join('\n');
}

function section(id: RuleId): string {
  const rule: Rule = catalogue[id];
  const example = ruleExample(id);
  return [
    `## \`${id}\``,
    '',
    `Matches: ${rule.title}. The sender wants ${rule.seeks}.`,
    '',
    ...(example === null ? [] : ['```http', example, '```', '']),
    `| ${presets.join(' | ')} | answer | counts towards a ban |`,
    `|${'---|'.repeat(presets.length + 2)}`,
    `| ${presets.map((preset) => presetAction(preset, id)).join(' | ')} | ${answerText(rule.answer)} | ${rule.flagCounts === true ? 'yes, flagged too' : rule.bans ? 'yes' : 'no'} |`,
    '',
    `Reference: ${rule.reference}.`,
    '',
    captured(id),
    '',
    exemption(id, rule),
    '',
  ].join('\n');
}

const answerText = (answer: Answer): string =>
  answer === 'drop' ? 'none: closed without a byte' : `${answer} ${STATUS_CODES[answer] ?? ''}`.trimEnd();

/** Rules with more to say than their setting. */
const ownWords: Readonly<Partial<Record<RuleId, string>>> = {
  'client-banned':
    "To exempt: put the client's prefix into `bans.allow`; the allow-list overrides every ban. `bans: false` turns bans off.",
  'rate-limited':
    "To exempt: put the client's prefix into `rateLimit.allow`, or raise `rateLimit.max`. `rateLimit: false` turns the limit off.",
  'absolute-form-foreign':
    'To exempt: if the host is yours, list it in `sites[].hosts`. With `policy.rules.absolute-form-foreign` set to ' +
    '`flag` or `allow` the request goes to *your* first backend, in origin-form; the host it names is never dialled.',
  'absolute-form-port':
    'To exempt: append the port to the host, `www.example.net:8443`, or `www.example.net:*` for any; or set ' +
    '`policy.rules.absolute-form-port` to `flag` or `allow`.',
  'host-foreign':
    'To exempt: if the host is yours, list it in `sites[].hosts`. A health check that names the server by its ' +
    'address passes from a prefix in `trustedProxies` or `bans.allow`. With `policy.rules.host-foreign` set to `flag` or `allow` the ' +
    'request goes to *your* first backend.',
  'host-port':
    '`default` blocks a port that you do not serve if the host is an address or `localhost`; for names it blocks ports below 1024 and ' +
    'those that browsers refuse to use (the Fetch standard, "bad port"). Another port of a name may be mapped to one of yours, as ' +
    'with containers: it is flagged, and `strict` blocks it. Only ports that browsers refuse count towards a ban. To exempt: list the port in ' +
    '`sites[].hosts`, `"www.example.net:8443"`, or `"www.example.net:*"` for any. If `policy.rules.host-port` or `observe` passes a ' +
    'blocked port, the backend gets the host without it.',
  'path-proxy':
    'Matches any foreign host at the start of a path, also percent-encoded; deeper in the path and in a query only addresses of loopback, ' +
    'private networks and metadata, in every spelling, and known proxy judges. It does not match a URL of an ordinary host in a query, a port ' +
    '(`/proxy/8080/`), a bare number, or a `redirect_uri` at loopback (RFC 8252). Only internal targets count towards a ban, flagged or ' +
    'blocked, and only if no page can make a browser send them. To exempt: set `policy.rules.path-proxy` to `allow` for the site that has such a proxy.',
  'sni-foreign':
    'Recorded once for each connection: with its first request, or at its end if there is none, whether the handshake succeeded or not. It never ' +
    'counts. A browser that reuses a connection for another of your names has asked for one of your names, so it does not match. To exempt: list the name in ' +
    '`sites[].hosts` if it is yours; or set `policy.rules.sni-foreign` to `allow`. If blocked, requests on such a connection get 421, ' +
    'which makes clients open another.',
  'target-malformed':
    'Raw non-ASCII bytes do not match: `GET /café` is served, and the backend gets `/caf%C3%A9`, as from Apache and Caddy (nginx ' +
    "passes the raw bytes on, HAProxy refuses them). In `node:http` servers Node's parser refuses them before the guard is asked. " +
    'Cannot be exempted; only the answer can be changed.',
  'method-unknown':
    '`policy.methods` sets which methods pass: `[GET, HEAD, POST]` passes only these, `[registered, FROB]` one more. There is no other ' +
    'exemption; only the answer can be changed.',
  'upgrade-unknown':
    'To exempt: `sites[].websocket: true` carries WebSocket. Other upgrades are never carried: the Upgrade line is removed, ' +
    'and the request is answered over HTTP. `policy.rules.upgrade-unknown: allow` keeps it out of the log.',
  'host-override':
    'The header is removed, whatever the action. Unless a trusted proxy sent them, fields that name the client are removed too: ' +
    '`X-Real-IP`, `X-Forwarded-*`, `True-Client-IP`, `CF-Connecting-IP` and the like, and names such as `X_Forwarded_For` that equal one of ' +
    'ours with `_` for `-`, which CGI and WSGI servers treat as equal. To exempt: put your load balancer into `trustedProxies`, and list the host in `sites[].hosts` if it is yours; or set ' +
    '`policy.rules.host-override` to `allow`.',
};

function exemption(id: RuleId, { forwardable }: Rule): string {
  return (
    ownWords[id] ??
    (forwardable
      ? `To exempt: set \`policy.rules.${id}\`, for all sites or one, to \`flag\` or \`allow\`.`
      : 'Cannot be exempted; only the answer can be changed.')
  );
}

interface TableWords {
  /** The page with the sections, relative to the table. */
  readonly page: string;
  readonly head: readonly [string, string, string, string];
  readonly flagged: string;
  readonly closed: string;
  readonly words: (id: RuleId) => { readonly title: string; readonly seeks: string };
}

const rulesTable = (): string =>
  tableOf({
    page: '',
    head: ['Rule', 'Matches', 'The sender wants', 'Answer'],
    flagged: 'passed on, flagged',
    closed: 'closed',
    words: (id) => catalogue[id],
  });

const rulesTableInJapanese = (): string =>
  tableOf({
    page: 'rules.md',
    head: ['規則', '当てはまるもの', '送り手の狙い', '応答'],
    flagged: '通す（要確認）',
    closed: '切断',
    words: (id) => rulesInJapanese[id],
  });

function tableOf({ page, head, flagged, closed, words }: TableWords): string {
  return [
    `| ${head.join(' | ')} |`,
    '|---|---|---|---|',
    ...ruleIds.map((id) => {
      const { action, answer }: Rule = catalogue[id];
      const { title, seeks } = words(id);
      const gets = action === 'flag' ? flagged : answer === 'drop' ? closed : String(answer);
      return `| [\`${id}\`](${page}#${id}) | ${title} | ${seeks} | ${gets} |`;
    }),
  ].join('\n');
}

const introInJapanese = `# 規則

[English](rules.md) | 日本語

リクエストの判定に使うすべての規則です。並びは優先順で、ひとつのリクエストに複数の規則が当てはまるときは、止める規則のうち最初のものが判定を決めます。ID は、ログ、設定、\`sekisho explain\` と同じです。リンクの先（英語）に、バイト列の例、プリセットごとの扱い、根拠となる規格、例外の設け方があります。
`;

export const rulesInJapanesePage = (): string =>
  [generatedNote('src/rules/catalogue.ts'), introInJapanese, rulesTableInJapanese(), ''].join('\n');
