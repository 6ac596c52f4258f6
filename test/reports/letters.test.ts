/** Reports to the abuse contact of one source. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { abuseReport } from '../../src/reports/abuse-report.ts';
import { evidenceOf } from '../../src/reports/journal-evidence.ts';
import { xarf } from '../../src/reports/xarf.ts';
import { at, rowOf } from './rows.ts';
import { faultsOf } from './xarf-schema.ts';

const by = { org: 'Example', contact: 'abuse@example.net' };
type Report = Record<string, unknown> & { evidence: { description: string; payload: string }[] };
const xarfOf = (...args: Parameters<typeof xarf>): Report => xarf(...args) as Report;

suite('a letter to an abuse contact', () => {
  test('names both ends of each connection with their ports and the time', () => {
    const rows = [rowOf(), rowOf({ client: '2001:db8::7', localAddress: '2001:db8::80', localPort: 443 })];
    const text = abuseReport('203.0.113.7', rows, by, { country: null, asn: null, network: null });
    assert.match(
      text,
      /^ {2}2026-11-29 10:00:00 UTC {2}203\.0\.113\.7:40000 {2}192\.0\.2\.80:3128 {2}"CONNECT /m,
    );
    assert.match(text, /^ {2}2026-11-29 10:00:00 UTC {2}\[2001:db8::7\]:40000 {2}\[2001:db8::80\]:443 {2}/m);
    const behindProxy = rowOf({ clientPort: null, localAddress: null, localPort: null });
    assert.match(
      abuseReport('203.0.113.7', [behindProxy], by, { country: null, asn: null, network: null }),
      /^ {2}\S+ \S+ UTC {2}203\.0\.113\.7 {2}http 192\.0\.2\.80:80 {2}/m,
    );
  });

  test('says so if everything came to decoys', () => {
    const text = (...listeners: string[]): string =>
      abuseReport(
        '203.0.113.7',
        listeners.map((listener) => rowOf({ listener })),
        by,
        { country: null, asn: null, network: null },
      );
    const words = /ports on which we offer no service/;
    assert.match(text('decoy http-proxy 192.0.2.80:3128', 'gate 2: decoy smtp 192.0.2.81:25'), words);
    assert.doesNotMatch(text('decoy http-proxy 192.0.2.80:3128', 'http 192.0.2.80:80'), words);
  });

  test('accuses nobody for requests that a web page can make a browser send', () => {
    assert.deepEqual(evidenceOf([rowOf({ counts: false, rule: 'host-foreign' })]), []);
    assert.deepEqual(evidenceOf([rowOf({ counts: false, rule: 'smtp-on-http' })]), []);
    for (const differs of [{ counts: null }, { counts: false, rule: 'smtp-foreign-recipient' }] as const)
      assert.equal(evidenceOf([rowOf(differs)]).length, 1);
  });
});

suite('X-ARF', () => {
  test('is valid by its schema, with a contact and without', () => {
    const rows = [
      rowOf(),
      rowOf({ answer: 'drop', clientPort: null, localAddress: null, localPort: null }),
      rowOf({ rule: 'socks5', listener: 'decoy socks 192.0.2.80:1080', answer: 2 }),
    ];
    for (const contact of ['abuse@example.net', '', 'Gate <abuse@example.net>', 'root@gate', 'nonsense'])
      for (const events of [rows, rows.slice(1, 2), rows.slice(2)])
        assert.equal(faultsOf(xarfOf('203.0.113.7', events, { org: 'gate', contact })), '', contact);
  });

  test('without a contact uses a reserved address', () => {
    const { reporter, sender } = xarfOf('203.0.113.7', [rowOf()], { org: 'gate', contact: '' });
    assert.deepEqual(reporter, {
      ...{ org: 'gate', contact: 'not-configured@reporter.invalid', domain: 'reporter.invalid' },
    });
    assert.deepEqual(sender, reporter);
  });

  test('takes time and both ports from the same connection', () => {
    const { timestamp, source_port, destination_ip, destination_port, first_seen, evidence } = xarfOf(
      '203.0.113.7/32',
      [
        rowOf({ first: at - 5000, clientPort: 39_999 }),
        rowOf({ clientPort: 40_001, localPort: 8080 }),
        rowOf({ first: at + 9000, clientPort: null }),
      ],
      by,
    );
    assert.deepEqual(
      [timestamp, source_port, destination_ip, destination_port, first_seen],
      ['2026-11-29T10:00:00.250Z', 40_001, '192.0.2.80', 8080, '2026-11-29T09:59:55.250Z'],
    );
    assert.match(evidence[0]!.description, /203\.0\.113\.7:39999 at 192\.0\.2\.80:3128, 2026-11-29T09:59:55/);
  });

  test('tells password guessing from reconnaissance and from a mistyped password', () => {
    const type = (...rows: ReturnType<typeof rowOf>[]): unknown => {
      const report = xarfOf('203.0.113.7', rows, by);
      assert.equal(faultsOf(report), '');
      return report.type;
    };
    const failed = { rule: 'smtp-auth-failed', answer: 535, destination: null } as const;
    assert.equal(type(rowOf(failed)), 'reconnaissance');
    assert.equal(type(rowOf({ ...failed, count: 5 })), 'login_attack');
    assert.equal(type(rowOf({ ...failed, count: 5 }), rowOf()), 'reconnaissance');
  });

  test('says honeypot only for decoys', () => {
    const source = (...listeners: string[]): unknown =>
      xarfOf(
        '203.0.113.7',
        listeners.map((listener) => rowOf({ listener })),
        by,
      ).evidence_source;
    assert.equal(source('decoy tls 192.0.2.80:443', 'gate: decoy turn 192.0.2.80:3478'), 'honeypot');
    assert.equal(source('decoy tls 192.0.2.80:443', 'http 192.0.2.80:80'), 'firewall_logs');
    assert.equal(source('smtp 192.0.2.80:25'), 'firewall_logs');
  });
});
