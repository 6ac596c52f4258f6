/** A worker's copy of the bans. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Ban } from '../../src/bans/ban.ts';
import { BanMirror } from '../../src/bans/ban-mirror.ts';

const ban = (prefix: string, over: Partial<Ban> = {}): Ban => ({
  ...{ prefix, since: 0, until: 2000, changed: 0, level: 1, by: 'probes', reason: 'connect' },
  ...over,
});

test('text that is no prefix is not banned', () => {
  const mirror = new BanMirror({ clock: () => 1000 });
  for (const text of ['', 'unix:', 'example.net']) assert.equal(mirror.isBanned(text), false, text);
});

test('a mirror keeps as many bans as its capacity', () => {
  const mirror = new BanMirror({ clock: () => 1000, capacity: 2 });
  for (const [at, prefix] of ['192.0.2.1/32', '192.0.2.2/32', '192.0.2.3/32'].entries())
    mirror.apply({ kind: 'added', ban: ban(prefix, { until: 2000 + at }) });
  const banned = [1, 2, 3].map((last) => mirror.isBanned(`192.0.2.${last}/32`));
  assert.deepEqual(banned, [false, true, true], 'the one that ends first made room');
});

test('a ban that has ended makes no room for itself in a mirror', () => {
  const mirror = new BanMirror({ clock: () => 1000, capacity: 2 });
  for (const prefix of ['192.0.2.1/32', '192.0.2.2/32']) mirror.apply({ kind: 'added', ban: ban(prefix) });
  mirror.apply({ kind: 'removed', ban: ban('192.0.2.3/32', { until: 1000, level: 0 }) });
  assert.deepEqual([mirror.isBanned('192.0.2.1/32'), mirror.isBanned('192.0.2.2/32')], [true, true]);
});

test('a ban in a mirror ends by the clock', () => {
  const time = { now: 1999 };
  const mirror = new BanMirror({ clock: () => time.now });
  mirror.apply({ kind: 'added', ban: ban('192.0.2.1/32') });
  assert.equal(mirror.isBanned('192.0.2.1/32'), true);
  time.now = 2000;
  assert.equal(mirror.isBanned('192.0.2.1/32'), false);
});
