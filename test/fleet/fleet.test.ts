import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, test } from 'node:test';
import { PrefixSet } from '../../src/address/prefix-set.ts';
import { BanLedger } from '../../src/bans/ledger.ts';
import { Fleet } from '../../src/fleet/fleet.ts';
import { FleetClock } from '../../src/fleet/fleet-clock.ts';
import type { FleetHealth } from '../../src/fleet/fleet-options.ts';
import type { FleetStore } from '../../src/fleet/store.ts';
import { ValkeyStore } from '../../src/fleet/valkey-store.ts';
import { RateTable } from '../../src/limit/rate-table.ts';
import { WindowClock } from '../../src/limit/window-clock.ts';
import { probeOf } from '../support/probe-event.ts';
import { eventually, startRedis } from '../support/redis.ts';
import { member } from './member.ts';

const redis = await startRedis({ after });
const minute = 60_000;

/** The number of events in the stream, by client. */
async function streamed(store: FleetStore): Promise<Map<string, number>> {
  const clients = new Map<string, number>();
  for (const { event } of await store.eventsAfter('0', 10_000)) {
    const { event: probe, count } = JSON.parse(event) as { event: { client: string }; count: number };
    clients.set(probe.client, (clients.get(probe.client) ?? 0) + count);
  }
  return clients;
}

test('bans and pardons of one gateway apply on all', async (t) => {
  const name = randomUUID();
  const [a, b, c] = [
    await member(t, name, redis.url),
    await member(t, name, redis.url),
    await member(t, name, redis.url),
  ];
  for (let i = 0; i < 4; i++) a.probe('192.0.2.1');
  assert.equal(a.ledger.isBanned('192.0.2.1/32'), true);
  await eventually(
    () => b.ledger.isBanned('192.0.2.1/32') && c.ledger.isBanned('192.0.2.1/32'),
    'the others have the bans',
  );
  b.ledger.add({ prefix: '198.51.100.0/24' });
  await eventually(() => c.ledger.isBanned('198.51.100.1/32'), 'a network too');
  c.ledger.remove('192.0.2.1');
  await eventually(
    () => !a.ledger.isBanned('192.0.2.1/32') && !b.ledger.isBanned('192.0.2.1/32'),
    'the pardon',
  );
});

test('probes spread over gateways add up to a ban that no single gateway would make', async (t) => {
  const name = randomUUID();
  const [a, b] = [await member(t, name, redis.url), await member(t, name, redis.url)];
  for (const one of [a, b]) for (let i = 0; i < 2; i++) one.probe('192.0.2.1');
  await eventually(() => a.ledger.isBanned('192.0.2.1/32') && b.ledger.isBanned('192.0.2.1/32'), 'both ban');
  for (const one of [a, b]) for (let i = 0; i < 5; i++) one.probe('192.0.2.99');
  await eventually(async () => (await streamed(a.store)).get('192.0.2.99') === 10, 'its events have arrived');
  assert.equal(a.ledger.isBanned('192.0.2.99/32'), false, 'exempt, however many');
});

test('a pardon is not undone by earlier probes that arrive later', async (t) => {
  const name = randomUUID();
  const [a, b] = [await member(t, name, redis.url), await member(t, name, redis.url)];
  b.probe('192.0.2.1');
  for (let i = 0; i < 4; i++) a.probe('192.0.2.1');
  a.ledger.remove('192.0.2.1');
  await eventually(async () => (await streamed(a.store)).get('192.0.2.1') === 5, 'all have arrived');
  assert.equal(a.ledger.isBanned('192.0.2.1/32'), false);
  assert.equal(b.ledger.isBanned('192.0.2.1/32'), false);
});

test('requests of a client on all gateways add up to one count', async (t) => {
  const name = randomUUID();
  const [a, b] = [await member(t, name, redis.url), await member(t, name, redis.url)];
  const table = () => new RateTable({ name: 'all', max: 10, timeWindow: 86_400_000 });
  const [one, two] = [table(), table()];
  a.fleet.share(() => [one]);
  b.fleet.share(() => [two]);
  await eventually(() => {
    one.hit('192.0.2.1/32', Date.now());
    two.hit('192.0.2.1/32', Date.now());
    return one.hit('192.0.2.1/32', Date.now()) > two.hit('192.0.2.2/32', Date.now()) + 10;
  }, 'one sees more than it has counted itself');
  await eventually(
    () => two.hit('192.0.2.1/32', Date.now()) > one.hit('192.0.2.3/32', Date.now()),
    'and two',
  );
});

test('rate-limit windows begin at the same time on all gateways, whatever their clocks', async (t) => {
  const name = randomUUID();
  const ahead = new WindowClock();
  const right = ahead.now() - Date.now();
  ahead.origin += 20_000;
  const behind = new WindowClock(ahead.origin - 50_000);
  await member(t, name, redis.url, undefined, ahead);
  await member(t, name, redis.url, undefined, behind);
  for (const windows of [ahead, behind])
    await eventually(() => Math.abs(windows.now() - Date.now() - right) < 1000, 'by the clock of the store');
});

test('without the store each gateway continues alone; when it returns empty, nothing is lost or duplicated', async (t) => {
  const name = randomUUID();
  const first = await startRedis(t);
  const [a, b] = [await member(t, name, first.url), await member(t, name, first.url)];
  for (let i = 0; i < 4; i++) a.probe('192.0.2.1');
  a.ledger.add({ prefix: '192.0.2.4' });
  await eventually(
    () => b.ledger.isBanned('192.0.2.1/32') && b.ledger.isBanned('192.0.2.4/32'),
    'b has heard',
  );
  await eventually(() => a.fleet.health.backlog === 0, 'the events have left');

  await first.kill();
  await eventually(() => a.fleet.health.state === 'away' && b.fleet.health.state === 'away', 'both know');
  for (let i = 0; i < 4; i++) a.probe('192.0.2.2');
  for (let i = 0; i < 3; i++) b.probe('192.0.2.3');
  b.ledger.add({ prefix: '203.0.113.0/24' });
  b.ledger.remove('192.0.2.4');
  assert.equal(a.ledger.isBanned('192.0.2.2/32'), true);
  assert.equal(a.ledger.isBanned('192.0.2.4/32'), true);
  assert.equal(b.ledger.isBanned('192.0.2.2/32'), false);
  assert.deepEqual([a.fleet.health.backlog, b.fleet.health.backlog], [4, 3]);

  await first.restart();
  await eventually(
    () => a.fleet.health.state === 'connected' && b.fleet.health.state === 'connected',
    'both are back',
  );
  for (const one of [a, b]) {
    await eventually(() => one.ledger.isBanned('192.0.2.2/32'), 'the ban that a made alone');
    await eventually(() => one.ledger.isBanned('203.0.113.7/32'), 'the ban that b made alone');
    await eventually(() => !one.ledger.isBanned('192.0.2.4/32'), 'the pardon that b made alone');
    assert.equal(one.ledger.isBanned('192.0.2.1/32'), true, 'the one from before');
  }
  await eventually(() => a.fleet.health.backlog + b.fleet.health.backlog === 0, 'the events have left');
  assert.deepEqual(
    await streamed(a.store),
    new Map([
      ['192.0.2.2', 4],
      ['192.0.2.3', 3],
    ]),
  );
  // A fourth probe, on the other gateway: the probes counted during the outage count.
  a.probe('192.0.2.3');
  await eventually(() => b.ledger.isBanned('192.0.2.3/32'), 'counted together');
  const late = await member(t, name, first.url);
  await eventually(() => late.ledger.isBanned('192.0.2.1/32'), 'the empty store was filled again');
  // `away` is reported again when its cause is known.
  const changes = a.states.filter((state, index) => state !== a.states[index - 1]);
  assert.deepEqual(changes, ['joining', 'connected', 'away', 'joining', 'connected']);
});

test('a read-only store is retried with pauses, and gets everything once it accepts writes', async (t) => {
  const full = await startRedis(t, { args: ['--maxmemory', '1'] });
  const errors: unknown[] = [];
  const told: FleetHealth[] = [];
  const ledger = new BanLedger({
    after: 1,
    within: minute,
    for: [minute],
    exempt: new PrefixSet([]),
    clock: Date.now,
  });
  const store = new ValkeyStore({ url: full.url, remember: minute, onError: () => {} });
  const fleet = new Fleet({
    store,
    ledger,
    threshold: { after: 1, within: minute },
    clock: new FleetClock(),
    remember: minute,
    interval: 10,
    onState: (health) => told.push(health),
    onError: (error) => errors.push(error),
    onRefused: () => {},
  });
  t.after(() => fleet.close());
  await eventually(() => store.connected, 'connected');
  ledger.offend('192.0.2.1', 'connect');
  fleet.event(probeOf('192.0.2.1'));
  await eventually(() => told.length > 0, 'the refusal is reported');
  assert.equal(fleet.health.state, 'full');
  assert.equal(fleet.health.why, 'it is out of memory: raise its maxmemory');
  assert.equal(ledger.isBanned('192.0.2.1/32'), true);
  const { Redis } = await import('iovalkey');
  const client = new Redis(full.url);
  t.after(() => client.disconnect());
  // Commands and scripts are refused in different words.
  const refusals = async (): Promise<number> =>
    Number(/errorstat_OOM:count=(\d+)/.exec(await client.info('errorstats'))?.[1] ?? 0);
  await eventually(async () => (await refusals()) >= 5, 'several tries');
  await client.config('SET', 'maxmemory', '0');
  await eventually(() => fleet.health.state === 'connected' && fleet.health.backlog === 0, 'all is there');
  assert.equal((await client.keys('*ban:192.0.2.1/32')).length, 1);
  assert.deepEqual(errors, []);
  assert.deepEqual(
    told.map(({ state }) => state),
    ['full', 'connected'],
    'reported once, and never as unreachable',
  );
});
