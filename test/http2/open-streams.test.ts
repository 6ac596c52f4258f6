import assert from 'node:assert/strict';
import { test } from 'node:test';
import { OpenStreams } from '../../src/h2/open-streams.ts';
import { oldGarbage } from '../support/old-garbage.ts';

function opened(...ids: number[]): OpenStreams<string> {
  const streams = new OpenStreams<string>();
  for (const id of ids) streams.add(id, `stream ${id}`);
  return streams;
}

test('streams open and close in any order', () => {
  const streams = opened(1, 3, 5);
  assert.equal(streams.get(3), 'stream 3');
  assert.equal(streams.delete(1), true);
  assert.equal(streams.delete(1), false, 'it is closed already');
  assert.equal(streams.get(1), undefined);
  assert.deepEqual([streams.get(3), streams.get(5), streams.size], ['stream 3', 'stream 5', 2]);
  assert.equal(streams.delete(5), true);
  assert.deepEqual([streams.get(3), streams.get(5), streams.size], ['stream 3', undefined, 1]);
  streams.clear();
  assert.deepEqual([streams.get(3), streams.size], [undefined, 0]);
});

test('each open stream is visited once, whatever a visit closes', () => {
  const streams = opened(1, 3, 5, 7);
  const visited: number[] = [];
  streams.each((_, id) => {
    visited.push(id);
    if (id === 1) streams.delete(5);
    streams.delete(id);
  });
  assert.deepEqual(visited, [1, 3, 7]);
  assert.equal(streams.size, 0);
});

test('closed streams are not promoted to the old generation, as those of a Map are', () => {
  const map = new Map<number, object>();
  assert.ok(
    oldGarbage(
      (one) => map.set(one.id, one),
      ({ id }) => map.delete(id),
    ) > 1e6,
  );
  const streams = new OpenStreams<object>();
  const grown = oldGarbage(
    (one) => streams.add(one.id, one),
    ({ id }) => streams.delete(id),
  );
  assert.ok(grown < 1e5, `${grown} bytes`);
});
