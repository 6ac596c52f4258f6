/** A connected fleet notices and repairs what its store silently loses. */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, suite, test } from 'node:test';
import { Redis } from 'iovalkey';
import type { Ban } from '../../src/bans/ban.ts';
import { digestOf } from '../../src/fleet/digest.ts';
import { FleetClock } from '../../src/fleet/fleet-clock.ts';
import { RateTable } from '../../src/limit/rate-table.ts';
import { eventually, startRedis } from '../support/redis.ts';
import { type Member, member } from './member.ts';
import { ban } from './store-contract.ts';

const redis = await startRedis({ after });
const client = new Redis(redis.url);
after(() => client.disconnect());

const total = 600;
const prefixOf = (i: number): string => `10.1.${i >> 8}.${i & 255}/32`;

async function pair(t: Parameters<typeof member>[0], name: string): Promise<[Member, Member]> {
  const members: [Member, Member] = [await member(t, name, redis.url), await member(t, name, redis.url)];
  const [a, b] = members;
  for (let i = 0; i < total; i++) a.ledger.add({ prefix: prefixOf(i), for: 3_600_000 });
  await eventually(() => b.ledger.size === total, 'all are heard');
  return members;
}

const count = async (name: string): Promise<number> =>
  (await client.keys(`{${name}}:ban:*`.replace(/[{}]/g, '\\$&'))).length;

suite('data silently lost by the store', () => {
  const losses: [what: string, lose: (name: string) => Promise<unknown>][] = [
    ['the index', (name) => client.del(`{${name}}:bans`)],
    [
      'some records, as eviction takes them',
      (name) => client.del(...Array.from({ length: 200 }, (_, i) => `{${name}}:ban:${prefixOf(i * 3)}`)),
    ],
    ['everything', async (name) => client.del(...(await client.keys(`\\{${name}\\}:*`)))],
  ];
  for (const [what, lose] of losses)
    test(`${what}: restored while the gateways are connected`, async (t) => {
      const name = randomUUID();
      const [a] = await pair(t, name);
      await lose(name);
      await eventually(
        async () => (await client.zcard(`{${name}}:bans`)) === total && (await count(name)) === total,
        'all is there again',
        20_000,
      );
      await eventually(() => a.fleet.health.state === 'connected', 'connected');
      assert.ok(!a.states.includes('away'), 'no gateway lost the store');
      const late = await member(t, name, redis.url);
      assert.equal(late.ledger.size, total);
    });

  test('a record that a gateway lacks reaches it eventually', async (t) => {
    const name = randomUUID();
    const [a, b] = await pair(t, name);
    // As if the gateway was disconnected at the critical moment: nothing is published.
    await a.store.putBans([ban('192.0.2.1/32', { until: Date.now() + 60_000 })], true);
    await eventually(() => b.ledger.isBanned('192.0.2.1/32'), 'it was found', 20_000);
  });
});

test('a key of the wrong type is recreated, reported once, and blocks nothing', async (t) => {
  const name = randomUUID();
  for (const key of [
    'bans',
    'changes',
    'events',
    'epoch',
    'seen',
    'gateways',
    'ban:192.0.2.1/32',
    'strikes:192.0.2.2/32',
  ])
    await client.lpush(`{${name}}:${key}`, 'x');
  const [a, b] = [await member(t, name, redis.url), await member(t, name, redis.url)];
  a.ledger.add({ prefix: '192.0.2.1' });
  await eventually(() => b.ledger.isBanned('192.0.2.1/32'), 'a ban passes');
  for (const one of [a, b]) for (let i = 0; i < 2; i++) one.probe('192.0.2.2');
  await eventually(() => a.ledger.isBanned('192.0.2.2/32'), 'strikes add up');
  await eventually(() => a.fleet.health.backlog === 0, 'events pass');
  assert.deepEqual(a.errors, []);
  // Also during operation.
  await client.set(`{${name}}:bans`, 'x');
  a.ledger.add({ prefix: '192.0.2.3' });
  await eventually(() => b.ledger.isBanned('192.0.2.3/32'), 'a ban passes again');
  await eventually(() => a.repaired.includes(`{${name}}:bans`), 'it is reported');
  assert.equal(new Set(a.repaired).size, a.repaired.length, 'each only once');
  assert.deepEqual(a.errors, []);
});

test('a claim to fill the store that never ends does not keep the others from it', async (t) => {
  const name = randomUUID();
  const [a, b] = await pair(t, name);
  await client.del(...(await client.keys(`\\{${name}\\}:*`)));
  await client.set(`{${name}}:filler`, 'a gateway that is no more');
  await eventually(() => a.states.at(-1) === 'joining' && b.states.at(-1) === 'joining', 'they notice');
  await eventually(async () => (await count(name)) === total, 'all is there again', 90_000);
  for (const { fleet } of [a, b])
    await eventually(() => fleet.health.state === 'connected', 'connected', 90_000);
});

test('a counter that can not grow is recreated, and holds up neither counts nor events', async (t) => {
  const name = randomUUID();
  const [a, b] = [await member(t, name, redis.url), await member(t, name, redis.url)];
  const tables = [a, b].map(({ fleet }) => {
    const table = new RateTable({ name: 'all', max: 10, timeWindow: 86_400_000 });
    fleet.share(() => [table]);
    return table;
  });
  const hit = () => tables.map((table) => table.hit('192.0.2.1/32', Date.now()));
  const counter = await eventually(async () => {
    hit();
    return (await client.keys(`\\{${name}\\}:*`)).find((key) => key.includes('192.0.2.1/32'));
  }, 'there is a counter');
  await client.set(counter, String(2n ** 63n - 1n));
  hit();
  a.probe('192.0.2.9');
  await eventually(() => {
    hit();
    return a.repaired.includes(counter);
  }, 'it is reported');
  await eventually(() => a.fleet.health.backlog === 0, 'events pass');
  assert.deepEqual(a.errors, []);
});

suite('a pardon', () => {
  test('forgets the strikes on every gateway, and those in the store', async (t) => {
    const name = randomUUID();
    const [a, b] = [await member(t, name, redis.url), await member(t, name, redis.url)];
    // Three of four strikes on one gateway, the fourth on the other.
    for (let i = 0; i < 3; i++) a.probe('192.0.2.1');
    await eventually(async () => (await client.zcard(`{${name}}:strikes:192.0.2.1/32`)) === 3, 'counted');
    b.ledger.add({ prefix: '192.0.2.1' });
    await eventually(() => a.ledger.isBanned('192.0.2.1/32'), 'banned');
    b.ledger.remove('192.0.2.1');
    await eventually(() => !a.ledger.isBanned('192.0.2.1/32'), 'pardoned');
    for (const one of [a, b]) one.probe('192.0.2.1');
    await eventually(() => a.fleet.health.backlog + b.fleet.health.backlog === 0, 'they were counted');
    for (const one of [a, b]) assert.equal(one.ledger.isBanned('192.0.2.1/32'), false);
    for (const one of [a, b]) one.probe('192.0.2.1');
    await eventually(() => a.ledger.isBanned('192.0.2.1/32'), 'four more ban again');
  });

  test('of a network forgets the strikes of every client in it', async (t) => {
    const name = randomUUID();
    const [a, b] = [await member(t, name, redis.url), await member(t, name, redis.url)];
    for (let i = 0; i < 3; i++) a.probe('198.51.100.7');
    await eventually(() => a.fleet.health.backlog === 0, 'counted');
    b.ledger.add({ prefix: '198.51.100.0/24' });
    await eventually(() => a.ledger.isBanned('198.51.100.7/32'), 'banned');
    b.ledger.remove('198.51.100.0/24');
    await eventually(() => !a.ledger.isBanned('198.51.100.7/32'), 'pardoned');
    a.probe('198.51.100.7');
    await eventually(() => a.fleet.health.backlog === 0, 'counted');
    assert.equal(a.ledger.isBanned('198.51.100.7/32'), false);
  });
});

test("a machine with a wrong clock uses the store's clock, and reports it", async (t) => {
  const name = randomUUID();
  const hour = 3_600_000;
  const [ahead, right] = [
    await member(t, name, redis.url, new FleetClock(() => Date.now() + hour)),
    await member(t, name, redis.url),
  ];
  assert.equal(ahead.skews.length, 1);
  assert.ok(Math.abs(ahead.skews[0]! + hour) < 1000, `${ahead.skews[0]} ms`);
  assert.deepEqual(right.skews, []);
  ahead.ledger.add({ prefix: '192.0.2.1', for: 60_000 });
  const heard = await eventually(() => right.ledger.record('192.0.2.1/32') ?? undefined, 'the ban');
  assert.ok(Math.abs(heard.until - Date.now() - 60_000) < 2000, 'it ends when it should');
  right.ledger.remove('192.0.2.1');
  await eventually(() => !ahead.ledger.isBanned('192.0.2.1/32'), 'the later decision holds');
  right.ledger.add({ prefix: '192.0.2.2', for: 60_000 });
  await eventually(() => ahead.ledger.isBanned('192.0.2.2/32'), 'a ban is in force there');
});

test('digests of different states differ, and the order of records does not matter', async () => {
  const scope = { cut: 1_000_000, remember: 60_000 };
  const records = Array.from({ length: 2000 }, (_, i) =>
    ban(prefixOf(i), { changed: 1000 + i, until: 10_000_000 }),
  );
  const digest = async (of: readonly Ban[]) => JSON.stringify(await digestOf(of, scope));
  const whole = await digest(records);
  assert.equal(await digest(records.toReversed()), whole);
  assert.notEqual(await digest(records.slice(1)), whole);
  assert.notEqual(await digest([{ ...records[0]!, changed: 1 }, ...records.slice(1)]), whole);
  assert.equal(
    await digest([...records, ban('192.0.2.1/32', { changed: 1_000_001 })]),
    whole,
    'records after the cut do not count',
  );
});
