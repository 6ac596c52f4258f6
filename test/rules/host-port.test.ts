/** Ports of Host lines: which ones reach the backend, over HTTP/1 and HTTP/2, under each preset. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { explain } from '../../src/explain/explain.ts';
import { judge, type Verdict } from '../../src/judge.ts';
import { blockedPorts, unservedPort } from '../../src/rules/host-port.ts';
import { isMalformed, parseAuthority } from '../../src/wire/authority.ts';
import type { HttpRequest } from '../../src/wire/http-request.ts';
import { compiled, corpusPolicy } from '../support/policy.ts';

const { policy } = corpusPolicy();

const over1 = (host: string): HttpRequest => ({
  method: 'GET',
  target: '/',
  version: '1.1',
  rawHeaders: ['Host', host],
});
const over2 = (authority: string): HttpRequest => ({
  method: 'GET',
  target: '/',
  version: '2.0',
  rawHeaders: [],
  h2: { authority, scheme: 'https', protocol: null },
});

const outcome = ({ action, rule, host, signals }: Verdict) => ({
  action,
  rule,
  host,
  counts: signals.some(({ counts }) => counts),
});

suite('the port of a Host line', () => {
  const nothing = { action: 'allow', rule: null, counts: false };
  const blocked = { action: 'block', rule: 'host-port', host: '' };
  for (const [version, request] of [
    ['HTTP/1', over1],
    ['HTTP/2', over2],
  ] as const) {
    const see = (host: string, by = policy) => outcome(judge(request(host), by));

    test(`${version}: a served port, and no port`, () => {
      for (const host of ['www.example.net', 'www.example.net:80', 'www.example.net:443', '192.0.2.80:8080'])
        assert.deepEqual(see(host), { ...nothing, host }, host);
    });

    test(`${version}: a port that no browser connects to is blocked, and counts`, () => {
      for (const host of [
        'www.example.net:25',
        '192.0.2.80:6000',
        '[2001:db8::80]:22',
        'a.shop.example.net:10080',
      ])
        assert.deepEqual(see(host), { ...blocked, counts: true }, host);
    });

    test(`${version}: a port that a page can make a browser connect to is blocked, and does not count`, () => {
      for (const host of ['www.example.net:81', '192.0.2.80:9090', '[2001:db8::80]:65535'])
        assert.deepEqual(see(host), { ...blocked, counts: false }, host);
    });

    test(`${version}: a port that may be mapped to ours is flagged, and forwarded`, () => {
      const host = 'www.example.net:8443';
      assert.deepEqual(see(host), { action: 'flag', rule: 'host-port', host, counts: false });
    });

    test(`${version}: strict blocks a mapped port, and a configured rule beats the preset`, () => {
      const host = 'www.example.net:8443';
      const strict = corpusPolicy('policy: { preset: strict }').policy;
      assert.deepEqual(see(host, strict), { ...blocked, counts: false });
      const allowed = corpusPolicy('policy: { rules: { host-port: allow } }').policy;
      assert.deepEqual(see(host, allowed), { ...nothing, host });
    });

    test(`${version}: if another port passes all the same, the backend gets no port that it could dial`, () => {
      for (const yaml of ['policy: { preset: observe }', 'policy: { rules: { host-port: flag } }']) {
        const seen = see('www.example.net:25', corpusPolicy(yaml).policy);
        assert.deepEqual(seen, { action: 'flag', rule: 'host-port', host: 'www.example.net', counts: false });
      }
    });
  }

  test('loopback addresses of ours, at a port that is not ours', () => {
    const own = compiled(
      'sites: [{ hosts: [127.0.0.1, localhost, app.localhost, "[::1]"], backend: "http://127.0.0.1:1" }]',
    );
    for (const host of [
      '127.0.0.1:9090',
      'localhost:9090',
      '[::1]:9090',
      'LOCALHOST.:9090',
      'app.localhost:9090',
    ])
      assert.deepEqual(outcome(judge(over1(host), own.policy)), { ...blocked, counts: false }, host);
    for (const host of ['127.0.0.1:8080', 'localhost:8080', '[::1]'])
      assert.equal(judge(over1(host), own.policy).action, 'allow', host);
  });

  test('a port in the config, and any port', () => {
    const own = compiled(
      'sites: [{ hosts: ["a.example.net:25", "192.0.2.1"], backend: "http://127.0.0.1:1" }, ' +
        '{ hosts: ["127.0.0.1:*", b.example.net], backend: "http://127.0.0.1:1" }]',
    );
    for (const host of ['a.example.net:25', '127.0.0.1:9090', 'b.example.net:22'])
      assert.equal(judge(over1(host), own.policy).action, 'allow', host);
    assert.equal(judge(over1('192.0.2.1:22'), own.policy).rule, 'host-port');
  });

  test('explain says how to list the port', () => {
    const { why, verdict } = explain(
      Buffer.from('GET / HTTP/1.1\r\nHost: www.example.net:8443\r\n\r\n'),
      policy,
    );
    assert.equal(verdict.action, 'flag');
    assert.match(why, /: www\.example\.net:8443\. If that port leads here, .* as :8443, or :\* for any\.$/);
  });
});

test('the ports that count are those that the Fetch standard blocks; all below 1024 are blocked', () => {
  // The table "bad port" of the standard, except 0, which no Host line can name.
  const bad =
    '1 7 9 11 13 15 17 19 20 21 22 23 25 37 42 43 53 69 77 79 87 95 101 102 103 104 109 110 111 113 115 117 119 123 135 137 139 143 161 179 389 427 465 512 513 514 515 526 530 531 532 540 548 554 556 563 587 601 636 989 990 993 995 1719 1720 1723 2049 3659 4045 4190 5060 5061 6000 6566 6665 6666 6667 6668 6669 6679 6697 10080';
  const site = policy.sites.find('www.example.net')!;
  const counted: number[] = [];
  const sure: number[] = [];
  for (let port = 1; port < 11_000; port++) {
    const host = parseAuthority(`www.example.net:${port}`);
    assert.ok(!isMalformed(host));
    const seen = unservedPort(host, site, policy);
    if (seen?.unmeant === false) counted.push(port);
    if (seen?.doubtful === false) sure.push(port);
  }
  assert.equal(counted.join(' '), bad);
  const served = new Set([80, 443]);
  assert.deepEqual(
    sure,
    blockedPorts.filter((port) => !served.has(port) && !policy.ports.has(port)),
  );
  assert.deepEqual([blockedPorts[0], blockedPorts[1022], blockedPorts[1023]], [1, 1023, 1719]);
});
