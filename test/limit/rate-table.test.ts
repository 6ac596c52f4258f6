import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RateTable } from '../../src/limit/rate-table.ts';

const table = (over: Partial<ConstructorParameters<typeof RateTable>[0]> = {}) =>
  new RateTable({ name: 'all', max: 10, timeWindow: 1000, ...over });

test('counts each client separately, and from zero in each window', () => {
  const counts = table();
  assert.deepEqual([counts.hit('a', 5000), counts.hit('a', 5999), counts.hit('b', 5999)], [1, 2, 1]);
  assert.equal(counts.left(5999), 1);
  assert.deepEqual([counts.hit('a', 6000), counts.left(6000)], [1, 1000]);
});

test('memory is bounded with 100,000 clients in a window, and an active client is not forgotten', () => {
  const counts = table({ capacity: 1000 });
  let last = 0;
  for (let i = 0; i < 100_000; i++) {
    counts.hit(`client ${i}`, 0);
    if (i % 400 === 0) last = counts.hit('persistent', 0);
    assert.ok(counts.size <= 1000);
  }
  assert.equal(last, 250);
});

test('two tables that share counts see the sum, each change shared once', () => {
  const store = new Map<string, number>();
  const exchange = (of: RateTable) => {
    for (const { key, by, settle } of of.shares()) {
      store.set(key, (store.get(key) ?? 0) + by);
      settle(store.get(key)!);
    }
  };
  const [a, b] = [table(), table()];
  exchange(a);
  exchange(b);
  for (let i = 0; i < 4; i++) a.hit('x', 100);
  for (let i = 0; i < 3; i++) b.hit('x', 100);
  exchange(a);
  exchange(b);
  assert.deepEqual(store, new Map([['all:0:x', 7]]));
  assert.equal(b.hit('x', 200), 8);
  assert.equal(a.hit('x', 200), 5, 'a does not know of it yet');
  exchange(b);
  exchange(a);
  assert.equal(a.hit('x', 300), 10);
  assert.equal(a.shares().length, 1);
  assert.equal(a.shares().length, 0);
  a.hit('x', 1000);
  assert.equal(a.shares()[0]!.key, 'all:1:x', 'the next window is counted separately');
});

test('a failed share is shared later', () => {
  const counts = table();
  counts.shares();
  counts.hit('x', 0);
  counts.hit('x', 0);
  const [share] = counts.shares();
  assert.equal(share!.by, 2);
  counts.hit('x', 0);
  share!.restore();
  assert.deepEqual(
    counts.shares().map(({ by }) => by),
    [3],
  );
});

test('a client far from its limit is not shared', () => {
  const counts = table({ max: 320 });
  counts.shares();
  for (let i = 0; i < 9; i++) counts.hit('x', 0);
  assert.equal(counts.shares().length, 0);
  counts.hit('x', 0);
  assert.deepEqual(
    counts.shares().map(({ by }) => by),
    [10],
  );
});
