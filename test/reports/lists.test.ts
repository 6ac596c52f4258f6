/** Lists of sources, for sharing. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { suite, test } from 'node:test';
import { abuseIpdbCsv } from '../../src/reports/abuseipdb.ts';
import { blocklistDe } from '../../src/reports/blocklist-de.ts';
import { mispEvent } from '../../src/reports/misp.ts';
import { type Source, Sources } from '../../src/reports/sources.ts';
import { stixBundle } from '../../src/reports/stix.ts';
import { at, rowOf } from './rows.ts';

const nobodyExempt = (): boolean => false;
function sourcesOf(...rows: ReturnType<typeof rowOf>[]): Source[] {
  const sources = new Sources(nobodyExempt);
  sources.add(rows);
  return sources.list();
}
const by = { org: 'Example', contact: '' };

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

suite('the STIX bundle', () => {
  type Thing = Record<string, unknown> & { type: string; id: string };
  const bundle = stixBundle(
    sourcesOf(
      rowOf(),
      rowOf({ clientPort: 40_001 }),
      rowOf({ client: '2001:db9::7', localAddress: '2001:db9::80', protocol: 'socks5', rule: 'socks5' }),
      rowOf({ client: '198.51.100.9', clientPort: null }),
    ),
    by,
    at,
  ) as Thing & { objects: Thing[] };
  const of = (type: string): Thing[] => bundle.objects.filter((object) => object.type === type);

  test('has a unique identifier of its type on each object, and no dangling reference', () => {
    const ids = bundle.objects.map(({ id }) => id);
    assert.equal(new Set(ids).size, ids.length);
    const uuid = /^([a-z0-9-]+)--[0-9a-f]{8}-[0-9a-f]{4}-([45])[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
    for (const { type, id, spec_version, ...rest } of [bundle, ...bundle.objects]) {
      const [, named, version] = uuid.exec(id)!;
      assert.equal(named, type);
      assert.equal(version, /-addr$|^network-/.test(type) ? '5' : '4', type);
      if (type !== 'bundle') assert.equal(spec_version, '2.1');
      const refs = Object.entries(rest).flatMap(
        ([key, value]) => (/_refs?$/.test(key) ? value : []) as string[],
      );
      for (const ref of refs) assert.ok(ids.includes(ref), `${type} → ${ref}`);
    }
  });

  test('gives an address the identifier that every producer gives it', () => {
    // UUID version 5 over the canonical JSON of the value, in the name space of the specification.
    const bytes = createHash('sha1')
      .update(Buffer.from('00abedb4aa42466c9c01fed23315a9b7', 'hex'))
      .update('{"value":"203.0.113.7"}')
      .digest('hex');
    const { id } = of('ipv4-addr').find(({ value }) => value === '203.0.113.7')!;
    assert.equal(id.slice(11, 24), `${bytes.slice(0, 8)}-${bytes.slice(8, 12)}`);
  });

  test('contains connections with both ports, the observation, and an indicator that expires', () => {
    assert.deepEqual(
      of('network-traffic').map(({ src_port, dst_port, protocols }) => [src_port, dst_port, protocols]),
      [
        [40_000, 3128, ['ipv4', 'tcp', 'http']],
        [40_001, 3128, ['ipv4', 'tcp', 'http']],
        [40_000, 3128, ['ipv6', 'tcp', 'socks5']],
      ],
    );
    const [observed] = of('observed-data');
    assert.deepEqual(
      [observed!.number_observed, observed!.first_observed, observed!.last_observed],
      [2, '2026-11-29T10:00:00.250Z', '2026-11-29T10:00:01.250Z'],
    );
    assert.deepEqual(
      of('indicator').map(({ pattern, indicator_types, pattern_type }) => [
        pattern,
        indicator_types,
        pattern_type,
      ]),
      [
        ["[ipv4-addr:value = '203.0.113.7']", ['anomalous-activity'], 'stix'],
        ["[ipv6-addr:value = '2001:db9::7']", ['anomalous-activity'], 'stix'],
        ["[ipv4-addr:value = '198.51.100.9']", ['anomalous-activity'], 'stix'],
      ],
    );
    assert.ok(
      of('indicator').every(({ valid_from, valid_until }) => String(valid_from) < String(valid_until)),
    );
  });
});

test('a MISP event is unpublished, for its own organisation only, and not for intrusion detection', () => {
  const { Event } = mispEvent(sourcesOf(rowOf({ count: 3 })), by, at) as {
    Event: Record<string, unknown> & { Attribute: Record<string, unknown>[] };
  };
  const { Attribute, uuid, Tag: _, ...rest } = Event;
  assert.deepEqual(rest, {
    ...{ info: 'Relay probes refused by Example', date: '2026-11-29', timestamp: '1795946400' },
    ...{ threat_level_id: '3', analysis: '0', distribution: '0', published: false },
  });
  const [{ uuid: own, ...attribute }] = Attribute as [Record<string, unknown>];
  assert.notEqual(own, uuid);
  assert.deepEqual(attribute, {
    ...{
      type: 'ip-src',
      category: 'Network activity',
      value: '203.0.113.7',
      to_ids: false,
      distribution: '5',
    },
    ...{
      timestamp: '1795946400',
      first_seen: '2026-11-29T10:00:00.250Z',
      last_seen: '2026-11-29T10:00:01.250Z',
    },
    comment:
      'attempts to relay through our server, refused: connect; 3 in all, the latest 2026-11-29T10:00:00.250Z, source port 40000, TCP port 3128',
  });
});
