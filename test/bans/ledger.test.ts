import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { parsePrefix } from '../../src/address/ip.ts';
import { PrefixSet } from '../../src/address/prefix-set.ts';
import { type Ban, type BanChange, forever } from '../../src/bans/ban.ts';
import { BanMirror } from '../../src/bans/ban-mirror.ts';
import { BanPrefixError } from '../../src/bans/ban-prefix.ts';
import { BanLedger, type LedgerOptions } from '../../src/bans/ledger.ts';
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

suite('ledger: probes', () => {
  test('the configured number within the window leads to a ban, one fewer does not', () => {
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

  test('the window slides: older probes do not count', () => {
    const { ledger, time } = ledgerAt();
    ledger.offend('192.0.2.1', 'connect');
    time.now += 6 * minute;
    ledger.offend('192.0.2.1', 'connect');
    time.now += 4 * minute;
    assert.equal(ledger.offend('192.0.2.1', 'connect'), null, 'the first one is ten minutes old');
    time.now += 6 * minute - 1;
    assert.notEqual(ledger.offend('192.0.2.1', 'connect'), null, 'the second one is not');
  });

  test('the window uses elapsed time: setting the clock does not age probes', () => {
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

  test('an IPv4 address counts alone, also if mapped into IPv6; IPv6 counts by /64', () => {
    const { ledger } = ledgerAt();
    ledger.offend('192.0.2.1', 'connect');
    ledger.offend('::ffff:192.0.2.1', 'connect');
    assert.equal(ledger.offend('::ffff:c000:201', 'connect')?.prefix, '192.0.2.1/32');
    ledger.offend('2001:db8::1', 'connect');
    ledger.offend('2001:db8::ffff:1', 'connect');
    assert.equal(ledger.offend('2001:db8:0:0:8000::', 'connect')?.prefix, '2001:db8::/64');
    assert.equal(ledger.isBanned('2001:db8:0:1::/64'), false);
  });

  test('a ban expires, and each further one lasts longer', () => {
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
    // New records make the table drop the forgotten one.
    for (let i = 0; i < 3; i++) ledger.add({ prefix: `198.51.100.${i}`, for: minute });
    assert.equal(again().level, 1, 'after the longest term without a ban the client starts afresh');
  });

  test('a ban resets the count: when it ends, the probes before it do not count again', () => {
    const { ledger, time } = ledgerAt(0, { for: [minute] });
    for (let i = 0; i < 3; i++) ledger.offend('192.0.2.1', 'connect');
    time.now += minute;
    assert.equal(ledger.offend('192.0.2.1', 'connect'), null);
  });

  test('probes of a banned client are not counted', () => {
    const { ledger, changes } = ledgerAt();
    for (let i = 0; i < 20; i++) ledger.offend('192.0.2.1', 'connect');
    assert.equal(changes.length, 1);
  });

  test('an exempt address cannot be banned, a neighbour in its /64 can', () => {
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

  test('text that is not an address is never counted or banned', () => {
    const { ledger, changes } = ledgerAt(0, { after: 1 });
    for (const text of ['', 'unix', '1.2.3', '999.1.1.1']) {
      assert.equal(ledger.offend(text, 'connect'), null);
      assert.equal(ledger.bans(text), false);
    }
    assert.equal(changes.length, 0);
  });

  test('new settings apply to later probes, and bans stay', () => {
    const { ledger } = ledgerAt(0, { after: 1 });
    ledger.offend('192.0.2.1', 'connect');
    ledger.replace({ after: 2, within: minute, for: [minute], exempt: new PrefixSet([]) });
    assert.equal(ledger.isBanned('192.0.2.1/32'), true);
    assert.equal(ledger.offend('192.0.2.200', 'connect'), null);
    assert.equal(ledger.offend('192.0.2.200', 'connect')?.until, minute, 'no longer exempt');
  });
});

suite('ledger: bounds', () => {
  test('the 256th ban of a client is of level 255 like the one before it', () => {
    const last: Ban = {
      prefix: '192.0.2.1/32',
      ...{ since: 0, until: 1, changed: 0, level: 255, by: 'probes', reason: 'connect' },
    };
    const { ledger } = ledgerAt(1000, { after: 1 });
    ledger.apply(last, 'journal');
    ledger.apply({ ...last, prefix: '192.0.2.2/32' }, 'journal');
    assert.equal(ledger.offend('192.0.2.1', 'connect')?.level, 255);
    assert.equal(ledger.add({ prefix: '192.0.2.2' }).level, 255);
    assert.deepEqual(
      [...ledger.records()].map(({ level }) => level),
      [255, 255],
    );
  });

  test('a term beyond the last date has no end', () => {
    assert.equal(ledgerAt().ledger.add({ prefix: '192.0.2.1', for: Number.MAX_SAFE_INTEGER }).until, forever);
  });

  test('settings with the same window keep the probes counted so far; another window starts anew', () => {
    const { ledger } = ledgerAt(0, { after: 2, within: minute });
    const rules = { after: 2, within: minute, for: [minute], exempt: new PrefixSet([]) };
    ledger.offend('192.0.2.1', 'connect');
    ledger.replace(rules);
    assert.notEqual(ledger.offend('192.0.2.1', 'connect'), null);
    ledger.offend('192.0.2.2', 'connect');
    ledger.replace({ ...rules, within: 2 * minute });
    assert.equal(ledger.offend('192.0.2.2', 'connect'), null);
  });
});

suite('ledger: an operator', () => {
  test('bans an address or a network, with or without an end', () => {
    const { ledger, time } = ledgerAt();
    const { until, level, by } = ledger.add({ prefix: '198.51.100.7' });
    assert.deepEqual([until, level, by], [forever, 1, 'operator']);
    assert.equal(ledger.add({ prefix: '198.51.100.7' }).level, 2);
    assert.equal(
      ledger.add({ prefix: '203.0.113.0/24', for: minute, reason: 'scan' }).until,
      time.now + minute,
    );
    assert.equal(
      ledger.add({ prefix: '2001:db8::1' }).prefix,
      '2001:db8::/64',
      'the whole /64 of the customer',
    );
    assert.equal(ledger.isBanned('198.51.100.7/32'), true);
    assert.equal(ledger.isBanned('203.0.113.99/32'), true);
    assert.equal(ledger.isBanned('203.0.114.1/32'), false);
    assert.equal(ledger.banOf('203.0.113.99/32')?.reason, 'scan');
    time.now += minute;
    assert.equal(ledger.isBanned('203.0.113.99/32'), false);
    assert.equal(ledger.banOf('203.0.113.99/32'), null);
  });

  test('a wider ban stays in force when a narrower one inside it has ended', () => {
    const { ledger, time } = ledgerAt();
    ledger.add({ prefix: '198.51.0.0/16', for: 10 * minute });
    ledger.add({ prefix: '198.51.100.0/24', for: minute });
    assert.equal(ledger.banOf('198.51.100.7/32')?.prefix, '198.51.100.0/24');
    time.now += minute;
    assert.equal(ledger.banOf('198.51.100.7/32')?.prefix, '198.51.0.0/16');
  });

  test('lifts a ban, which also resets the count and the level', () => {
    const { ledger } = ledgerAt(0, { after: 2 });
    ledger.offend('192.0.2.1', 'connect');
    ledger.offend('192.0.2.1', 'connect');
    assert.equal(ledger.remove('192.0.2.1')?.prefix, '192.0.2.1/32');
    assert.equal(ledger.isBanned('192.0.2.1/32'), false);
    assert.equal(ledger.remove('192.0.2.1'), null);
    assert.equal(ledger.offend('192.0.2.1', 'connect'), null, 'the count starts again');
    assert.equal(ledger.offend('192.0.2.1', 'connect')?.level, 1);
  });

  test('lifting a ban resets the counts of the clients in it; its expiry does not', () => {
    const { ledger, time } = ledgerAt();
    for (const [lift, client, banned] of [
      [true, '198.51.100.7', '198.51.100.0/24'],
      [false, '203.0.113.7', '203.0.113.0/24'],
      [true, '192.0.2.7', '192.0.2.7'],
      [false, '192.0.2.8', '192.0.2.8'],
    ] as const) {
      ledger.offend(client, 'connect');
      ledger.offend(client, 'connect');
      ledger.add({ prefix: banned, for: minute });
      if (lift) ledger.remove(banned);
      else time.now += minute;
      assert.equal(ledger.offend(client, 'connect') === null, lift, banned);
    }
  });

  test('lifting the ban of a network leaves the counts of the clients outside it', () => {
    const { ledger } = ledgerAt();
    const probes = (client: string) => {
      let count = 0;
      do count++;
      while (count < 10 && ledger.offend(client, 'connect') === null);
      return count;
    };
    const whole = probes('203.0.113.200');
    for (const client of ['192.0.2.1', '198.51.100.1']) ledger.offend(client, 'connect');
    ledger.add({ prefix: '192.0.2.0/25' });
    ledger.remove('192.0.2.0/25');
    assert.deepEqual([probes('192.0.2.1'), probes('198.51.100.1')], [whole, whole - 1]);
  });

  test('cannot ban a prefix wider than /8 or /16 (IPv6)', () => {
    const { ledger } = ledgerAt();
    for (const prefix of ['0.0.0.0/1', '128.0.0.0/1', '10.0.0.0/7', '2000::/3'])
      assert.throws(() => ledger.add({ prefix }), /wider than a \/.*bans\.lists/);
    ledger.add({ prefix: '10.0.0.0/8' });
    ledger.add({ prefix: '2001::/16' });
  });

  test('gets an error for an invalid prefix, with the intended one', () => {
    const { ledger } = ledgerAt();
    const add = (prefix: string) => () => ledger.add({ prefix });
    assert.throws(add('10.0.0.1/8'), { name: 'BanPrefixError', message: /write 10\.0\.0\.0\/8/ });
    assert.throws(add('example.net'), { name: 'BanPrefixError', message: /is not a prefix/ });
    assert.throws(add('0.0.0.0/0'), { name: 'BanPrefixError', message: /covers every address/ });
    assert.throws(add('::/0'), BanPrefixError);
    assert.equal(ledger.add({ prefix: '192.0.2.1', reason: 'a\nb\x1b[31m' }).reason, 'a?b?[31m');
  });
});

suite('ledger: changes', () => {
  test('a mirror that applies them agrees with the ledger', () => {
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

  test('of two records the later decision holds, in either order', () => {
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

  test("a decision made here supersedes one dated ahead by another gateway's clock", () => {
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
    assert.equal(ledger.isBanned('192.0.2.1/32'), true, 'a ban for probes, too');
  });
});

suite('ledger: the number of lasting records', () => {
  test('counts those remembered for another minute, anew after ten seconds', () => {
    const { ledger, time } = ledgerAt(0);
    for (let i = 0; i < 3; i++) ledger.add({ prefix: `198.51.100.${i}`, for: minute });
    time.now = 50_000;
    assert.equal(ledger.lasting(minute), 3);
    time.now += 10_000;
    assert.equal(ledger.lasting(minute), 3, 'as counted ten seconds ago');
    time.now++;
    assert.equal(ledger.lasting(minute), 0, 'forgotten within a minute');
  });

  test('counts anew when more than an eighth has been added', () => {
    const { ledger } = ledgerAt(0);
    const add = (count: number, network: number): void => {
      for (let i = 0; i < count; i++) ledger.add({ prefix: `198.51.${network}.${i}` });
    };
    add(16, 100);
    assert.equal(ledger.lasting(minute), 16);
    add(2, 101);
    assert.equal(ledger.lasting(minute), 16);
    add(1, 102);
    assert.equal(ledger.lasting(minute), 19);
  });
});
