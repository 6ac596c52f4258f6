/** What an attacker with many addresses can do to the tables. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type PrefixKey, prefixKey, readPrefixKey } from '../../src/address/prefix-key.ts';
import type { Ban } from '../../src/bans/ban.ts';
import { BanTable } from '../../src/bans/ban-table.ts';
import { Offences } from '../../src/bans/offences.ts';

const ban = (index: number, over: Partial<Ban> = {}): Ban => ({
  prefix: `10.${index >> 16}.${(index >> 8) & 255}.${index & 255}/32`,
  since: 0,
  until: 1_000_000 + index,
  changed: 0,
  level: 1,
  by: 'probes',
  reason: 'connect',
  ...over,
});

function keyOf(prefix: string): PrefixKey {
  const key = prefixKey();
  assert.ok(readPrefixKey(prefix, key));
  return key;
}

test('a full table evicts probe bans and keeps those of an operator', () => {
  const table = new BanTable({ capacity: 1000, memory: 1000 });
  for (let i = 0; i < 10; i++) table.put(ban(900_000 + i, { by: 'operator', until: 2000 }), 0);
  for (let i = 0; i < 50_000; i++) {
    table.put(ban(i), 0);
    assert.ok(table.size <= 1000);
  }
  assert.equal(table.size, 1000);
  assert.equal(table.evicted, 50_010 - 1000);
  for (let i = 0; i < 10; i++) assert.ok(table.get(ban(900_000 + i).prefix) !== null, `operator's ${i}`);
});

test('eviction takes the ban that ends first among its neighbours', () => {
  const table = new BanTable({ capacity: 16, memory: 1 });
  for (let i = 0; i < 16; i++) table.put(ban(i, { until: i === 7 ? 50 : 1000 }), 0);
  table.put(ban(16), 0);
  assert.equal(table.get(ban(7).prefix), null);
  assert.equal(table.size, 16);
});

test('records whose memory has run out are dropped without eviction', () => {
  const table = new BanTable({ capacity: 100_000, memory: 100 });
  for (let i = 0; i < 1000; i++) table.put(ban(i, { until: 500 }), 0);
  for (let i = 0; i < 200; i++) table.put(ban(100_000 + i), 599);
  assert.equal(table.size, 1200, 'remembered until 600');
  for (let i = 0; i < 200; i++) table.put(ban(200_000 + i), 600);
  assert.ok(table.size <= 400 + 16, `${table.size} records`);
  assert.equal(table.evicted, 0);
});

test('a record whose memory has already run out is not stored', () => {
  const table = new BanTable({ memory: 100 });
  assert.equal(table.put(ban(1, { until: 500 }), 600), false);
  assert.equal(table.size, 0);
});

test('rows are reused, also those of wide bans', () => {
  const table = new BanTable({ capacity: 64, memory: 0 });
  for (let round = 0; round < 100; round++) {
    const now = round * 10;
    table.put(ban(round, { prefix: `10.${round}.0.0/16`, until: now + 5 }), now);
    assert.equal(table.isBanned(keyOf(`10.${round}.1.2/32`), now), true);
    assert.equal(table.isBanned(keyOf(`10.${round}.1.2/32`), now + 5), false);
  }
  assert.ok(table.size <= 64);
});

test('offences of a hundred thousand clients are bounded, and a persistent client is not forgotten', () => {
  const offences = new Offences(60_000, 5000);
  let persistent = 0;
  for (let i = 0; i < 100_000; i++) {
    offences.add(`10.${i >> 16}.${(i >> 8) & 255}.${i & 255}/32`, 0);
    if (i % 400 === 0) persistent = offences.add('192.0.2.1/32', 0);
    assert.ok(offences.size <= 1000);
  }
  assert.equal(persistent, 250);
});

test('bans in force are listed newest first, and counted', () => {
  const table = new BanTable({ memory: 1000 });
  for (let i = 0; i < 100; i++) table.put(ban(i, { since: (i * 37) % 100, until: i < 10 ? 50 : 1000 }), 0);
  assert.equal(table.activeCount(60), 90);
  const newest = table.newest(5, 60).map(({ since }) => since);
  const expected = Array.from({ length: 90 }, (_, i) => ((i + 10) * 37) % 100);
  assert.deepEqual(newest, expected.sort((a, b) => b - a).slice(0, 5));
  assert.equal(table.newest(1000, 60).length, 90);
  assert.deepEqual(new BanTable({ memory: 0 }).newest(5, 0), []);
});

test('of bans that began together no more are listed than asked for', () => {
  const table = new BanTable({ memory: 1000 });
  for (let i = 0; i < 10; i++) table.put(ban(i, { since: 5, until: 1000 }), 0);
  assert.equal(table.newest(3, 60).length, 3);
});

test('an ended ban that makes room for another does not count as evicted', () => {
  const table = new BanTable({ capacity: 16, memory: 1000 });
  for (let i = 0; i < 16; i++) table.put(ban(i, { until: 50 }), 0);
  table.put(ban(16), 60);
  assert.deepEqual([table.size, table.evicted], [16, 0]);
});

test('only bans in force are active; ended ones are records until their memory has run out', () => {
  const table = new BanTable({ memory: 1000 });
  for (let i = 0; i < 5; i++) table.put(ban(i, { until: i < 2 ? 500 : 2000 }), 0);
  assert.deepEqual(
    [...table.active(500)].map(({ prefix }) => prefix),
    [2, 3, 4].map((i) => ban(i).prefix),
  );
  assert.equal(table.activeCount(499), 5);
  assert.equal(table.activeCount(500), 3);
  assert.equal([...table.records()].length, 5);
  assert.equal(table.rememberedCount(1499, 1000), 5);
  assert.equal(table.rememberedCount(1500, 1000), 3);
});

test('probes that leave the window make room: a slow client evicts no other', () => {
  const offences = new Offences(10, 100);
  offences.add('192.0.2.1/32', 0);
  for (let time = 100; time < 10_000; time += 100) assert.equal(offences.add('192.0.2.2/32', time), 1);
  assert.equal(offences.size, 2);
});

test('clients of both generations are counted, and one that probes again moves to the young one', () => {
  const offences = new Offences(60_000, 24);
  for (const last of [1, 2, 3]) offences.add(`192.0.2.${last}/32`, 0);
  assert.equal(offences.size, 3);
  assert.equal(offences.add('192.0.2.1/32', 0), 2);
  assert.equal(offences.size, 3);
  offences.forget('192.0.2.1/32');
  assert.equal(offences.size, 2);
});

test('banned and forgotten clients evict no other', () => {
  const offences = new Offences(60_000, 100);
  offences.add('192.0.2.1/32', 0);
  for (let i = 0; i < 100; i++) {
    for (let probe = 0; probe < 3; probe++) offences.add('192.0.2.2/32', 0);
    offences.forget('192.0.2.2/32');
  }
  assert.equal(offences.add('192.0.2.1/32', 0), 2);
});
