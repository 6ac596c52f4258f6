import assert from 'node:assert/strict';
import { isIP } from 'node:net';
import { suite, test } from 'node:test';
import fc from 'fast-check';
import {
  clientPrefix,
  maskedPrefix,
  parseIp,
  parsePrefix,
  prefixText,
  unmapped,
} from '../../src/address/ip.ts';

suite('addresses', () => {
  for (const [text, canonical] of [
    ['192.0.2.1', '192.0.2.1'],
    ['0.0.0.0', '0.0.0.0'],
    ['::', '::'],
    ['2001:DB8:0:0:0:0:0:1', '2001:db8::1'],
    ['2001:db8:0:1:0:0:0:1', '2001:db8:0:1::1'],
    ['::1.2.3.4', '::102:304'],
  ] as const)
    test(`${text} is ${canonical}`, () => assert.equal(parseIp(text)?.text, canonical));

  for (const text of [
    '',
    '127.1',
    '0x7f.0.0.1',
    '0177.0.0.1',
    '2130706433',
    '192.0.2.256',
    '192.0.2.1.',
    '192.0.2.1 ',
    '１92.0.2.1',
    '[::1]',
    '::1%eth0',
    ':::',
    '1::2::3',
    '::ffff:010.0.0.1',
    '::ffff:1.2.3',
    '1:2:3:4:5:6:7:8:9',
    '12345::',
  ])
    test(`${JSON.stringify(text)} is no address`, () => assert.equal(parseIp(text), null));

  test('the platform takes the same texts for addresses, and each reads back to the same bytes', () => {
    const seeds = fc.oneof(fc.ipV6(), fc.ipV4(), fc.string({ unit: fc.constantFrom(...'0159afF:.%[]/x') }));
    fc.assert(
      fc.property(seeds, (text) => {
        const ip = parseIp(text);
        if (ip === null) return assert.ok(isIP(text) === 0 || text.includes('%'), text);
        assert.equal(isIP(text), ip.family, text);
        assert.deepEqual(parseIp(ip.text)?.bytes, ip.bytes);
      }),
      { numRuns: 2000 },
    );
  });

  test('an IPv4-mapped address is the IPv4 address', () => {
    assert.equal(unmapped(parseIp('::ffff:192.0.2.1')!).text, '192.0.2.1');
    assert.equal(unmapped(parseIp('::fffe:192.0.2.1')!).family, 6);
  });
});

suite('prefixes', () => {
  for (const [text, canonical] of [
    ['192.0.2.0/24', '192.0.2.0/24'],
    ['192.0.2.7', '192.0.2.7/32'],
    ['0.0.0.0/0', '0.0.0.0/0'],
    ['2001:DB8::/32', '2001:db8::/32'],
    ['::1', '::1/128'],
    ['::ffff:10.0.0.0/104', '10.0.0.0/8'],
    ['::/0', '::/0'],
  ] as const)
    test(`${text} is ${canonical}`, () => assert.equal(prefixText(parsePrefix(text)!), canonical));

  for (const text of [
    '192.0.2.0/33',
    '192.0.2.0/',
    '192.0.2.0/08',
    '192.0.2.0/-1',
    '::/129',
    '192.0.2/24',
    '10.0.0.1/8',
  ])
    test(`${text} is no prefix`, () => assert.equal(parsePrefix(text), null));

  test('the fix for a prefix with bits set after it', () => {
    assert.equal(maskedPrefix('10.1.2.3/12'), '10.0.0.0/12');
    assert.equal(maskedPrefix('2001:db8::1/33'), '2001:db8::/33');
    assert.equal(maskedPrefix('www.example.net'), null);
  });
});

suite('client prefixes', () => {
  for (const [address, prefix] of [
    ['192.0.2.1', '192.0.2.1/32'],
    ['::ffff:192.0.2.1', '192.0.2.1/32'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['fe80::1%eth0', 'fe80::/64'],
    ['', null],
    ['localhost', null],
    ['::ffff:c000:201', '192.0.2.1/32'],
    ['::', '::/64'],
    ['1:2:3:4:5:6:7:8::', null],
    ['1:2:3:4::5:6:7:8', null],
    ['::2:3:4:5:6:7:8', '0:2:3:4::/64'],
    ['1::8:', null],
    [':1::8', null],
  ] as const)
    test(`${address} counts as ${prefix}`, () => assert.equal(clientPrefix(address), prefix));

  test('the fast path and the strict parser give the same prefix', () => {
    const piece = fc.constantFrom('0', '1', 'a', 'ff', '0db8', '2001', 'FFFF', '12345', ':', ':', '::', '.');
    const text = fc.oneof(
      fc.ipV6(),
      fc.ipV4(),
      fc.array(piece, { maxLength: 17 }).map((all) => all.join('')),
    );
    fc.assert(
      fc.property(text, (address) => {
        const ip = parseIp(address);
        // 6to4, Teredo and NAT64 have tests of their own.
        fc.pre(ip === null || !/^(?:2002:|2001::|2001:0:|64:ff9b::)/.test(ip.text));
        const folded = ip && unmapped(ip);
        const prefix =
          folded && parsePrefix(maskedPrefix(`${folded.text}/${folded.family === 4 ? 32 : 64}`)!);
        assert.equal(clientPrefix(address), prefix && prefixText(prefix), address);
      }),
      { numRuns: 5000 },
    );
  });
});
