import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EventBacklog } from '../../src/fleet/event-backlog.ts';
import { probeOf } from '../support/probe-event.ts';

test('events are numbered in order without gaps, and stay until they have arrived', () => {
  const backlog = new EventBacklog();
  for (let i = 0; i < 5; i++) backlog.add(probeOf(`192.0.2.${i}`));
  const { first, events } = backlog.head(3);
  assert.equal(first, 1);
  assert.deepEqual(
    events.map(({ event }) => event.client),
    ['192.0.2.0', '192.0.2.1', '192.0.2.2'],
  );
  assert.equal(backlog.head(3).first, 1);
  backlog.done(2);
  assert.deepEqual([backlog.head(10).first, backlog.size], [3, 3]);
  backlog.done(2);
  assert.equal(backlog.size, 3, 'a repeated confirmation removes nothing more');
});

test('a long backlog folds similar events, then drops the oldest, and counts every event', () => {
  const backlog = new EventBacklog(100);
  for (let i = 0; i < 50; i++) backlog.add(probeOf(`10.0.0.${i}`));
  for (let i = 0; i < 1000; i++) backlog.add(probeOf(`192.0.2.${i % 10}`, { time: i }));
  assert.equal(backlog.size, 60);
  const folded = backlog.head(100).events.slice(50);
  assert.deepEqual([folded[3]!.count, folded[3]!.event.time, folded[3]!.last], [100, 3, 993]);
  for (let i = 0; i < 200; i++) backlog.add(probeOf(`10.0.1.${i}`));
  assert.equal(backlog.size, 100);
  const kept = backlog.head(100).events.reduce((sum, { count }) => sum + count, 0);
  assert.equal(kept + backlog.lost, 1250);
});

test('events being sent are not folded into', () => {
  const backlog = new EventBacklog(2);
  backlog.add(probeOf('10.0.0.1'));
  backlog.add(probeOf('192.0.2.1'));
  const { events } = backlog.head(2);
  const sent = JSON.stringify(events);
  backlog.add(probeOf('192.0.2.1'));
  assert.equal(JSON.stringify(events), sent);
});
