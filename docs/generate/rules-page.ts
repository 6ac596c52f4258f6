/** The page about every rule, and the table of it in Japanese, from the catalogue. */
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

Every rule by which a request is judged, in the order of telling: of several rules seen in one request, the first one
blocked names the verdict. The ids are what the log, the config and \`sekisho explain\` say.

## What can be done about a rule

An action is \`allow\` (not even recorded), \`flag\` (recorded and passed on to your own backend) or \`block\` (recorded and
refused). A preset gives one to every rule:

| Preset | |
|---|---|
| \`default\` | as the table of each rule says |
| \`strict\` | what \`default\` flags is blocked |
| \`lenient\` | headers that old clients send by mistake are taken out and flagged |
| \`observe\` | nothing is blocked that can be passed on to your own backend without relaying for the sender |

Single rules can differ from the preset, for all sites or for one:

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

What is set for a site counts for requests to that site; a request that is for none of yours goes by the setting for all.
The answer of a blocked request is a status from 400 to 599 (but not 407, which says that a proxy was found), or \`drop\`:
the connection closed without a byte. A 2xx or 3xx cannot be set: a refused probe must never look like a success.

What was blocked counts towards a ban where the table of its rule says so, and only where no web page can make a browser send it:
[what counts](../explanation/what-counts.md).

Some rules can only be blocked, since passing the request on would mean relaying for its sender. Of those only the answer
can be changed.
`;

export function rulesPage(): string {
  return [
    generatedNote('src/rules/catalogue.ts'),
    intro,
    '## All of them',
    '',
    rulesTable(),
    '',
    ...ruleIds.map(section),
    '## Public captures',
    '',
    'Logs of real servers that anybody may read, oldest first, and what `sekisho scan` finds in them: how often each rule stands in its section. An access',
    'log holds request lines and no headers, so that half of the rules cannot be seen in one; and what is scanned for changes with the years.',
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
    `Seen: ${rule.title}. The sender wants ${rule.seeks}.`,
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

/** Where a rule has more to say than its setting. */
const ownWords: Readonly<Partial<Record<RuleId, string>>> = {
  'client-banned':
    'To exempt: put the prefix of the client under `bans.allow`; the allow-list beats every ban. `bans: false` turns bans off.',
  'rate-limited':
    'To exempt: put the prefix of the client under `rateLimit.allow`, or raise `rateLimit.max`. `rateLimit: false` turns the limit off.',
  'absolute-form-foreign':
    'To exempt: where the host is one of yours, list it under `sites[].hosts`. With `policy.rules.absolute-form-foreign` set to ' +
    '`flag` or `allow` the request goes to *your* first backend, in origin form; the host it names is never dialled.',
  'absolute-form-port':
    'To exempt: write the port behind the host, `www.example.net:8443`, or `www.example.net:*` for any; or set ' +
    '`policy.rules.absolute-form-port` to `flag` or `allow`.',
  'host-foreign':
    'To exempt: where the host is one of yours, list it under `sites[].hosts`. A health check that names the server by its ' +
    'address passes from a prefix of `trustedProxies` or `bans.allow`. With `policy.rules.host-foreign` set to `flag` or `allow` the ' +
    'request goes to *your* first backend.',
  'host-port':
    'Blocked by `default` is any port that is not served where the host is an address or `localhost`, and for names one below 1024 or ' +
    'that no browser asks (the Fetch standard, "bad port"). Another port of a name may be mapped to one of yours, as ports of ' +
    'containers are: it is flagged, and `strict` blocks it. Only what no browser asks counts towards a ban. To exempt: list the port in ' +
    '`sites[].hosts`, `"www.example.net:8443"`, or `"www.example.net:*"` for any. Where `policy.rules.host-port` or `observe` lets a ' +
    'blocked port pass, the backend gets the host without it.',
  'path-proxy':
    'Told at the start of a path for any foreign host, also percent-encoded; deeper in the path and in a query only for addresses of loopback, ' +
    'private networks and metadata in every spelling, and for known proxy judges. A URL of an ordinary host in a query, a port (`/proxy/8080/`), ' +
    'a bare number and a `redirect_uri` at loopback (RFC 8252) are nothing of the kind. Only targets inside count towards a ban, flagged as well as ' +
    'blocked, and only where no page can have made a browser ask. To exempt: set `policy.rules.path-proxy` to `allow`, for the site that has such a proxy.',
  'sni-foreign':
    'Told of once a connection: with its first request, or as the connection ends without one, whether TLS was agreed on or not. It never ' +
    'counts. A browser that reuses a connection for another of your names has asked for one of yours. To exempt: list the name under ' +
    '`sites[].hosts` where it is yours; or set `policy.rules.sni-foreign` to `allow`. Blocked, requests on such a connection get the 421 ' +
    'by which clients open another.',
  'target-malformed':
    'Raw bytes beyond ASCII are nothing of the kind: `GET /café` is served, and the backend gets `/caf%C3%A9`, as Apache and Caddy send it on (nginx ' +
    'passes the bytes as they are, HAProxy refuses them). In `node:http` servers the parser of Node refuses them before anybody is asked. ' +
    'Cannot be exempted; only the answer can be changed.',
  'method-unknown':
    'Which methods pass is set by `policy.methods`: `[GET, HEAD, POST]` lets no other one pass, `[registered, FROB]` one more. Cannot be exempted in another ' +
    'way; only the answer can be changed.',
  'upgrade-unknown':
    'To exempt: `sites[].websocket: true` carries WebSocket. Other upgrades are never carried: the Upgrade line is taken out, ' +
    'and the request is answered over HTTP. `policy.rules.upgrade-unknown: allow` keeps it out of the log.',
  'host-override':
    'The header is taken out, whatever the action is. With it go fields that say who the client is where no trusted proxy says it: ' +
    '`X-Real-IP`, `X-Forwarded-*`, `True-Client-IP`, `CF-Connecting-IP` and their like, and `X_Forwarded_For` and other names that equal one of ' +
    'ours with `_` for `-`, which CGI and WSGI servers take for it. To exempt: put the load balancer in front under `trustedProxies`, and list the host under `sites[].hosts` if it is yours; or set ' +
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
  /** The page of the sections, as seen from the table. */
  readonly page: string;
  readonly head: readonly [string, string, string, string];
  readonly flagged: string;
  readonly closed: string;
  readonly words: (id: RuleId) => { readonly title: string; readonly seeks: string };
}

const rulesTable = (): string =>
  tableOf({
    page: '',
    head: ['Rule', 'Seen', 'The sender wants', 'Gets'],
    flagged: 'passed on, flagged',
    closed: 'closed',
    words: (id) => catalogue[id],
  });

const rulesTableInJapanese = (): string =>
  tableOf({
    page: 'rules.md',
    head: ['規則', '見えたもの', '送り手の狙い', '応答'],
    flagged: '通して印を付ける',
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

リクエストの判定に使うすべての規則です。並びは報告の順で、ひとつのリクエストに複数の規則が見えたときは、止める規則のうち最初のものが判定の名前になります。名前は、ログ、設定、\`sekisho explain\` に出るものと同じです。リンクの先（英語）に、バイト列の例、プリセットごとの扱い、根拠となる規格、例外の設け方があります。
`;

export const rulesInJapanesePage = (): string =>
  [generatedNote('src/rules/catalogue.ts'), introInJapanese, rulesTableInJapanese(), ''].join('\n');
