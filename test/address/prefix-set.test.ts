import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import fc from 'fast-check';
import ipaddr from 'ipaddr.js';
import { parsePrefix } from '../../src/address/ip.ts';
import { PrefixSet } from '../../src/address/prefix-set.ts';

const set = (...prefixes: string[]) => new PrefixSet(prefixes.map((text) => parsePrefix(text)!));

suite('prefix set', () => {
  test('holds the first and last address of a prefix, and not their neighbours', () => {
    const tested = set('192.0.2.0/24', '2001:db8::/32');
    for (const address of ['192.0.2.0', '192.0.2.255', '::ffff:192.0.2.9', '2001:db8::', '2001:db8:ffff::1'])
      assert.ok(tested.contains(address), address);
    for (const address of ['192.0.1.255', '192.0.3.0', '2001:db7:ffff::', '2001:db9::', '::192.0.2.1'])
      assert.ok(!tested.contains(address), address);
  });

  test('a small prefix inside a large one does not shorten the large one', () => {
    const tested = set('10.0.0.0/8', '10.1.0.0/16', '10.1.2.0/24');
    assert.ok(tested.contains('10.200.0.1'));
  });

  test('an empty set contains nothing, and no set contains text that is no address', () => {
    assert.ok(set().empty);
    assert.ok(!set().contains('192.0.2.1'));
    assert.ok(!set('0.0.0.0/0', '::/0').contains('localhost'));
    assert.ok(!set('0.0.0.0/0').contains('::1'));
  });

  test('a link-local peer is looked up without its zone', () =>
    assert.ok(set('fe80::/10').contains('fe80::1%eth0')));

  test('agrees with matching prefix by prefix', () => {
    const bits = fc.tuple(
      fc.integer({ min: 0, max: 255 }),
      fc.integer({ min: 0, max: 255 }),
      fc.integer({ min: 16, max: 32 }),
    );
    fc.assert(
      fc.property(fc.array(bits, { maxLength: 20 }), fc.array(bits, { minLength: 1 }), (rows, asked) => {
        const cidrs = rows.map(([c, d, length]) => {
          const network = ipaddr.IPv4.networkAddressFromCIDR(`10.0.${c}.${d}/${length}`);
          return [network, length] as const;
        });
        const tested = set(...cidrs.map(([network, length]) => `${network}/${length}`));
        for (const [c, d] of asked) {
          const address = ipaddr.IPv4.parse(`10.0.${c}.${d}`);
          const expected = cidrs.some(([network, length]) => address.match(network, length));
          assert.equal(tested.contains(address.toString()), expected, address.toString());
        }
      }),
    );
  });
});
