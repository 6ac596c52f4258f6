/** The connections to one backend: how many, and who gets one. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { poolKey, tick } from '../../src/forward/bounded-pool.ts';
import { eventually } from '../support/eventually.ts';
import { answering, pool } from './pool-peer.ts';

suite('a pool', () => {
  test('gives an idle connection to the next exchange', async (t) => {
    const { served, backend } = await pool(t);
    const [first, second] = [await served(), await served()];
    assert.equal(second.connection, first.connection);
    assert.equal(backend.connections.length, 1);
  });

  test('opens at most maxConnections, queues at most maxQueue, and fails the rest', async (t) => {
    const { take, pool: made } = await pool(t);
    const all = [take(), take(), take(), take()];
    assert.deepEqual(
      all.map(({ seen }) => seen),
      [['connection'], ['connection'], [], ['failure 503']],
    );
    assert.equal(made.load, 3);
    all[0]!.ask();
    await eventually(() => all[2]!.connection === all[0]!.connection, 'the one that waits is next');
    assert.equal(made.load, 2);
  });

  test('keeps an idle connection when another one breaks', async (t) => {
    const { served, take, pool: made } = await pool(t);
    const idle = await served();
    const [reused, broken] = [take(), take()];
    reused.ask();
    await eventually(() => reused.seen.includes('answer ok'), 'one is idle again');
    broken.connection!.destroy();
    assert.equal(made.load, 0);
    assert.equal((await served()).connection, idle.connection);
  });

  test('keeps an idle connection for `idle`, then closes it', async (t) => {
    const { now } = performance;
    let later = 1e6;
    t.mock.method(performance, 'now', () => now.call(performance) + later);
    const { served } = await pool(t);
    const { connection } = await served();
    await setTimeout(3 * tick);
    assert.equal(connection!.idle, true);
    later += 61_000;
    await eventually(() => !connection!.idle, 'it is closed');
  });

  test('stops its timer once it is closed and empty', async (t) => {
    const cleared = t.mock.method(globalThis, 'clearInterval').mock;
    const { served, pool: made } = await pool(t);
    await served();
    made.close();
    await eventually(() => cleared.callCount() > 0, 'the timer is stopped');
  });

  test('names its backend in failures', async (t) => {
    const { pool: made, backend } = await pool(t);
    assert.equal(made.name, `127.0.0.1:${backend.port}`);
  });

  test('forgets an exchange that leaves the queue', async (t) => {
    const { take, pool: made } = await pool(t, answering, { maxConnections: 1 });
    const [first, second] = [take(), take()];
    made.leave(second);
    const third = take();
    first.ask();
    await eventually(() => third.connection !== null, 'the third is next');
    assert.deepEqual(second.seen, []);
  });

  test('fails an exchange that waits too long with 503', async (t) => {
    const { take, pool: made } = await pool(t, () => {}, { maxConnections: 1, queueTimeout: 1 });
    // The timer goes on without connections.
    await setTimeout(2 * tick);
    take();
    const second = take();
    await eventually(() => second.seen.join() === 'failure 503', 'it is sent away');
    assert.equal(made.load, 1, 'it waits no more');
  });

  test('opens a connection for a queued exchange when another closes', async (t) => {
    const { take, backend } = await pool(t, answering, { maxConnections: 1 });
    const [first, second] = [take(), take()];
    first.connection!.destroy();
    assert.deepEqual(second.seen, ['connection']);
    assert.notEqual(second.connection, first.connection);
    second.ask();
    await eventually(() => second.seen.includes('answer ok'), 'it works');
    assert.ok(backend.connections.length <= 2);
  });

  test('closes idle connections at once, and the others after their exchange', async (t) => {
    const { take, served, pool: made } = await pool(t);
    const idle = await served();
    const [busy, other] = [take(), take()];
    other.ask();
    await eventually(() => other.seen.includes('answer ok'), 'one is idle again');
    made.close();
    assert.equal(other.connection!.idle, false);
    busy.ask();
    await eventually(
      () => busy.seen.includes('answer ok') && !busy.connection!.idle,
      'it is answered, and ends',
    );
    assert.equal(busy.connection, idle.connection);
  });
});

test('the key of a pool has everything that configures its connections', () => {
  const bounds = { maxConnections: 1, maxQueue: 2, queueTimeout: 3, idle: 4 };
  const tls = { servername: 'a', ca: undefined, verify: true, own: undefined };
  const address = { kind: 'tls', host: 'a', port: 1, tls } as const;
  const keys = [
    poolKey(address, bounds),
    poolKey({ ...address, tls: { ...tls, verify: false } }, bounds),
    poolKey({ ...address, tls: { ...tls, ca: 'x' } }, bounds),
    poolKey({ ...address, tls: { ...tls, servername: 'b' } }, bounds),
    poolKey({ ...address, tls: { ...tls, own: { cert: 'x', key: 'y' } } }, bounds),
    poolKey({ ...address, port: 2 }, bounds),
    poolKey({ ...address, http2: true }, bounds),
    poolKey({ kind: 'tcp', host: 'a', port: 1 }, bounds),
    poolKey({ kind: 'tcp', host: 'a', port: 1, http2: true }, bounds),
    poolKey({ kind: 'unix', path: 'a:1' }, bounds),
    ...Object.keys(bounds).map((name) => poolKey(address, { ...bounds, [name]: 9 })),
  ];
  assert.equal(new Set(keys).size, keys.length);
  assert.equal(poolKey({ ...address, tls: { ...tls } }, { ...bounds }), keys[0]);
});
