/** Which backend of a site gets a request, and what is reported about it. */
import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import { suite, test } from 'node:test';
import { Backend, BackendGroup } from '../../src/forward/backend-group.ts';
import { Pool } from '../../src/forward/pool.ts';

const bounds = { maxConnections: 2, maxQueue: 1, queueTimeout: 2000, idle: 60_000 };

/** A group of backends that are never dialled. */
function group(size: number) {
  const backends = Array.from({ length: size }, (_, i) => {
    const address = { kind: 'tcp', host: `backend-${i}.invalid`, port: 1 } as const;
    const pool = new Pool(address, { connect: 2000, headers: 2000, body: 2000, ...bounds });
    return new Backend(pool, 1);
  });
  const told: string[] = [];
  const made = new BackendGroup(backends, {
    balance: 'round-robin',
    health: null,
    onChange: (backend, healthy, why) => told.push(`${backends.indexOf(backend)} ${healthy} ${why}`),
  });
  const picked = (
    times: number,
    not: number | null = null,
    client: EventEmitter | null = null,
  ): Set<number> =>
    new Set(
      Array.from({ length: times }, () =>
        backends.indexOf(made.pick(not === null ? [] : [backends[not]!], client, '192.0.2.1')),
      ),
    );
  const fail = (i: number, times: number): void => {
    for (let n = 0; n < times; n++) made.failed(backends[i]!, 'it is away');
  };
  return { made, backends, told, picked, fail };
}

suite('the backends of a site', () => {
  test('a single one gets every request, ejected or not', () => {
    const { picked, fail } = group(1);
    fail(0, 3);
    assert.deepEqual(picked(3), new Set([0]));
    assert.deepEqual(picked(1, 0), new Set([0]));
  });

  test('share requests, except one that has just failed this request', () => {
    const { picked } = group(3);
    assert.deepEqual(picked(6), new Set([0, 1, 2]));
    assert.deepEqual(picked(6, 1), new Set([0, 2]));
  });

  test('get no requests while ejected; the ejection and the return are reported once each', () => {
    const { made, backends, picked, fail, told } = group(3);
    fail(1, 4);
    assert.deepEqual(picked(6), new Set([0, 2]));
    assert.deepEqual(told, ['1 false it is away']);
    made.succeeded(backends[1]!, 200);
    made.succeeded(backends[1]!, 200);
    assert.deepEqual(told.slice(1), ['1 true answers requests again']);
  });

  test('all ejected: the one whose ejection ends first is tried', () => {
    const { picked, fail } = group(3);
    for (const [i, times] of [3, 3, 3].entries()) fail(i, times);
    assert.deepEqual(picked(3), new Set([0]));
    assert.deepEqual(picked(3, 0), new Set([1]));
  });

  test('all ejected, and one has just failed this request: another one is tried', () => {
    const { picked, fail } = group(2);
    for (const i of [0, 1]) fail(i, 3);
    assert.deepEqual(picked(3, 0), new Set([1]));
  });

  test('all have failed this request: one is tried again', () => {
    const { made, backends } = group(2);
    assert.ok(backends.includes(made.pick(backends, null, '192.0.2.1')));
  });

  test('a status above 499 does not eject', () => {
    const { made, backends, picked, told } = group(2);
    for (let i = 0; i < 10; i++) made.succeeded(backends[0]!, 500);
    assert.deepEqual(picked(4), new Set([0, 1]));
    assert.deepEqual(told, []);
    assert.equal(backends[0]!.health.state(performance.now()), 'failing');
  });

  test('a client stays where it has logged in, unless that backend is ejected', (t) => {
    const { backends, picked, fail } = group(3);
    const client = new EventEmitter();
    t.mock.method(backends[2]!.pool, 'keepsFor', (who: EventEmitter) => who === client);
    assert.deepEqual(picked(6, null, client), new Set([2]));
    assert.deepEqual(picked(6, null, new EventEmitter()), new Set([0, 1, 2]));
    assert.deepEqual(picked(6, 2, client), new Set([0, 1]));
    fail(2, 3);
    assert.deepEqual(picked(6, null, client), new Set([0, 1]));
  });
});
