/** Lists of sources, for services that take reports. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { abuseIpdbCsv } from '../../src/reports/abuseipdb.ts';
import { blocklistDe } from '../../src/reports/blocklist-de.ts';
import { Sources } from '../../src/reports/sources.ts';
import { at, rowOf, sourcesOf } from './rows.ts';

const nobodyExempt = (): boolean => false;

suite('the sources of a list', () => {
  test('are only those with evidence, each once, with exact counts', () => {
    const many = Array.from({ length: 50 }, (_, i) =>
      rowOf({ count: 2, first: at - i, clientPort: 50_000 - i }),
    );
    const [one, other, ...more] = sourcesOf(
      ...many,
      rowOf({ client: '198.51.100.9', rule: 'socks5', last: at + 5000 }),
      rowOf({ client: '198.51.100.10', rule: 'rate-limited' }),
      rowOf({ client: '198.51.100.11', action: 'flag' }),
      rowOf({ client: '198.51.100.12', counts: false, rule: 'host-foreign' }),
    );
    assert.deepEqual(
      [one!.address, one!.total, one!.rows.length, one!.first],
      ['203.0.113.7', 100, 20, at - 49],
    );
    assert.deepEqual([other!.address, other!.rules, other!.last], ['198.51.100.9', ['socks5'], at + 5000]);
    assert.deepEqual(more, []);
  });

  test('are never private, loopback, folded from several clients, or on the allow-list', () => {
    const sources = new Sources((address) => address === '198.51.100.9');
    for (const client of ['127.0.0.1', '10.1.2.3', '::1', 'fd00::1', '100.64.0.1', 'several', '198.51.100.9'])
      sources.add([rowOf({ client })]);
    assert.deepEqual(sources.list(), []);
  });

  test('are bounded, and omitted rows are counted', () => {
    const sources = new Sources(nobodyExempt);
    for (let i = 0; i < 10_010; i++)
      sources.add([rowOf({ client: `203.${i >> 16}.${(i >> 8) & 255}.${i & 255}` })]);
    assert.equal(sources.list().length, 10_000);
    assert.equal(sources.omitted, 10);
  });
});

suite('the bulk report of AbuseIPDB', () => {
  const lines = (...rows: ReturnType<typeof rowOf>[]): string[] =>
    abuseIpdbCsv(sourcesOf(...rows))
      .trimEnd()
      .split('\n');

  test('has its four columns, one line per source', () => {
    assert.deepEqual(lines(rowOf()), [
      'IP,Categories,ReportDate,Comment',
      '203.0.113.7,"14",2026-11-29T10:00:00+00:00,"attempts to relay through our server, refused: connect; 1 since 2026-11-29T10:00:00+00:00; the latest: source port 40000, TCP port 3128"',
    ]);
    assert.equal(abuseIpdbCsv([]), 'IP,Categories,ReportDate,Comment\n');
  });

  test('claims only categories that the rows prove', () => {
    const categories = (...rows: ReturnType<typeof rowOf>[]): string =>
      /"([\d,]+)"/.exec(lines(...rows)[1]!)![1]!;
    assert.equal(
      categories(rowOf({ rule: 'smtp-foreign-recipient', intent: 'mail-relay' })),
      '14',
      'no mail, no spam',
    );
    assert.equal(categories(rowOf({ rule: 'smtp-auth-failed', count: 2 })), '14');
    assert.equal(categories(rowOf({ rule: 'smtp-auth-failed', count: 5 })), '18');
    assert.equal(categories(rowOf({ rule: 'absolute-form-foreign', intent: 'third-party-attack' })), '14,21');
    assert.equal(categories(rowOf({ rule: 'host-foreign', intent: 'metadata' })), '21');
    assert.equal(categories(rowOf({ rule: 'not-http' })), '14');
  });

  test('contains no text from the sender and no address of ours', () => {
    const text = abuseIpdbCsv(
      sourcesOf(rowOf({ request: '=cmd|"evil"', destination: 'evil"\n', bytes: 'evil' })),
    );
    assert.doesNotMatch(text, /evil|cmd|192\.0\.2\.80|www/);
  });
});

test('a report to blocklist.de is one form per line that lacks only the reporter', () => {
  const text = blocklistDe(
    sourcesOf(
      rowOf({ request: 'GET http://a/?b&c=d\\r\\n' }),
      rowOf({ first: at - 60_000, clientPort: 39_000 }),
      rowOf({ client: '2001:db9::7', rule: 'smtp-source-route' }),
    ),
  );
  const forms = text
    .trimEnd()
    .split('\n')
    .map((line) => Object.fromEntries(new URLSearchParams(line)));
  assert.deepEqual(
    forms.map(({ ip, service, format }) => [ip, service, format]),
    [
      ['203.0.113.7', 'apache', 'text'],
      ['2001:db9::7', 'mail', 'text'],
    ],
  );
  assert.match(
    forms[0]!.logs!,
    /^2026-11-29 09:59:00 UTC {2}203\.0\.113\.7:39000 {2}192\.0\.2\.80:3128 .*\n2026-11-29 10:00:00 UTC .*"GET http:\/\/a\/\?b&c=d/,
  );
});
