/** The command finds real open relays by the techniques that they relay and by no other; more servers are in set-ups.ts. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { audited } from '../support/audited.ts';
import { carelessNginx } from '../support/nginx.ts';
import { openDante, openSquid } from '../support/open-proxies.ts';
import type { Owner } from '../support/owner.ts';
import { without } from '../support/peers.ts';
import { openRelayPostfix } from '../support/postfix.ts';

interface Row {
  readonly name: string;
  readonly peer: string;
  readonly start: (owner: Owner) => Promise<{ readonly port: number }>;
  /** Techniques that must be found. */
  readonly relays: readonly string[];
  /** Rules whose techniques must not be relayed. */
  readonly not: readonly string[];
  readonly fix: RegExp;
}

const forward = ['absolute-form-foreign', 'absolute-form-foreign/http-1.0', 'absolute-form-port'];
const tunnels = ['connect', 'connect/http-1.0', 'connect/own-host-line', 'connect/junk-after'];

const rows: readonly Row[] = [
  {
    name: 'nginx with the Host in proxy_pass',
    peer: 'nginx',
    start: carelessNginx,
    relays: ['host-foreign', 'host-foreign/http-1.0', 'absolute-form-foreign', 'absolute-form-host-mismatch'],
    not: ['connect', 'socks5'],
    fix: /proxy_pass/,
  },
  {
    name: 'squid that allows all',
    peer: 'squid',
    start: openSquid,
    relays: [...forward, ...tunnels, 'absolute-form-foreign/https', 'absolute-form-scheme/ftp'],
    not: ['host-foreign', 'socks5'],
    fix: /http_access/,
  },
  {
    name: 'dante that allows everybody',
    peer: 'danted',
    start: openDante,
    relays: ['socks4', 'socks5', 'socks5/domain'],
    not: ['absolute-form-foreign', 'connect'],
    fix: /socksmethod: username/,
  },
  {
    name: 'Postfix that trusts the world',
    peer: 'postfix',
    start: openRelayPostfix,
    relays: [
      'smtp-foreign-recipient',
      'smtp-source-route',
      'smtp-percent-hack',
      'smtp-bang-path/through-own',
    ],
    not: ['absolute-form-foreign', 'connect'],
    fix: /smtpd_relay_restrictions/,
  },
];

for (const { name, peer, start, relays, not, fix } of rows) {
  test(`${name} relays`, { skip: without(peer) }, async (t) => {
    const { port } = await start(t);
    const found = await audited(`127.0.0.1:${port}`);
    assert.equal(found.code, 1, found.stderr);
    for (const technique of relays) assert.ok(found.relays.includes(technique), `${technique} was not found`);
    assert.deepEqual(
      found.rules.filter((rule) => not.includes(rule)),
      [],
    );
    assert.match(found.stderr, /RELAYS/);
    for (const finding of found.findings) {
      assert.equal(finding.target, `127.0.0.1:${port}`);
      if (finding.result === 'relays') assert.ok(finding.fix, `${finding.technique} has no fix`);
    }
    const first = found.findings.find(({ technique }) => technique === relays[0]);
    assert.match(first?.fix ?? '', fix);
  });
}
