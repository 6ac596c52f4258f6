import assert from 'node:assert/strict';
import { test } from 'node:test';
import { connectTechniques } from '../../src/audit/connect-techniques.ts';
import { fetchTechniques, traceTechnique } from '../../src/audit/fetch-techniques.ts';
import { ruleOf } from '../../src/audit/finding.ts';
import { fixFor, identify } from '../../src/audit/fixes.ts';
import { h2Techniques } from '../../src/audit/h2-techniques.ts';
import { mailTechniques } from '../../src/audit/mail-techniques.ts';
import { pathTechniques } from '../../src/audit/path-techniques.ts';
import { socksTechniques } from '../../src/audit/socks-techniques.ts';
import { AuditInputError } from '../../src/audit/target.ts';
import { type RuleId, ruleIds } from '../../src/rules/catalogue.ts';

const techniques = [
  ...fetchTechniques,
  ...pathTechniques(['/get?u=', '/fetch/', '/a?w={}&h=9', '/image', '/image?w=9']),
  traceTechnique,
  ...connectTechniques,
  ...socksTechniques,
  ...h2Techniques,
  ...mailTechniques('example.net', '192.0.2.1'),
].map(({ id }) => id);

test('every technique has a unique id and belongs to a rule of the catalogue', () => {
  assert.equal(new Set(techniques).size, techniques.length);
  for (const id of techniques) assert.ok(ruleIds.includes(ruleOf(id)), id);
});

/** Rules that no technique can test, or whose breach alone relays nothing. */
const without: ReadonlySet<RuleId> = new Set<RuleId>([
  // The guard's own limits.
  ...(['client-banned', 'rate-limited'] as const),
  // Sent to any server, and names no third party.
  ...(['tls-on-plaintext', 'smtp-on-http', 'proxy-protocol', 'h2-preface', 'not-http'] as const),
  ...(['host-missing', 'method-unknown'] as const),
  ...([
    'connection-strips',
    'header-overflow',
    'smtp-early-talk',
    'smtp-auth-failed',
    'smtp-own-sender',
  ] as const),
  // No technique asks a proxy to route by SNI.
  'sni-foreign',
  // The url-in-path techniques send such paths, to scripts that the auditor names.
  'path-proxy',
  // Would need DATA, which the audit never sends.
  'smtp-smuggling',
]);

test('every rule whose breach can relay has a technique', () => {
  const tried = new Set(techniques.map(ruleOf));
  assert.deepEqual(
    ruleIds.filter((id) => !tried.has(id) && !without.has(id)),
    [],
  );
  assert.deepEqual(
    [...without].filter((id) => tried.has(id)),
    [],
  );
});

test('--paths: the canary is inserted into each path, other text is refused', () => {
  for (const id of [
    ...['get?u=URL', 'get?u=ENCODED-URL', 'get?u=HOST', 'fetch/URL', 'a?w=HOST&h=9', 'image?url=URL'],
    ...['image/HOST', 'image?w=9&url=URL', 'proxy?url=URL', '?upstream=HOST'],
  ]) {
    assert.ok(techniques.includes(`url-in-path/${id}`), id);
  }
  for (const bad of ['proxy?url=', '/a b', '/\r\n'])
    assert.throws(() => pathTechniques([bad]), AuditInputError);
  assert.throws(() => pathTechniques(Array.from({ length: 51 }, (_, n) => `/${n}`)), /at most 50/);
});

for (const [answer, found] of [
  ['HTTP/1.1 200 OK\r\nServer: Apache/2.4.71 (Debian)\r\n', 'apache'],
  ['HTTP/1.1 400 Bad Request\r\nServer: squid/5.7\r\n', 'squid'],
  ['HTTP/1.0 400 Bad Request\nServer: tinyproxy/1.11.1\n', 'tinyproxy'],
  ['HTTP/1.1 404 Not Found\r\nServer: nginx\r\n', 'nginx'],
  ['220 mx.example.net ESMTP Postfix (Debian/GNU)\r\n', 'postfix'],
  ['220 mx.example.net ESMTP Exim 4.96\r\n', 'exim'],
  ['220 mx.example.net ESMTP OpenSMTPD\r\n', 'opensmtpd'],
  ['HTTP/1.1 200 OK\r\n', null],
] as const) {
  test(`identifies ${found ?? 'no software'} from ${JSON.stringify(answer)}`, () =>
    assert.equal(identify(answer), found));
}

test('the fix addresses the cause, and names only the CVE of the technique', () => {
  for (const [kind, software, relaying, names] of [
    ['forward-proxy', 'apache', ['absolute-form-foreign', 'connect'], /^Apache: ProxyRequests Off \(/],
    ['own-url', 'apache', ['absolute-form-foreign'], /^Apache: ProxyRequests Off \(/],
    [
      'forward-proxy',
      'apache',
      ['host-foreign', 'absolute-form-foreign'],
      /RewriteRule \^\(\.\*\)\$ \$1 \[P\]/,
    ],
    ['host-forwarding', 'apache', ['host-foreign'], /%\{HTTP_HOST\}/],
    ['own-url', 'apache', ['url-in-path/host'], /ProxyPassMatch/],
    ['scheme', 'nginx', ['host-foreign', 'absolute-form-foreign'], /\$host/],
    ['host-forwarding', 'caddy', ['host-foreign'], /\{http\.request\.hostport\}/],
    ['fetcher', 'caddy', ['url-in-path/?upstream=HOST'], /\{query\.upstream\}/],
  ] as const) {
    const fix = fixFor(kind, software, new Set(relaying));
    assert.match(fix, names);
    assert.doesNotMatch(fix, /CVE/);
  }
  assert.match(fixFor('own-url', 'apache', new Set(['target-malformed/at-sign'])), /CVE-2011-3368/);
  assert.match(fixFor('unix-socket', 'apache'), /CVE-2021-40438/);
});

test('unknown software gets general advice', () => {
  assert.match(fixFor('smtp', null), /your own networks/);
  assert.match(fixFor('smtp', 'nginx'), /your own networks/);
  assert.match(fixFor('connect', 'haproxy'), /METH_CONNECT/);
});
