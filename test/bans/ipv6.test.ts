/** Which IPv6 addresses count as one client, and when neighbouring prefixes are banned together. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { clientPrefix, parsePrefix, widenedPrefix } from '../../src/address/ip.ts';
import { PrefixSet } from '../../src/address/prefix-set.ts';
import { BanLedger, type LedgerOptions } from '../../src/bans/ledger.ts';
import { MailBans } from '../../src/bans/mail-bans.ts';

const minute = 60_000;
const rules = {
  ...{ after: 5, within: 10 * minute, for: [10 * minute] },
  exempt: new PrefixSet(['2001:db8:aaaa:ff00::/64', '2001:db8:bbbb::/48'].map((text) => parsePrefix(text)!)),
};

function ledgerAt(over: Partial<LedgerOptions> = {}) {
  const time = { now: 1_000_000 };
  const ledger = new BanLedger({ ...rules, clock: () => time.now, ...over });
  const added: string[] = [];
  ledger.onChange((change) => {
    if (change.kind === 'added') added.push(change.ban.prefix);
  });
  return { ledger, added, time };
}

/** An address in the numbered /64 of a /48. */
const in48 = (net: string, number: number): string => `${net}:${number.toString(16)}::1`;

suite('IPv6 addresses that contain an IPv4 address', () => {
  for (const [what, address] of [
    ['mapped', '::ffff:192.0.2.7'],
    ['NAT64', '64:ff9b::192.0.2.7'],
    ['NAT64, in hexadecimal', '64:ff9b:0:0:0:0:c000:207'],
    ['6to4', '2002:c000:207::1'],
    ['6to4, another network of it', '2002:c000:207:abcd:1:2:3:4'],
    ['Teredo', '2001::ce49:7601:e866:efff:3fff:fdf8'],
    ['Teredo by another server', '2001:0:5ef5:79fd:0:59d:3fff:fdf8'],
  ] as const)
    test(`${what}: counts as the IPv4 address`, () => assert.equal(clientPrefix(address), '192.0.2.7/32'));

  test('neighbouring ranges count as IPv6', () => {
    assert.equal(clientPrefix('64:ff9b:1::c000:207'), '64:ff9b:1::/64');
    assert.equal(clientPrefix('2001:1::1'), '2001:1::/64');
    assert.equal(clientPrefix('2003:c000:207::1'), '2003:c000:207::/64');
  });

  test('a thousand clients behind a NAT64 count separately; only the one that probes on is banned', () => {
    const { ledger, added } = ledgerAt();
    for (let i = 0; i < 1000; i++) ledger.offend(`64:ff9b::198.18.${i >> 8}.${i & 255}`, 'connect');
    assert.deepEqual(added, []);
    for (let i = 0; i < 4; i++) ledger.offend('64:ff9b::198.18.0.9', 'connect');
    assert.deepEqual(added, ['198.18.0.9/32']);
  });
});

test('widenedPrefix clears the bits beyond the length', () => {
  for (const [length, wide] of [
    [64, '2001:db8:1:fedc::/64'],
    [60, '2001:db8:1:fed0::/60'],
    [56, '2001:db8:1:fe00::/56'],
    [48, '2001:db8:1::/48'],
    [32, '2001:db8::/32'],
  ] as const)
    assert.equal(widenedPrefix('2001:db8:1:fedc::/64', length), wide);
  assert.equal(widenedPrefix('192.0.2.1/32', 48), '192.0.2.1/32');
});

suite('IPv6 clients of one network', () => {
  test('sixty probes from sixty /64s of one /48 ban it, and nothing wider', () => {
    const { ledger, added } = ledgerAt();
    for (let i = 0; i < 60; i++) ledger.offend(in48('2001:db8:1', i * 1000), 'connect');
    assert.deepEqual(added, ['2001:db8:1::/48']);
    assert.equal(ledger.isBanned('2001:db8:1:ffff::/64'), true);
    assert.equal(ledger.isBanned('2001:db8:2::/64'), false);
  });

  test('probes from twenty /64s of one /56 ban the /56', () => {
    const { ledger, added } = ledgerAt();
    for (let i = 0; i < 20; i++) ledger.offend(in48('2001:db8:1', 0xab00 + i), 'connect');
    assert.deepEqual(added, ['2001:db8:1:ab00::/56']);
    assert.equal(ledger.isBanned('2001:db8:1:ac00::/64'), false);
  });

  test('sixty probes from sixty /48s ban nobody, and one client does not get its neighbours banned', () => {
    const { ledger, added } = ledgerAt();
    for (let i = 0; i < 60; i++) ledger.offend(in48(`2001:db8:${(i + 1).toString(16)}`, 0), 'connect');
    assert.deepEqual(added, []);
    for (let i = 0; i < 100; i++) ledger.offend('2001:db8:9999::1', 'connect');
    assert.deepEqual(added, ['2001:db8:9999::/64']);
  });

  test('probes older than the window do not count', () => {
    const { ledger, added, time } = ledgerAt();
    for (let i = 0; i < 60; i++) {
      ledger.offend(in48('2001:db8:1', i * 1000), 'connect');
      time.now += minute;
    }
    assert.deepEqual(added, []);
  });

  test('a prefix that holds an exempt address is never banned', () => {
    const { ledger, added } = ledgerAt();
    for (let i = 0; i < 200; i++) ledger.offend(in48('2001:db8:aaaa', i), 'connect');
    assert.deepEqual(added, ['2001:db8:aaaa::/56'], 'the /48 holds one');
    assert.equal(ledger.isBanned('2001:db8:aaaa:ff00::/64'), false);
    for (let i = 0; i < 200; i++) ledger.offend(in48('2001:db8:bbbb', i), 'connect');
    assert.equal(added.length, 1);
  });

  test('many clients do not get a network banned that holds an exempt address', () => {
    const { ledger, added } = ledgerAt();
    for (let i = 0; i < 200; i++) ledger.offend(in48('2001:db8:aaaa', i * 256), 'connect');
    for (let i = 1; i < 200; i++) ledger.offend(in48('2001:db8:aaaa', 0xff00 + i), 'connect');
    assert.deepEqual(added, []);
  });

  test('prefix6 sets the size of one client', () => {
    const { ledger, added } = ledgerAt({ prefix6: 56 });
    for (let i = 0; i < 5; i++) ledger.offend(in48('2001:db8:1', 0xab00 + i), 'connect');
    assert.deepEqual(added, ['2001:db8:1:ab00::/56']);
  });

  test('mail servers of one network are not banned together', () => {
    let now = 0;
    const mail = new MailBans(rules, () => now++);
    for (let i = 0; i < 200; i++) mail.offend(in48('2001:db8:1', i), 'smtp-foreign-recipient');
    assert.equal(mail.ledger.isBanned('2001:db8:1::/64'), false);
  });
});
