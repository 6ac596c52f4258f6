import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import fc from 'fast-check';
import { denied, judge, judgeFirstBytes, judgeServerName, type Verdict } from '../src/judge.ts';
import { byCatalogueOrder, presets } from '../src/rules/catalogue.ts';
import { type ClientStatus, stranger } from '../src/rules/sightings.ts';
import type { HttpRequest } from '../src/wire/http-request.ts';
import { parseRequestHead } from '../src/wire/request-head.ts';
import { corpus } from './corpus/corpus.ts';
import { utf8 } from './corpus/request.ts';
import { clientHello } from './support/client-hello.ts';
import { compiled, corpusPolicy } from './support/policy.ts';
import { latin1, nearAuthority, nearTarget } from './wire/arbitraries.ts';

const policies = Object.fromEntries(
  presets.map((preset) => [preset, corpusPolicy(`policy: { preset: ${preset} }`).policy] as const),
);
const { policy } = corpusPolicy();

const request = (target: string, ...rawHeaders: string[]): HttpRequest => ({
  method: 'GET',
  target,
  version: '1.1',
  rawHeaders,
});
const own = ['Host', 'www.example.net'];

/** The names of the sites of the corpus, matched without the parser under test. */
const ownNames =
  /^(?:www\.example\.net|example\.net|gate\.example\.net|(?:[a-z0-9_-]+\.)+shop\.example\.net|xn--bcher-kva\.example\.net|static\.example\.net|192\.0\.2\.80|\[2001:db8::80\])$/;

function isOwn(authority: string): boolean {
  const name = authority
    .replace(/:\d*$/, '')
    .replace(/%([0-9a-f]{2})/gi, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 16)))
    .toLowerCase()
    .replace(/\.$/, '')
    .replaceAll(utf8('ü'), 'ü')
    .replaceAll('bücher', 'xn--bcher-kva');
  return ownNames.test(name);
}

const anyRequest: fc.Arbitrary<HttpRequest> = fc.record({
  method: fc.constantFrom(
    'GET',
    'POST',
    'HEAD',
    'OPTIONS',
    'CONNECT',
    'TRACE',
    'PROPFIND',
    'connect',
    'Trace',
    'PRI',
    '',
  ),
  target: fc.oneof(
    nearTarget,
    nearTarget,
    fc.constantFrom('/', '/x?y', '//a', 'http://www.example.net/', 'http://evil.example/'),
  ),
  version: fc.constantFrom('1.1', '1.1', '1.0', '0.9', '2.0', '1.2', ''),
  rawHeaders: fc
    .array(
      fc.oneof(
        fc.tuple(fc.constantFrom('Host', 'host'), fc.oneof(nearAuthority, fc.constant('www.example.net'))),
        fc.tuple(
          fc.constantFrom(
            ...[
              'X-Forwarded-Host',
              'Forwarded',
              'Upgrade',
              'Connection',
              'Destination',
              'X-Original-URL',
              'Proxy-Connection',
            ],
            ...[
              'Content-Length',
              'Transfer-Encoding',
              'Max-Forwards',
              'Proxy-Authorization',
              'X-Rewrite-URL',
            ],
          ),
          fc.oneof(
            nearTarget,
            fc.constantFrom('websocket', 'upgrade', 'chunked', '5', 'host=evil.example', 'close, te'),
          ),
        ),
        fc.tuple(latin1, latin1),
      ),
      { maxLength: 4 },
    )
    .map((fields) => fields.flat()),
});

/** The request is forwarded to a host of ours in origin-form, whatever it said. */
function assertHarmless(verdict: Verdict, from: HttpRequest): void {
  const shown = JSON.stringify([from, verdict]);
  assert.ok(verdict.site !== null, shown);
  assert.ok(isOwn(verdict.host), shown);
  assert.ok(verdict.path.startsWith('/') || (verdict.path === '*' && from.method === 'OPTIONS'), shown);
  assert.doesNotMatch(verdict.path, /[^\x21-\x7e]/, shown);
  assert.doesNotMatch(verdict.host, /[^\x21-\x7e]/, shown);
  assert.doesNotMatch(from.method, /^(?:connect|trace|)$/i, shown);
  assert.equal(verdict.answer, null);
}

const standings: readonly ClientStatus[] = [
  stranger,
  { trusted: true, allowed: false, banned: false },
  { trusted: false, allowed: true, banned: false },
];

suite('the judge', () => {
  for (const preset of ['default', 'strict', 'lenient'] as const) {
    test(`${preset}: never lets pass a target or a Host whose authority is not ours`, () => {
      let passed = 0;
      fc.assert(
        fc.property(anyRequest, fc.constantFrom(...standings), (any, client) => {
          const verdict = judge(any, policies[preset]!, client);
          if (verdict.action === 'block') return;
          passed++;
          assertHarmless(verdict, any);
          const authority = /^https?:\/\/([^/?]*)/i.exec(any.target)?.[1];
          if (authority !== undefined) assert.ok(isOwn(authority), any.target);
          else assert.match(any.target, /^[/*]/);
          const hosts = any.rawHeaders.flatMap((name, i) =>
            i % 2 === 0 && name.toLowerCase() === 'host' ? [any.rawHeaders[i + 1]!] : [],
          );
          assert.ok(hosts.length <= 1, JSON.stringify(hosts));
          // An address in Host passes from clients that may send health checks.
          const mayBeAddress = client.trusted || client.allowed;
          for (const host of hosts) {
            if (host !== '' && !(mayBeAddress && /^[\d.:[\]a-f]+$/i.test(host)))
              assert.ok(isOwn(host), JSON.stringify(host));
          }
        }),
        { numRuns: 15_000 },
      );
      assert.ok(passed > 100, `only ${passed} of them passed: too few for the property to mean anything`);
    });
  }

  test('observe: every request that passes goes to our own backend in origin-form, and CONNECT does not pass', () => {
    let passed = 0;
    fc.assert(
      fc.property(anyRequest, fc.constantFrom(...standings), (any, client) => {
        const verdict = judge(any, policies.observe!, client);
        if (verdict.action === 'block') return;
        passed++;
        assertHarmless(verdict, any);
      }),
      { numRuns: 15_000 },
    );
    assert.ok(passed > 300, `only ${passed} of them passed`);
  });

  test('is total: any request gives a verdict whose evidence lies inside the part that it points at', () => {
    const anything: fc.Arbitrary<HttpRequest> = fc.oneof(
      anyRequest,
      fc.record({
        method: latin1,
        target: latin1,
        version: latin1,
        rawHeaders: fc.array(fc.tuple(latin1, latin1), { maxLength: 5 }).map((fields) => fields.flat()),
        h2: fc.record({
          authority: fc.oneof(fc.constant(null), nearAuthority),
          scheme: latin1,
          protocol: fc.oneof(fc.constant(null), fc.constantFrom('websocket', 'connect-udp', '')),
        }),
      }),
    );
    fc.assert(
      fc.property(anything, fc.constantFrom(...presets), fc.boolean(), (any, preset, banned) => {
        const verdict = judge(any, policies[preset]!, { ...stranger, banned });
        assert.equal(verdict.action === 'block', verdict.answer !== null);
        assert.equal(verdict.rule, verdict.signals[0]?.rule ?? null);
        if (banned) assert.equal(verdict.rule, 'client-banned');
        for (const { evidence } of verdict.signals) {
          assert.ok(evidence.start >= 0 && evidence.start <= evidence.end, JSON.stringify(evidence));
          const text = {
            method: any.method,
            target: any.target,
            version: any.version,
            header: any.rawHeaders[(evidence.header ?? 0) + 1],
            body: '',
            bytes: undefined,
          }[evidence.part];
          // Offsets into raw bytes can't be checked here: there are none.
          if (text !== undefined) assert.ok(evidence.end <= text.length, JSON.stringify([any, evidence]));
        }
      }),
      { numRuns: 10_000 },
    );
  });

  test('the signals of a verdict are sorted by action, then in catalogue order', () => {
    const strength = { block: 0, flag: 1, allow: 2 };
    fc.assert(
      fc.property(anyRequest, fc.constantFrom(...presets), (any, preset) => {
        const { signals } = judge(any, policies[preset]!);
        for (const [i, signal] of signals.entries()) {
          const next = signals[i + 1];
          if (next === undefined) continue;
          const order =
            strength[signal.action] - strength[next.action] || byCatalogueOrder(signal.rule, next.rule);
          assert.ok(order < 0, JSON.stringify(signals));
        }
      }),
      { numRuns: 3000 },
    );
  });

  test('the fast path and the full examination agree', () => {
    // A Max-Forwards line means nothing to a GET, and makes the judge look closely.
    const closely = ['Max-Forwards', '1'];
    fc.assert(
      fc.property(nearTarget, fc.oneof(nearAuthority, fc.constant('www.example.net')), (target, host) => {
        const short = judge(request(target, 'Host', host), policy);
        const close = judge(request(target, 'Host', host, ...closely), policy);
        assert.deepEqual(short, close);
      }),
      { numRuns: 8000 },
    );
  });

  test('the fast path and the full examination agree over HTTP/2', () => {
    const authority = fc.oneof(nearAuthority, fc.constant('www.example.net'), fc.constant(null));
    const scheme = fc.constantFrom('https', 'http', 'HTTPS', 'gopher', '');
    const protocol = fc.constantFrom(null, null, 'websocket');
    fc.assert(
      fc.property(nearTarget, authority, scheme, protocol, (target, name, said, asked) => {
        const h2 = { authority: name, scheme: said, protocol: asked };
        const one = (...rawHeaders: string[]) =>
          judge({ method: 'GET', target, version: '2.0', rawHeaders, h2 }, policy);
        assert.deepEqual(one(), one('max-forwards', '1'));
      }),
      { numRuns: 8000 },
    );
  });

  test('the verdict on each corpus row is the expected one, from the bytes alone', () => {
    for (const { id, bytes, expect, client } of corpus) {
      const raw = Buffer.from(bytes, 'latin1');
      const first = judgeFirstBytes(raw, policy);
      const head = parseRequestHead(raw);
      if (first === null && (head === null || !head.complete || head.defects.length > 0)) continue;
      const standing = { ...stranger, trusted: client === 'trusted', allowed: client === 'allow-listed' };
      const { defects: _, ...parsed } = head ?? { defects: [], ...request('') };
      const verdict = first ?? judge(parsed, policy, standing);
      // Faults in a body are found when it is read.
      if (expect.verdict === 'block' && expect.rule === 'framing' && verdict.action !== 'block') continue;
      assert.equal(verdict.action, expect.verdict, id);
      if (expect.verdict === 'block')
        assert.deepEqual([verdict.rule, verdict.answer], [expect.rule, expect.answer], id);
      else assert.equal(verdict.host, expect.backend.host, id);
    }
  });

  test('a check that fails denies', () => {
    const verdict = denied(policy);
    assert.deepEqual([verdict.action, verdict.answer, verdict.path, verdict.host], ['block', 400, '', '']);
  });

  test('an ordinary request is allowed without a signal', () => {
    const verdict = judge(request('/x?y', ...own), policy);
    assert.deepEqual(
      [verdict.action, verdict.rule, verdict.path, verdict.host, verdict.wanted, verdict.site?.name],
      ['allow', null, '/x?y', 'www.example.net', null, 'www.example.net'],
    );
  });
});

suite('settings of rules', () => {
  const judged = (yaml: string, what: HttpRequest): Verdict => judge(what, corpusPolicy(yaml).policy);
  const proxied = request('/', ...own, 'Proxy-Connection', 'keep-alive');

  test('an action replaces that of the preset', () => {
    assert.equal(judged('', proxied).action, 'block');
    assert.equal(judged('policy: { rules: { proxy-connection: flag } }', proxied).action, 'flag');
    const allowed = judged('policy: { rules: { proxy-connection: allow } }', proxied);
    assert.deepEqual([allowed.action, allowed.rule], ['allow', null]);
    assert.equal(
      judged('policy: { preset: lenient, rules: { proxy-connection: block } }', proxied).action,
      'block',
    );
  });

  test('an answer replaces that of the catalogue', () => {
    const foreign = request('http://evil.example/', 'Host', 'evil.example');
    assert.equal(judged('', foreign).answer, 421);
    assert.equal(
      judged('policy: { rules: { absolute-form-foreign: { answer: 403 } } }', foreign).answer,
      403,
    );
    assert.equal(
      judged('policy: { rules: { absolute-form-foreign: { answer: drop } } }', foreign).answer,
      'drop',
    );
  });

  test('strict blocks what default flags', () => {
    const odd = request('//evil.example/', ...own);
    assert.equal(judged('', odd).action, 'flag');
    assert.equal(judged('policy: { preset: strict }', odd).action, 'block');
    assert.equal(judged('policy: { preset: strict, rules: { url-in-path: flag } }', odd).action, 'flag');
  });

  test('a site can differ; requests for no site are judged by the global policy', () => {
    const { policy: mixed } = compiled(`
sites:
  - { hosts: [www.example.net], backend: "http://127.0.0.1:1" }
  - hosts: [lenient.example.org]
    backend: http://127.0.0.1:1
    policy: { preset: observe, rules: { url-in-path: { action: block, answer: 404 } } }`);
    const withSite = (what: HttpRequest) => judge(what, mixed);
    assert.equal(
      withSite(request('/', 'Host', 'lenient.example.org', 'Proxy-Connection', 'x')).action,
      'flag',
    );
    assert.equal(withSite(proxied).action, 'block');
    const odd = withSite(request('//evil.example/', 'Host', 'lenient.example.org'));
    assert.deepEqual([odd.action, odd.answer], ['block', 404]);
    assert.equal(withSite(request('//evil.example/', ...own)).action, 'flag');
    assert.equal(withSite(request('/', 'Host', 'evil.example')).action, 'block');
  });

  test('without a Host those of the first site hold in HTTP/1.0; with a bad or missing one the global policy', () => {
    const { policy: mixed } = compiled(`
sites:
  - hosts: [www.example.net]
    backend: http://127.0.0.1:1
    policy: { preset: observe, rules: { url-in-path: block } }`);
    assert.equal(judge({ ...request('//evil.example/'), version: '1.0' }, mixed).action, 'block');
    for (const fields of [[], ['Host', ''], ['Host', 'a b'], ['Host', 'a,b'], ['Host', 'a@www.example.net']])
      assert.equal(judge(request('/', ...fields), mixed).action, 'block', fields.join());
  });
});

suite('the text and evidence of a signal', () => {
  const rowsOfFraming: [string, ...string[]][] = [
    ['Content-Length together with Transfer-Encoding', 'Content-Length', '3', 'Transfer-Encoding', 'chunked'],
    ['a Transfer-Encoding other than chunked alone', 'Transfer-Encoding', 'gzip, chunked'],
    ['more than one Content-Length', 'Content-Length', '3', 'Content-Length', '3'],
    ['a Content-Length that is no plain number', 'Content-Length', '+3'],
  ];
  for (const [what, ...fields] of rowsOfFraming)
    test(what, () => {
      const [signal] = judge(request('/', ...own, ...fields), policy).signals;
      assert.deepEqual([signal?.rule, signal?.what], ['framing', what]);
    });

  test('userinfo is marked with its @', () => {
    const target = 'http://user:word@www.example.net/';
    const found = judge(request(target, ...own), policy).signals.find(
      ({ rule }) => rule === 'absolute-form-userinfo',
    )!;
    assert.equal(target.slice(found.evidence.start, found.evidence.end), 'user:word@');
  });

  test('a tunnel that is requested by Upgrade is named', () => {
    const { wanted } = judge(
      request(
        '/.well-known/masque/udp/192.0.2.6/443/',
        ...own,
        'Connection',
        'Upgrade',
        'Upgrade',
        'connect-udp',
      ),
      policy,
    );
    assert.deepEqual([wanted?.protocol, wanted?.text], ['connect-udp', '192.0.2.6:443']);
    const upper = request('/', ...own, 'Connection', 'Upgrade', 'Upgrade', 'Connect-UDP');
    assert.equal(judge(upper, policy).wanted?.protocol, 'connect-udp');
    assert.equal(
      judge(request('/', ...own, 'Connection', 'Upgrade', 'Upgrade', 'foo'), policy).wanted?.protocol,
      undefined,
    );
  });

  test('the whole method or the whole target is marked where all of it is the fault', () => {
    const h2 = { authority: 'www.example.net', scheme: 'https', protocol: null };
    const rows: readonly [HttpRequest, string][] = [
      [{ ...request('/', ...own), method: 'FOO' }, 'method-unknown method 0 3'],
      [{ ...request('/', ...own), method: 'TRACE' }, 'trace method 0 5'],
      [{ ...request('a:1', ...own), method: 'CONNECT' }, 'connect target 0 3'],
      [{ ...request(''), method: 'CONNECT', version: '2.0', h2 }, 'connect method 0 7'],
      [{ ...request('/'), version: '2.0', h2: { ...h2, scheme: 'ftp' } }, 'absolute-form-scheme target 0 1'],
      [request('ftp://a/', ...own), 'absolute-form-scheme target 0 3'],
      [request('/proxy.php?url=http://10.0.0.1/', ...own), 'path-proxy target 0 31'],
    ];
    for (const [what, expected] of rows) {
      const [{ rule, evidence } = assert.fail(expected)] = judge(what, policy).signals;
      assert.equal(`${rule} ${evidence.part} ${evidence.start} ${evidence.end}`, expected);
    }
  });

  test('of two destinations the first is named', () => {
    const tunnel = ['Connection', 'Upgrade', 'Upgrade', 'connect-udp'];
    const { rule, wanted } = judge(request('/', 'Host', 'www.example.com', ...tunnel), policy);
    assert.deepEqual([rule, wanted?.host], ['host-foreign', 'www.example.com']);
  });

  test('the destination of TLS on a plain port is the name in its hello', async () => {
    const verdict = judgeFirstBytes(await clientHello('www.example.com'), policy);
    assert.deepEqual([verdict?.rule, verdict?.wanted?.host], ['tls-on-plaintext', 'www.example.com']);
  });

  test('a name in the TLS hello is a signal only if it is none of ours', () => {
    const judged = (sni: string) => judge({ ...request('/', ...own), sni }, policy).rule;
    assert.deepEqual([judged('www.example.net'), judged('www.example.com')], [null, 'sni-foreign']);
  });

  test('a foreign name in a TLS hello without a request is flagged, unless the rule is allowed', () => {
    assert.equal(judgeServerName('www.example.com', policy)?.action, 'flag');
    const allowing = corpusPolicy('policy: { rules: { sni-foreign: allow } }').policy;
    assert.equal(judgeServerName('www.example.com', allowing), null);
  });

  test('the destination in SIP, RTSP and ICAP is the URI of the request', () => {
    for (const line of ['OPTIONS sip:100@192.0.2.7 SIP/2.0', 'DESCRIBE rtsp://192.0.2.7/live RTSP/1.0'])
      assert.equal(
        judgeFirstBytes(Buffer.from(`${line}\r\n\r\n`), policy)?.wanted?.text,
        line.split(' ')[1],
        line,
      );
  });
});

test('the verdict on a blocked request has no path and no host to forward', () => {
  const { path, host, upgrade, strip } = judge(request('http://www.example.com/', ...own), policy);
  assert.deepEqual([path, host, upgrade, strip], ['', '', false, []]);
});

test('the path of a refused request without a destination still gives the intent', () => {
  const attack = '/index.php?mosConfig_absolute_path=http://evil.example/x.txt';
  const { rule, wanted } = judge({ ...request(attack, ...own), method: 'TRACE' }, policy);
  assert.deepEqual([rule, wanted?.host, wanted?.path], ['trace', '', attack]);
});

test('a path that begins with two slashes names no host for a server that merges them, a URL in it does', () => {
  const merging = { ...policy, mergesSlashes: true };
  const rules = (target: string) => judge(request(target, ...own), merging).signals.map(({ rule }) => rule);
  assert.deepEqual(rules('//evil.example/x'), []);
  assert.deepEqual(rules('///http://evil.example/x'), ['url-in-path']);
  const [{ evidence } = assert.fail()] = judge(request('///http://evil.example/x', ...own), merging).signals;
  assert.deepEqual(evidence, { part: 'target', start: 3, end: 24 });
  assert.deepEqual(
    judge(request('//evil.example/x', ...own), policy).signals.map(({ rule }) => rule),
    ['url-in-path'],
  );
});

test('an absolute :path of another host than :authority is a mismatch too', () => {
  const h2 = { authority: 'gate.example.net', scheme: 'https', protocol: null };
  const { signals } = judge({ ...request('http://www.example.net/'), version: '2.0', h2 }, policy);
  assert.deepEqual(signals.map(({ rule }) => rule).sort(), [
    'absolute-form-host-mismatch',
    'target-malformed',
  ]);
});

test('an :authority and a Host line must name the same host and port, and no user', () => {
  const h2 = { authority: 'www.example.net', scheme: 'https', protocol: null };
  const rules = (host: string) =>
    judge({ ...request('/', 'host', host), version: '2.0', h2 }, policy).signals.map(({ rule }) => rule);
  assert.deepEqual(rules('WWW.example.net'), []);
  for (const host of ['static.example.net', 'www.example.net:8080', 'me@www.example.net', 'a b'])
    assert.deepEqual(rules(host), ['authority-mismatch'], host);
});

test('a list of hosts is one signal, and names no destination', () => {
  for (const host of ['www.example.net, www.example.com', 'www.example.com,www.example.net']) {
    const { signals, wanted } = judge(request('/', 'Host', host), policy);
    assert.deepEqual([signals.map(({ rule }) => rule), wanted?.host], [['host-duplicate'], ''], host);
  }
});

test('CONNECT is one signal, over HTTP/1 and HTTP/2, and its target is not read as that of another method', () => {
  const over1 = judge({ ...request('www.example.com:443', ...own), method: 'CONNECT' }, policy);
  const h2 = { authority: 'www.example.com:443', scheme: '', protocol: null };
  const over2 = judge({ ...request(''), method: 'CONNECT', version: '2.0', h2 }, policy);
  for (const { signals, wanted } of [over1, over2])
    assert.deepEqual(
      [signals.map(({ rule }) => rule), wanted?.host, wanted?.port],
      [['connect'], 'www.example.com', 443],
    );
});

test('an extended CONNECT for anything but WebSocket counts, whatever fields it has', () => {
  const counted = (protocol: string): boolean | undefined =>
    judge(
      {
        ...request('/', 'sec-fetch-mode', 'websocket'),
        method: 'CONNECT',
        version: '2.0',
        h2: { authority: 'static.example.net', scheme: 'https', protocol },
      },
      policy,
    ).signals.find(({ rule }) => rule === 'extended-connect')?.counts;
  assert.deepEqual([counted('connect-udp'), counted('websocket')], [true, false]);
});

test('a WebSocket by Upgrade passes if its site has WebSocket, and only GET over HTTP/1.1 asks for one', () => {
  const handshake = (host: string): HttpRequest =>
    request('/chat', 'Host', host, 'Connection', 'Upgrade', 'Upgrade', 'websocket');
  const open = judge(handshake('gate.example.net'), policy);
  assert.deepEqual([open.action, open.upgrade, open.strip], ['allow', true, []]);
  const alone = request('/chat', 'Upgrade', 'websocket', 'Host', 'gate.example.net');
  for (const other of [
    handshake('static.example.net'),
    { ...handshake('gate.example.net'), method: 'POST' },
    { ...handshake('gate.example.net'), version: '1.0' },
    alone,
  ]) {
    const { action, upgrade, strip, rule } = judge(other, policy);
    assert.deepEqual([action, upgrade, strip, rule], ['flag', false, [strip[0]], 'upgrade-unknown']);
    assert.equal(other.rawHeaders[strip[0]!], 'Upgrade');
  }
});

test('a WebSocket by extended CONNECT passes if its site has WebSocket, and is refused otherwise', () => {
  const handshake = (authority: string): HttpRequest => ({
    ...request('/chat'),
    method: 'CONNECT',
    version: '2.0',
    h2: { authority, scheme: 'https', protocol: 'websocket' },
  });
  const open = judge(handshake('gate.example.net'), policy);
  const shut = judge(handshake('static.example.net'), policy);
  assert.deepEqual([open.action, open.upgrade], ['allow', true]);
  assert.deepEqual([shut.rule, shut.upgrade], ['extended-connect', false]);
});
