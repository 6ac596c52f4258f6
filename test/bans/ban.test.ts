import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { type Ban, forever, readBan, reasonLimit, supersedes } from '../../src/bans/ban.ts';

const valid: Ban = {
  prefix: '192.0.2.1/32',
  since: 0,
  until: forever,
  changed: 1000,
  level: 255,
  by: 'operator',
  reason: 'scan',
};

suite('readBan', () => {
  test('returns a valid ban, without other fields', () => {
    assert.deepEqual(readBan({ ...valid, other: 1 }), valid);
    assert.deepEqual(readBan({ ...valid, level: 0, by: 'probes' }), { ...valid, level: 0, by: 'probes' });
  });

  test('makes the reason printable and bounds it', () => {
    assert.equal(readBan({ ...valid, reason: 'a\n\x1b[31mé' })?.reason, 'a??[31m?');
    assert.equal(readBan({ ...valid, reason: 'x'.repeat(1000) })?.reason.length, reasonLimit);
  });

  const times = [-1, forever + 1, 0.5, Number.NaN, '1', null];
  // The table stores the level in one byte: 256 would be a pardon.
  const invalid: Readonly<Record<keyof Ban, readonly unknown[]>> = {
    prefix: [undefined, 5],
    since: times,
    until: times,
    changed: times,
    level: [-1, 256, 1.5, '1', null],
    by: ['nobody', '', null],
    reason: [undefined, 5],
  };
  for (const [field, values] of Object.entries(invalid))
    for (const value of values)
      test(`refuses ${field}: ${JSON.stringify(value)}`, () =>
        assert.equal(readBan({ ...valid, [field]: value }), null));

  test('refuses what is not an object', () => {
    for (const value of [null, undefined, 'text', 5]) assert.equal(readBan(value), null);
  });
});

test('the later decision supersedes, and of two at the same time the longer ban', () => {
  const known = { changed: 1000, until: 5000 };
  assert.equal(supersedes({ changed: 1001, until: 1 }, known), true);
  assert.equal(supersedes({ changed: 999, until: 9000 }, known), false);
  assert.equal(supersedes({ changed: 1000, until: 5001 }, known), true);
  assert.equal(supersedes({ changed: 1000, until: 5000 }, known), false);
});
