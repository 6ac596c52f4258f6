/** Lists of prefixes at the borders: clients beside a listed network are never taken for listed, and no listed one gets in. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { prefixKey, readPrefixKey } from '../../src/address/prefix-key.ts';
import { banPrefix, isWide } from '../../src/bans/ban-prefix.ts';
import { readListLine } from '../../src/bans/list-line.ts';
import { inRanges, PrefixList } from '../../src/bans/prefix-list.ts';

function listed(list: PrefixList, prefix: string): boolean {
  const key = prefixKey();
  assert.ok(readPrefixKey(prefix, key), prefix);
  return inRanges(list.ranges, key);
}

suite('a list', () => {
  const cases: readonly [what: string, list: string[], within: string[], beside: string[]][] = [
    [
      'of one IPv6 network',
      ['2001:db8:0:5::/64'],
      ['2001:db8:0:5::/64'],
      ['2001:db8:0:4::/64', '2001:db8:0:6::/64', '2001:db9:0:1::/64', '2001:db7:0:9::/64', '2001:db8::/48'],
    ],
    [
      'of IPv6 networks whose upper and lower halves are in opposite order',
      ['2001:db8:0:5::/64', '2001:db7:0:9::/64', '2001:db9:0:1::/64'],
      ['2001:db8:0:5::/64', '2001:db7:0:9::/64', '2001:db9:0:1::/64'],
      ['2001:db8:0:9::/64', '2001:db7:0:5::/64', '2001:db9:0:5::/64', '2001:db8:0:1::/64'],
    ],
    [
      'of an IPv6 network that spans both halves',
      ['2001:db8::/31'],
      ['2001:db8::/64', '2001:db9:ffff:ffff::/64', '2001:db9::/32', '2001:db8::/31'],
      ['2001:db7:ffff:ffff::/64', '2001:dba::/64', '2001:db8::/30'],
    ],
    [
      'of an IPv4 network',
      ['192.0.2.64/26'],
      ['192.0.2.64/32', '192.0.2.127/32', '192.0.2.96/27', '192.0.2.64/26'],
      ['192.0.2.63/32', '192.0.2.128/32', '192.0.2.0/25'],
    ],
    [
      'of the last addresses',
      ['255.255.255.255/32', 'ffff:ffff:ffff:ffff::/64'],
      ['255.255.255.255/32', 'ffff:ffff:ffff:ffff::/64'],
      ['255.255.255.254/32', 'ffff:ffff:ffff:fffe::/64', '0.0.0.0/32'],
    ],
  ];
  for (const [what, list, within, beside] of cases)
    test(`${what} holds exactly what it covers`, () => {
      for (const order of [list, list.toReversed()]) {
        const prefixes = PrefixList.of(order);
        assert.deepEqual([...prefixes].sort(), list.toSorted());
        for (const prefix of within) assert.equal(listed(prefixes, prefix), true, prefix);
        for (const prefix of beside) assert.equal(listed(prefixes, prefix), false, prefix);
      }
    });

  test('has one range for networks inside each other, also at its end', () => {
    const { ranges, size } = PrefixList.of([
      ...['10.0.0.0/8', '10.255.255.255/32', '10.0.0.0/16'],
      ...['2001:db8:0:4::/63', '2001:db8:0:5::/64', '2001:db8:0:4::/64'],
    ]);
    assert.equal(size, 6);
    assert.deepEqual([ranges.ipv4.first.length, ranges.ipv6.firstHigh.length], [1, 1]);
  });
});

test('the fast list-line parser leaves to the full one what it can not read', () => {
  for (const line of [
    '192.0.2.:',
    '192.0.2.1/',
    '192.0.2.1/032',
    '192.0.02.1',
    '010.0.0.0/8',
    '00.0.0.0/8',
    '2001:db8:1:2:3::/64',
    '2001:db8::/65',
    '/24',
    '',
  ])
    assert.equal(readListLine(Buffer.from(line), 0, line.length, prefixKey()), false, line);
});

test('a prefix is wide if it covers more than one client', () => {
  for (const prefix of ['2001:db8::/32', '2001:db8::/48', '2001:db8::/63', '192.0.2.0/31', '10.0.0.0/8'])
    assert.equal(isWide(prefix), true, prefix);
  for (const prefix of ['2001:db8::/64', '192.0.2.1/32']) assert.equal(isWide(prefix), false, prefix);
  assert.deepEqual(
    ['2001:db8:0:1:2::/80', '2001:db8:0:1::/64', '2001:db8::/63', '192.0.2.1', '192.0.2.0/31'].map(banPrefix),
    ['2001:db8:0:1::/64', '2001:db8:0:1::/64', '2001:db8::/63', '192.0.2.1/32', '192.0.2.0/31'],
  );
});
