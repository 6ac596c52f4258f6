import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { Standing } from '../../src/forward/standing.ts';

const fail = (standing: Standing, times: number, now: number): boolean =>
  Array.from({ length: times }, () => standing.failed(now)).some(Boolean);

suite('the standing of a backend', () => {
  test('three failures in a row leave it out for a second', () => {
    const standing = new Standing();
    assert.equal(fail(standing, 2, 0), false);
    assert.equal(standing.fit(0), true);
    assert.equal(fail(standing, 1, 0), true);
    assert.equal(standing.fit(999), false);
    assert.equal(standing.fit(1000), true);
  });

  test('an answer in between starts the count anew', () => {
    const standing = new Standing();
    fail(standing, 2, 0);
    standing.succeeded();
    assert.equal(fail(standing, 2, 0), false);
  });

  test('one that fails again on its return is left out twice as long, up to a minute', () => {
    const standing = new Standing();
    fail(standing, 3, 0);
    const times: number[] = [];
    for (let i = 0; i < 8; i++) {
      const back = standing.ejectedUntil;
      assert.equal(standing.failed(back), true);
      times.push(standing.ejectedUntil - back);
    }
    assert.deepEqual(times, [2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000, 60_000]);
  });

  test('a failure of a request that was under way at the ejection does not lengthen it', () => {
    const standing = new Standing();
    fail(standing, 3, 0);
    assert.equal(standing.failed(500), false);
    assert.equal(standing.ejectedUntil, 1000);
  });

  test('the active check overrules', () => {
    const standing = new Standing();
    standing.checked(false);
    assert.equal(standing.fit(1e9), false);
    fail(standing, 3, 0);
    standing.checked(true);
    assert.equal(standing.fit(0), true);
  });
});
