/** Sources as a STIX 2.1 bundle, against the specification. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { serviceName } from '../../src/reports/service-names.ts';
import { stixBundle } from '../../src/reports/stix.ts';
import { at, manifold, rowOf, sourcesOf } from './rows.ts';
import { contributing, derivedId, type StixBundle, type StixObject, stixFaults } from './stix-schema.ts';

const by = { org: 'Example', contact: '' };
const bundleOf = (...args: Parameters<typeof stixBundle>): StixBundle => stixBundle(...args) as StixBundle;
const of = (bundle: StixBundle, type: string): StixObject[] =>
  bundle.objects.filter((object) => object.type === type);

suite('the STIX bundle', () => {
  const bundle = bundleOf(
    sourcesOf(
      rowOf(),
      rowOf({ clientPort: 40_001 }),
      rowOf({ client: '2001:db9::7', localAddress: '2001:db9::80', protocol: 'socks5', rule: 'socks5' }),
      rowOf({ client: '198.51.100.9', clientPort: null }),
    ),
    by,
    at,
  );

  test('is valid for whatever a journal holds', () => {
    for (const org of ['Example', 'gate', 'a "quoted" name\nin two lines'])
      assert.equal(stixFaults(bundleOf(manifold(), { ...by, org }, at)), '');
    assert.equal(stixFaults(bundleOf([], by, at)), '', 'no source');
    // Read back, as any importer does.
    assert.equal(stixFaults(JSON.parse(JSON.stringify(bundle))), '');
  });

  test('gives an address the identifier that every producer gives it', () => {
    // What the Python library of OASIS makes of 127.0.0.1; the check and the bundle must come to the same.
    const loopback = { type: 'ipv4-addr', id: '', value: '127.0.0.1' };
    assert.equal(derivedId(loopback), 'ipv4-addr--679c6c82-b4be-52e2-9c7a-198689f6f77b');
    const known = sourcesOf(rowOf({ localAddress: '127.0.0.1' }));
    const ids = of(bundleOf(known, by, at), 'ipv4-addr').map(({ id }) => id);
    assert.ok(ids.includes('ipv4-addr--679c6c82-b4be-52e2-9c7a-198689f6f77b'), ids.join());
    const connections = (): string[] =>
      of(bundleOf(known, by, Date.now()), 'network-traffic').map(({ id }) => id);
    assert.deepEqual(connections(), connections(), 'the same connection, whenever it is reported');
  });

  test('contains connections with both ports, the observation, and an indicator that expires', () => {
    assert.deepEqual(
      of(bundle, 'network-traffic').map(({ src_port, dst_port, protocols }) => [
        src_port,
        dst_port,
        protocols,
      ]),
      [
        [40_000, 3128, ['ipv4', 'tcp', 'http']],
        [40_001, 3128, ['ipv4', 'tcp', 'http']],
        [40_000, 3128, ['ipv6', 'tcp', 'socks']],
      ],
    );
    const [observed] = of(bundle, 'observed-data');
    assert.deepEqual(
      [observed!.number_observed, observed!.first_observed, observed!.last_observed],
      [2, '2026-11-29T10:00:00.250Z', '2026-11-29T10:00:01.250Z'],
    );
    assert.deepEqual(
      of(bundle, 'indicator').map(({ pattern, indicator_types }) => [pattern, indicator_types]),
      [
        ["[ipv4-addr:value = '203.0.113.7']", ['anomalous-activity']],
        ["[ipv6-addr:value = '2001:db9::7']", ['anomalous-activity']],
        ["[ipv4-addr:value = '198.51.100.9']", ['anomalous-activity']],
      ],
    );
    assert.ok(
      of(bundle, 'indicator').every(
        ({ valid_from, valid_until }) => String(valid_from) < String(valid_until),
      ),
    );
  });

  test('names protocols as IANA does, and no protocol for bytes of none', () => {
    for (const [protocol, name] of [
      ['http/1.1', 'http'],
      ['http/0.9', 'http'],
      ['h2', 'http'],
      ['socks4', 'socks'],
      ['rdp', 'ms-wbt-server'],
      ['sql server', 'ms-sql-s'],
      ['smtp', 'smtp'],
      ['weblogic t3', 'weblogic-t3'],
      ['unknown', null],
      [null, null],
    ] as const)
      assert.equal(serviceName(protocol), name);
  });
});

const nowhere = (type: string): string => `${type}--00000000-0000-4000-8000-000000000000`;
const before = '2020-01-01T00:00:00.000Z';
const sameId = 'an observable with the id of other content';

suite('the check of a STIX bundle sees', () => {
  /** What is wrong, in an object of which type, and with which properties; undefined: without them. */
  const rows: readonly (readonly [what: string, type: string, wrong: Record<string, unknown>])[] = [
    ['a bundle without objects', 'bundle', { objects: [] }],
    ['an object of another type', 'identity', { type: 'organisation' }],
    ['the version of another specification', 'indicator', { spec_version: '2.0' }],
    ['no creation', 'indicator', { created: undefined }],
    ['a creation to the second', 'indicator', { created: '2026-11-29T10:00:00Z' }],
    ['a change before the creation', 'indicator', { modified: before }],
    ['a day that is none', 'observed-data', { first_observed: '2026-13-01T10:00:00Z' }],
    ['a name that is empty', 'identity', { name: '' }],
    ['a class that is none', 'identity', { identity_class: 'firewall' }],
    ['a creator that is not there', 'indicator', { created_by_ref: nowhere('identity') }],
    ['an indicator without a pattern', 'indicator', { pattern: undefined }],
    ['a pattern with an open quote', 'indicator', { pattern: "[ipv4-addr:value = '203.0.113.7]" }],
    ['a pattern without brackets', 'indicator', { pattern: "ipv4-addr:value = '203.0.113.7'" }],
    ['a pattern with another operator', 'indicator', { pattern: "[ipv4-addr:value : '203.0.113.7']" }],
    ['a pattern of the wrong family', 'indicator', { pattern: "[ipv6-addr:value = '203.0.113.7']" }],
    ['a type that is no indicator type', 'indicator', { indicator_types: ['open-relay'] }],
    ['labels, where STIX 2.0 had the types', 'indicator', { labels: ['anomalous-activity'] }],
    ['an indicator that ends as it begins', 'indicator', { valid_until: '2026-11-29T10:00:00.250Z' }],
    [
      'the deprecated form of an observation',
      'observed-data',
      { object_refs: undefined, objects: { 0: {} } },
    ],
    ['an observation of nothing', 'observed-data', { object_refs: [] }],
    ['an observation of no times', 'observed-data', { number_observed: 0 }],
    ['more observations than STIX can say', 'observed-data', { number_observed: 1e9 }],
    ['an observation that ends before it begins', 'observed-data', { last_observed: before }],
    ['a relationship that leads nowhere', 'relationship', { target_ref: nowhere('observed-data') }],
    ['a relationship of another kind', 'relationship', { relationship_type: 'indicates' }],
    ['an address that is none', 'ipv4-addr', { value: '203.0.113.700' }],
    ['an observable with a random id', 'ipv4-addr', { id: nowhere('ipv4-addr') }],
    [sameId, 'network-traffic', { src_port: 1 }],
    ['an observable with a creation', 'ipv4-addr', { created: before }],
    ['a connection without protocols', 'network-traffic', { protocols: undefined }],
    ['a protocol with a space', 'network-traffic', { protocols: ['ipv4', 'tcp', 'sql server'] }],
    ['a connection without ends', 'network-traffic', { src_ref: undefined, dst_ref: undefined }],
    ['a port that is none', 'network-traffic', { src_port: 65_536 }],
  ];
  for (const [what, type, wrong] of rows)
    test(what, () => {
      const bundle = bundleOf(sourcesOf(rowOf()), by, at);
      assert.equal(stixFaults(bundle), '');
      const found = [bundle, ...bundle.objects].find((object) => object.type === type)!;
      Object.assign(found, wrong);
      // With the id of the new content, only the content is wrong.
      if (type in contributing && what !== sameId && !('id' in wrong)) renamed(bundle, found);
      assert.notEqual(stixFaults(JSON.parse(JSON.stringify(bundle))), '');
    });

  test('an object twice', () => {
    const bundle = bundleOf(sourcesOf(rowOf()), by, at);
    bundle.objects.push(bundle.objects[0]!);
    assert.match(stixFaults(bundle), /an id stands twice/);
  });
});

/** Gives an observable the id of its new content, in every reference to it too. */
function renamed(bundle: StixBundle, found: StixObject): void {
  const old = found.id;
  found.id = derivedId(found);
  for (const object of bundle.objects) {
    if (object.src_ref === old) {
      object.src_ref = found.id;
      renamed(bundle, object);
    }
    if (object.type === 'observed-data')
      object.object_refs = (object.object_refs as string[]).map((ref) => (ref === old ? found.id : ref));
  }
}
