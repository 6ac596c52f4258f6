/** Write access to the store does not suffice to ban everyone, or to make bans that nobody can lift. */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, test } from 'node:test';
import { Redis } from 'iovalkey';
import { type Ban, forever } from '../../src/bans/ban.ts';
import { eventually, startRedis } from '../support/redis.ts';
import { member } from './member.ts';
import { ban } from './store-contract.ts';

const redis = await startRedis({ after });
const client = new Redis(redis.url);
after(() => client.disconnect());

/** Writes as an attacker with the store's password would, without our scripts. */
async function plant(name: string, record: Ban, key = record.prefix): Promise<void> {
  const prefix = `{${name}}:`;
  const [text, score] = [JSON.stringify(record), Date.now() + 3_600_000];
  await client.hset(`${prefix}ban:${key}`, 'ban', text, 'changed', record.changed, 'until', record.until);
  await client.zadd(`${prefix}bans`, score, key);
  await client.publish(`${prefix}bans`, text);
}

const now = Date.now();
const operator = { by: 'operator', until: forever } as const;
const poison: readonly [why: RegExp, record: Ban, hit: string][] = [
  [/not a prefix/, ban('0.0.0.0/0', operator), '198.51.100.1/32'],
  [/not a prefix/, ban('::/0', operator), '2001:db8::/64'],
  [/not a prefix/, ban('127.0.0.0/1', operator), '10.0.0.1/32'],
  [/wider than/, ban('0.0.0.0/1', operator), '10.0.0.1/32'],
  [/wider than/, ban('2000::/3', operator), '2001:db8::/64'],
  [/canonical/, ban('198.51.100.1', operator), '198.51.100.1/32'],
  [/canonical/, ban('2001:0DB8::/32', operator), '2001:db8::/64'],
  [/canonical/, ban('2002:c633:6401::/48', operator), '198.51.100.1/32'],
  [/not a prefix/, ban('2002::/16', operator), '198.51.100.1/32'],
  [/wider than one client/, ban('198.51.100.0/24'), '198.51.100.1/32'],
  [/future/, ban('198.51.100.1/32', { ...operator, changed: now + 86_400_000 }), '198.51.100.1/32'],
  [/allow-list/, ban('192.0.2.99/32', operator), '192.0.2.99/32'],
];

test('records that no gateway could have made are refused and counted, published or stored', async (t) => {
  for (const [why, record, hit] of poison) {
    const [told, found] = [randomUUID(), randomUUID()];
    const early = await member(t, told, redis.url);
    await plant(told, record);
    await eventually(() => early.refused.length === 1, `${record.prefix} is reported`);
    await plant(found, record);
    const late = await member(t, found, redis.url);
    // Only this gateway's allow-list refuses 192.0.2.99: others may apply its ban.
    const poisoned = record.prefix !== '192.0.2.99/32';
    await eventually(
      async () => (await client.zcard(`{${found}}:bans`)) === (poisoned ? 0 : 1),
      `${record.prefix} leaves the index if every gateway must refuse it`,
    );
    for (const { ledger, refused, fleet } of [early, late]) {
      assert.equal(refused[0]!.poisoned, poisoned, record.prefix);
      assert.match(refused[0]!.why, why, record.prefix);
      assert.equal(ledger.isBanned(hit), false, record.prefix);
      assert.deepEqual([...ledger.records()], [], record.prefix);
      // A record that is both stored and published counts twice, and is logged once.
      assert.ok(fleet.health.refused >= 1);
      assert.equal(refused.length, 1);
    }
  }
});

test('invalid records are refused, and valid ones still apply', async (t) => {
  const name = randomUUID();
  const one = await member(t, name, redis.url);
  for (const text of ['', 'null', '{"prefix":7}', '[]', '{"prefix":"192.0.2.1/32","level":-1}'])
    await client.publish(`{${name}}:bans`, text);
  await plant(name, ban('192.0.2.5/32'), '192.0.2.6/32');
  await eventually(() => one.fleet.health.refused === 5, 'all were seen');
  const other = await member(t, name, redis.url);
  assert.match(other.refused[0]!.why, /not a ban record/);
  other.ledger.add({ prefix: '192.0.2.7' });
  await eventually(() => one.ledger.isBanned('192.0.2.7/32'), 'a sound one');
});

test('a client with a forged ban dated in the far future can still be banned and pardoned', async (t) => {
  const name = randomUUID();
  await plant(name, ban('192.0.2.1/32', { changed: forever, until: forever }));
  const [a, b] = [await member(t, name, redis.url), await member(t, name, redis.url)];
  a.ledger.add({ prefix: '192.0.2.1' });
  await eventually(() => b.ledger.isBanned('192.0.2.1/32'), 'the ban is heard');
  b.ledger.remove('192.0.2.1');
  await eventually(() => !a.ledger.isBanned('192.0.2.1/32'), 'the pardon is heard');
  const late = await member(t, name, redis.url);
  assert.equal(late.ledger.record('192.0.2.1/32')?.level, 0, 'and kept');
});

test('a ban for probes lasts no longer than the longest configured term', async (t) => {
  const name = randomUUID();
  const one = await member(t, name, redis.url);
  const record = ban('192.0.2.1/32', { until: forever });
  await plant(name, record);
  const taken = await eventually(() => one.ledger.record('192.0.2.1/32') ?? undefined, 'it is taken');
  assert.equal(taken.until, record.changed + 60_000);
});

test('a reason from another gateway is made printable', async (t) => {
  const name = randomUUID();
  const one = await member(t, name, redis.url);
  await plant(name, ban('192.0.2.1/32', { ...operator, reason: 'x\u001b[2J\ndeny all;' }));
  const taken = await eventually(() => one.ledger.record('192.0.2.1/32') ?? undefined, 'it is taken');
  assert.equal(taken.reason, 'x?[2J?deny all;');
});
