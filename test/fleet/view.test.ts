/** What a gateway shows of the others: their names and states, and their events. */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { Redis } from 'iovalkey';
import { pino } from 'pino';
import { parseConfig } from '../../src/config/load.ts';
import { Journal } from '../../src/events/journal.ts';
import { FleetJournal, readEvent } from '../../src/fleet/fleet-journal.ts';
import { startClientPlane } from '../../src/program/bans-and-fleet.ts';
import { startControlPlane } from '../../src/program/control-plane.ts';
import { probeOf } from '../support/probe-event.ts';
import { eventually, startRedis } from '../support/redis.ts';
import { tempDir } from '../support/temp-dir.ts';
import { type Member, member } from './member.ts';

const redis = await startRedis({ after });
const client = new Redis(redis.url);
after(() => client.disconnect());

test("one journal has all gateways' events, each once, also across restarts", async (t) => {
  const name = randomUUID();
  const path = join(await tempDir(t, 'fleet-journal'), 'sekisho.db');
  const [a, b] = [await member(t, name, redis.url), await member(t, name, redis.url)];
  const errors: unknown[] = [];
  const keeper = (of: Member) => {
    const journal = new Journal({ path, keep: 36_500 * 86_400_000, maxSize: 2 ** 30 });
    const fleet = of.fleet;
    const reader = new FleetJournal({
      fleet: () => fleet,
      journal: () => journal,
      onError: (error) => errors.push(error),
      interval: 20,
    });
    return {
      count: async () =>
        (await journal.page({}, 1000, null)).events.map(({ client, count, listener }) => [
          client,
          count,
          listener,
        ]),
      reader,
      close: async () => {
        await reader.close();
        await journal.close();
      },
    };
  };
  for (let i = 0; i < 3; i++) b.fleet.event(probeOf('192.0.2.1'));
  a.fleet.event(probeOf('192.0.2.2'));
  const first = keeper(a);
  t.after(() => first.close());
  await eventually(async () => (await first.count()).length > 0, 'taken in');
  // Invalid entries are skipped.
  for (const event of ['', '{}', '{"event":{"client":7},"count":1}', 'x'.repeat(10_000)])
    await client.xadd(`{${name}}:events`, '*', 'source', 'x', 'event', event);
  await eventually(() => first.reader.skipped === 4, 'skipped');
  assert.deepEqual(
    await first.count(),
    [['192.0.2.1', 3, 'a member: http 127.0.0.1:80']],
    "the gateway's own events are in its journal already",
  );
  await first.close();
  b.fleet.event(probeOf('192.0.2.3'));
  await eventually(() => b.fleet.health.backlog === 0, 'the events are sent');
  const second = keeper(a);
  t.after(() => second.close());
  await eventually(async () => (await second.count()).length === 2, 'the one that came meanwhile');
  assert.equal(
    (await second.count()).reduce((sum, [, count]) => sum + Number(count), 0),
    4,
  );
  assert.deepEqual(errors, []);
});

test('the reader of the events waits for fleet and journal, and goes on after an error', async (t) => {
  const name = randomUUID();
  const path = join(await tempDir(t, 'fleet-journal'), 'sekisho.db');
  const { fleet } = await member(t, name, redis.url);
  const journal = new Journal({ path, keep: 36_500 * 86_400_000, maxSize: 2 ** 30 });
  const given: { fleet: typeof fleet | null; journal: Journal | null } = { fleet: null, journal: null };
  const errors: unknown[] = [];
  let asked = 0;
  const reader = new FleetJournal({
    fleet: () => {
      asked++;
      return given.fleet;
    },
    journal: () => given.journal,
    onError: (error) => errors.push(error),
    interval: 5,
  });
  t.after(async () => {
    await reader.close();
    await journal.close();
  });
  const later = async () => {
    const before = asked;
    await eventually(() => asked > before + 2, 'it asks again');
  };
  await later();
  given.fleet = fleet;
  await later();
  Object.assign(given, { fleet: null, journal });
  await later();
  assert.deepEqual(errors, []);
  await client.set(`{${name}}:events`, 'of a wrong type');
  given.fleet = fleet;
  await eventually(() => errors.length > 0, 'the error is reported');
  await later();
  assert.equal(errors.length, 1, 'once');
  await client.del(`{${name}}:events`);
  const event = JSON.stringify({ event: probeOf('192.0.2.1'), count: 2, gateway: 'edge-2' });
  await client.xadd(`{${name}}:events`, '*', 'source', 'another', 'event', event);
  const rows = await eventually(async () => {
    const { events } = await journal.page({}, 10, null);
    return events.length > 0 ? events : undefined;
  }, 'it is taken in');
  assert.deepEqual(
    rows.map(({ client, count }) => [client, count]),
    [['192.0.2.1', 2]],
  );
});

test('an entry of the stream is validated', () => {
  const text = (over: object, more: object = {}) =>
    JSON.stringify({
      event: { ...probeOf('192.0.2.1'), ...over },
      count: 2,
      last: 1_700_000_000_500,
      gateway: 'edge-1',
      ...more,
    });
  const now = 1_800_000_000_000;
  const row = readEvent(text({}), now)!;
  assert.deepEqual([row.listener, row.prefix, row.count], ['edge-1: http 127.0.0.1:80', '192.0.2.1/32', 2]);
  assert.equal(readEvent(text({ why: '\u001b[2J' }), now)!.why, '?[2J');
  for (const over of [
    { rule: 'no-such-rule' },
    { client: 'x' },
    { time: -1 },
    { action: 'drop' },
    { answer: {} },
    { why: 7 },
  ])
    assert.equal(readEvent(text(over), now), null, JSON.stringify(over));
  for (const count of [1e300, 2 ** 53 - 1, 1e9 + 1, 1.5, 0, '2'])
    assert.equal(readEvent(text({}, { count }), now), null, `${count}`);
  assert.equal(readEvent(text({}, { count: 1e9 }), now)!.count, 1e9);
  const times = (time: number, last: number) => {
    const read = readEvent(text({ time }, { last }), now)!;
    return [read.time, read.last];
  };
  assert.deepEqual(times(now - 5, now - 2), [now - 5, now - 2]);
  assert.deepEqual(times(now - 5, 8.64e15), [now - 5, now], 'no event is of the future');
  assert.deepEqual(times(8.64e15, 8.64e15), [now, now]);
  assert.deepEqual(times(now - 5, 0), [now - 5, now - 5], 'none ends before it begins');
});

test('forged entries with great numbers and times leave the summary readable', async (t) => {
  const path = join(await tempDir(t, 'forged'), 'sekisho.db');
  const journal = new Journal({ path, keep: 36_500 * 86_400_000, maxSize: 2 ** 30 });
  t.after(() => journal.close());
  const now = Date.now();
  const forged = [2 ** 53 - 1, 2 ** 53 - 1, 1e9, 1e9].map((count, index) =>
    JSON.stringify({ event: { ...probeOf(`192.0.2.${index}`), time: 8.64e15 }, count }),
  );
  const rows = forged.flatMap((text) => readEvent(text, now) ?? []);
  await journal.takeIn(rows, { name: 'fleet', value: '1' });
  const { total } = await journal.summary(now - 3_600_000, now + 1);
  assert.equal(total, 2e9);
  const { events } = await journal.page({}, 10, null);
  assert.ok(events.every(({ first, last }) => first <= now && last <= now));
});

test('gateways that were forged with impossible times are shown without one, and forgotten', async (t) => {
  const name = randomUUID();
  const real = await member(t, name, redis.url);
  const forged = ['+inf', '-inf', '9e99', '1e16', String(Date.now() + 60_000)];
  for (const [index, seen] of forged.entries()) {
    await client.hset(`{${name}}:gateways`, `forged-${index}`, '{"name":{}}');
    await client.zadd(`{${name}}:seen`, seen, `forged-${index}`);
  }
  for (const { seen } of await real.fleet.gateways()) assert.ok(!Number.isNaN(new Date(seen).getTime()));
  const ids = async () => (await real.fleet.gateways()).map(({ self }) => self);
  await eventually(async () => (await ids()).join() === 'true', 'only the real one is left');
});

test('every dashboard shows all gateways: name, version, state, last seen', async (t) => {
  const name = randomUUID();
  const config = parseConfig(
    `listen: ["127.0.0.1:0"]
sites: [{ hosts: ["www.example.net"], backend: welcome }]
admin: { listen: "127.0.0.1:0", token: 0123456789abcdef0123456789abcdef }
alerts: { name: edge-1, webhook: "http://127.0.0.1:9/" }
fleet: { valkey: "${redis.url}", name: ${name} }
`,
    '.',
  );
  const log = pino({ level: 'silent' });
  const clients = await startClientPlane(config, { log, journal: null });
  t.after(() => clients.close());
  const control = await startControlPlane(config, {
    log,
    counters: () => [],
    bans: clients.bans,
    fleet: () => clients.fleet,
  });
  t.after(() => control.close());
  await eventually(() => clients.fleet!.health.state === 'connected', 'connected');
  const other = await member(t, name, redis.url);
  const url = control.listeners[0]!.replace('admin ', '');
  const ask = async () => {
    const answer = await fetch(`${url}/api/fleet`, {
      headers: { authorization: 'Bearer 0123456789abcdef0123456789abcdef' },
    });
    return (await answer.json()) as { fleet: { gateways: number }; gateways: Record<string, unknown>[] };
  };
  const seen = await eventually(async () => {
    const answer = await ask();
    return answer.gateways.length === 2 && answer.gateways.every(({ state }) => state === 'connected')
      ? answer
      : undefined;
  }, 'both are there');
  const [own] = seen.gateways.filter(({ self }) => self);
  assert.equal(own!.name, 'edge-1');
  assert.match(String(own!.version), /^\d+\.\d+/);
  assert.ok(Math.abs(Date.parse(String(own!.seen)) - Date.now()) < 10_000);
  await client.hset(`{${name}}:gateways`, 'liar', JSON.stringify({ name: '\u001b[2J', version: 7 }));
  await client.zadd(`{${name}}:seen`, Date.now() - 60_000, 'liar');
  const [liar] = (await ask()).gateways.filter(({ id }) => id === 'liar');
  assert.deepEqual([liar!.name, liar!.version, liar!.state], ['?[2J', '?', 'gone']);
  await other.fleet.close();
  await eventually(async () => (await ask()).gateways.length === 2, 'one that left is not shown');
});
