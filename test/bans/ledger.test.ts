import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { parsePrefix } from '../../src/address/ip.ts';
import { PrefixSet } from '../../src/address/prefix-set.ts';
import { type Ban, type BanChange, forever } from '../../src/bans/ban.ts';
import { BanPrefixError } from '../../src/bans/ban-prefix.ts';
import { BanLedger, type LedgerOptions } from '../../src/bans/ledger.ts';
import { BanMirror } from '../../src/bans/mirror.ts';
import { PrefixList } from '../../src/bans/prefix-list.ts';

const minute = 60_000;

function ledgerAt(start = 1_000_000, over: Partial<LedgerOptions> = {}) {
  const time = { now: start };
  const ledger = new BanLedger({
    after: 3,
    within: 10 * minute,
    for: [10 * minute, 60 * minute],
    exempt: new PrefixSet(['192.0.2.128/25', '2001:db8:aaaa::5/128'].map((text) => parsePrefix(text)!)),
    clock: () => time.now,
    ...over,
  });
  const changes: BanChange[] = [];
  ledger.onChange((change) => changes.push(change));
  return { ledger, time, changes };
}

suite('probes', () => {
  test('as many as are told within the window lead to a ban, one fewer does not', () => {
    const { ledger, time } = ledgerAt();
    assert.equal(ledger.offend('192.0.2.1', 'connect'), null);
    assert.equal(ledger.offend('192.0.2.1', 'connect'), null);
    assert.equal(ledger.isBanned('192.0.2.1/32'), false);
    const ban = ledger.offend('192.0.2.1', 'socks5');
    assert.deepEqual(ban, {
      prefix: '192.0.2.1/32',
      since: time.now,
      until: time.now + 10 * minute,
      changed: time.now,
      level: 1,
      by: 'probes',
      reason: 'socks5',
    });
    assert.equal(ledger.isBanned('192.0.2.1/32'), true);
    assert.equal(ledger.isBanned('192.0.2.2/32'), false);
  });

  test('the window slides: what has left it counts no more', () => {
    const { ledger, time } = ledgerAt();
    ledger.offend('192.0.2.1', 'connect');
    time.now += 6 * minute;
    ledger.offend('192.0.2.1', 'connect');
    time.now += 4 * minute;
    assert.equal(ledger.offend('192.0.2.1', 'connect'), null, 'the first one is ten minutes old');
    time.now += 6 * minute - 1;
    assert.notEqual(ledger.offend('192.0.2.1', 'connect'), null, 'the second one is not');
  });

  test('the window goes by the time that has passed: a clock that is set makes no probe older or younger', () => {
    let elapsed = 0;
    const { ledger, time } = ledgerAt(1_000_000_000, { elapsed: () => elapsed });
    ledger.offend('192.0.2.1', 'connect');
    time.now += 24 * 60 * minute;
    ledger.offend('192.0.2.1', 'connect');
    elapsed += 1000;
    assert.notEqual(ledger.offend('192.0.2.1', 'connect'), null, 'all within a second');
    ledger.offend('192.0.2.2', 'connect');
    time.now -= 24 * 60 * minute;
    elapsed += 11 * minute;
    ledger.offend('192.0.2.2', 'connect');
    assert.equal(ledger.offend('192.0.2.2', 'connect'), null, 'the first one is eleven minutes old');
  });

  test('an IPv4 address counts alone, mapped into IPv6 too; IPv6 counts by its /64', () => {
    const { ledger } = ledgerAt();
    ledger.offend('192.0.2.1', 'connect');
    ledger.offend('::ffff:192.0.2.1', 'connect');
    assert.equal(ledger.offend('::ffff:c000:201', 'connect')?.prefix, '192.0.2.1/32');
    ledger.offend('2001:db8::1', 'connect');
    ledger.offend('2001:db8::ffff:1', 'connect');
    assert.equal(ledger.offend('2001:db8:0:0:8000::', 'connect')?.prefix, '2001:db8::/64');
    assert.equal(ledger.isBanned('2001:db8:0:1::/64'), false);
  });

  test('a ban ends by itself, and each next one lasts longer', () => {
    const { ledger, time } = ledgerAt();
    const again = () => [1, 2, 3].map(() => ledger.offend('192.0.2.1', 'connect')).at(-1)!;
    const first = again();
    time.now = first.until - 1;
    assert.equal(ledger.isBanned('192.0.2.1/32'), true);
    time.now = first.until;
    assert.equal(ledger.isBanned('192.0.2.1/32'), false);
    const second = again();
    assert.deepEqual([second.level, second.until - time.now], [2, 60 * minute]);
    time.now = second.until;
    const third = again();
    assert.deepEqual([third.level, third.until - time.now], [3, 60 * minute], 'the last term repeats');
    time.now = third.until + 60 * minute + 1;
    // Others come, and what is forgotten is cleared away.
    for (let i = 0; i < 3; i++) ledger.add({ prefix: `198.51.100.${i}`, for: minute });
    assert.equal(again().level, 1, 'after the longest term without a ban all is forgotten');
  });

  test('while it is banned a client is not counted', () => {
    const { ledger, changes } = ledgerAt();
    for (let i = 0; i < 20; i++) ledger.offend('192.0.2.1', 'connect');
    assert.equal(changes.length, 1);
  });

  test('whoever is exempt can not be banned, a neighbour in the same /64 can', () => {
    const { ledger } = ledgerAt(0, { after: 1 });
    assert.equal(ledger.offend('192.0.2.200', 'connect'), null);
    assert.equal(ledger.offend('::ffff:192.0.2.200', 'connect'), null);
    assert.equal(ledger.offend('2001:db8:aaaa::5', 'connect'), null);
    assert.equal(ledger.offend('2001:db8:aaaa::6', 'connect')?.prefix, '2001:db8:aaaa::/64');
    assert.equal(ledger.bans('2001:db8:aaaa::5'), false);
    assert.equal(ledger.bans('2001:db8:aaaa::6'), true);
    ledger.add({ prefix: '192.0.0.0/16' });
    ledger.replaceLists(PrefixList.of(['192.0.2.0/24']));
    assert.equal(ledger.bans('192.0.2.200'), false);
    assert.equal(ledger.bans('192.0.2.1'), true);
  });

  test('what is no address is nobody', () => {
    const { ledger, changes } = ledgerAt(0, { after: 1 });
    for (const text of ['', 'unix', '1.2.3', '999.1.1.1']) {
      assert.equal(ledger.offend(text, 'connect'), null);
      assert.equal(ledger.bans(text), false);
    }
    assert.equal(changes.length, 0);
  });

  test('other settings count from then on, bans stay', () => {
    const { ledger } = ledgerAt(0, { after: 1 });
    ledger.offend('192.0.2.1', 'connect');
    ledger.replace({ after: 2, within: minute, for: [minute], exempt: new PrefixSet([]) });
    assert.equal(ledger.isBanned('192.0.2.1/32'), true);
    assert.equal(ledger.offend('192.0.2.200', 'connect'), null);
    assert.equal(ledger.offend('192.0.2.200', 'connect')?.until, minute, 'exempt no more');
  });
});

suite('an operator', () => {
  test('bans an address, a network, for a time or without an end', () => {
    const { ledger, time } = ledgerAt();
    assert.equal(ledger.add({ prefix: '198.51.100.7' }).until, forever);
    assert.equal(
      ledger.add({ prefix: '203.0.113.0/24', for: minute, reason: 'scan' }).until,
      time.now + minute,
    );
    assert.equal(
      ledger.add({ prefix: '2001:db8::1' }).prefix,
      '2001:db8::/64',
      'the whole of what one customer has',
    );
    assert.equal(ledger.isBanned('198.51.100.7/32'), true);
    assert.equal(ledger.isBanned('203.0.113.99/32'), true);
    assert.equal(ledger.isBanned('203.0.114.1/32'), false);
    assert.equal(ledger.banOf('203.0.113.99/32')?.reason, 'scan');
    time.now += minute;
    assert.equal(ledger.isBanned('203.0.113.99/32'), false);
    assert.equal(ledger.banOf('203.0.113.99/32'), null);
  });

  test('an outer ban stands when an inner one has ended', () => {
    const { ledger, time } = ledgerAt();
    ledger.add({ prefix: '198.51.0.0/16', for: 10 * minute });
    ledger.add({ prefix: '198.51.100.0/24', for: minute });
    assert.equal(ledger.banOf('198.51.100.7/32')?.prefix, '198.51.100.0/24');
    time.now += minute;
    assert.equal(ledger.banOf('198.51.100.7/32')?.prefix, '198.51.0.0/16');
  });

  test('takes a ban back; then it is as if it had not been', () => {
    const { ledger } = ledgerAt(0, { after: 2 });
    ledger.offend('192.0.2.1', 'connect');
    ledger.offend('192.0.2.1', 'connect');
    assert.equal(ledger.remove('192.0.2.1')?.prefix, '192.0.2.1/32');
    assert.equal(ledger.isBanned('192.0.2.1/32'), false);
    assert.equal(ledger.remove('192.0.2.1'), null);
    assert.equal(ledger.offend('192.0.2.1', 'connect'), null, 'counted anew');
    assert.equal(ledger.offend('192.0.2.1', 'connect')?.level, 1);
  });

  test('can not ban half the world, in two steps neither', () => {
    const { ledger } = ledgerAt();
    for (const prefix of ['0.0.0.0/1', '128.0.0.0/1', '10.0.0.0/7', '2000::/3'])
      assert.throws(() => ledger.add({ prefix }), /wider than a \/.*bans\.lists/);
    ledger.add({ prefix: '10.0.0.0/8' });
    ledger.add({ prefix: '2001::/16' });
  });

  test('is told what is no prefix, and what was meant', () => {
    const { ledger } = ledgerAt();
    const add = (prefix: string) => () => ledger.add({ prefix });
    assert.throws(add('10.0.0.1/8'), { name: 'BanPrefixError', message: /write 10\.0\.0\.0\/8/ });
    assert.throws(add('example.net'), { name: 'BanPrefixError', message: /is no prefix/ });
    assert.throws(add('0.0.0.0/0'), { name: 'BanPrefixError', message: /everybody/ });
    assert.throws(add('::/0'), BanPrefixError);
    assert.equal(ledger.add({ prefix: '192.0.2.1', reason: 'a\nb\x1b[31m' }).reason, 'a?b?[31m');
  });
});

suite('changes', () => {
  test('a mirror that applies them, as messages, says what the ledger says', () => {
    const { ledger, time } = ledgerAt(1_000_000, { after: 2 });
    ledger.add({ prefix: '198.51.100.0/24' });
    ledger.replaceLists(PrefixList.of(['203.0.113.0/24', '192.0.2.77/32']));
    const mirror = new BanMirror({ clock: () => time.now });
    const tell = (change: BanChange) => mirror.apply(structuredClone(change));
    for (const change of ledger.snapshot()) tell(change);
    ledger.onChange(tell);
    const clients = ['192.0.2.1', '192.0.2.77', '198.51.100.1', '203.0.113.200', '2001:db8::', '192.0.2.2'];
    const agree = () => {
      for (const client of clients) {
        const prefix = client.includes(':') ? `${client}/64` : `${client}/32`;
        assert.equal(mirror.isBanned(prefix), ledger.isBanned(prefix), `${client} at ${time.now}`);
      }
    };
    agree();
    for (const client of ['192.0.2.1', '2001:db8::'])
      for (let i = 0; i < 2; i++) ledger.offend(client, 'connect');
    agree();
    ledger.remove('198.51.100.0/24');
    ledger.remove('192.0.2.1');
    ledger.replaceLists(PrefixList.of(['192.0.2.2/32']));
    agree();
    time.now += 10 * minute;
    agree();
  });

  test('of two records the later decision holds, in both orders', () => {
    const ban: Ban = {
      prefix: '192.0.2.1/32',
      since: 500,
      until: 5_000_000,
      changed: 500,
      level: 1,
      by: 'probes',
      reason: 'connect',
    };
    const pardon: Ban = { ...ban, until: 600, changed: 600, level: 0, by: 'operator' };
    for (const order of [
      [ban, pardon],
      [pardon, ban],
    ]) {
      const { ledger } = ledgerAt(1000);
      for (const record of order) ledger.apply(record, 'fleet');
      assert.equal(ledger.isBanned('192.0.2.1/32'), false);
    }
  });

  test('a decision made here wins over one that a faster clock has dated ahead', () => {
    const { ledger } = ledgerAt(1000);
    const ahead: Ban = {
      prefix: '192.0.2.1/32',
      since: 9_000,
      until: 5_000_000,
      changed: 9_000,
      level: 1,
      by: 'probes',
      reason: 'connect',
    };
    ledger.apply(ahead, 'fleet');
    ledger.remove('192.0.2.1');
    assert.equal(ledger.isBanned('192.0.2.1/32'), false);
    assert.equal(ledger.record('192.0.2.1/32')!.changed, 9_001);
    ledger.add({ prefix: '192.0.2.1', for: 500 });
    assert.equal(ledger.record('192.0.2.1/32')!.until, 1500, 'by the clock of this gateway');
    assert.equal(ledger.isBanned('192.0.2.1/32'), true);
    ledger.remove('192.0.2.1');
    for (let i = 0; i < 3; i++) ledger.offend('192.0.2.1', 'connect');
    assert.equal(ledger.isBanned('192.0.2.1/32'), true, 'for probes, as well');
  });
});
