import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { BackendHealth } from '../../src/forward/backend-health.ts';

const fail = (health: BackendHealth, times: number, now: number): boolean =>
  Array.from({ length: times }, () => health.failed(now)).some(Boolean);

suite('the health of a backend', () => {
  test('three failures in a row eject it for a second', () => {
    const health = new BackendHealth();
    assert.equal(fail(health, 2, 0), false);
    assert.equal(health.ejected(0), false);
    assert.equal(fail(health, 1, 0), true);
    assert.equal(health.ejected(999), true);
    assert.equal(health.ejected(1000), false);
  });

  test('an answer in between restarts the count', () => {
    const health = new BackendHealth();
    fail(health, 2, 0);
    health.succeeded(200);
    assert.equal(fail(health, 1, 0), false);
    health.succeeded(200);
    assert.equal(fail(health, 2, 0), false);
  });

  test('each failure on return doubles the ejection, up to a minute', () => {
    const health = new BackendHealth();
    fail(health, 3, 0);
    const times: number[] = [];
    for (let i = 0; i < 8; i++) {
      const back = health.ejectedUntil;
      assert.equal(health.failed(back), true);
      times.push(health.ejectedUntil - back);
    }
    assert.deepEqual(times, [2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000, 60_000]);
  });

  test('an answer makes the next ejection short again, and is its return once', () => {
    const health = new BackendHealth();
    fail(health, 3, 0);
    fail(health, 1, 1000);
    assert.deepEqual([health.succeeded(200), health.succeeded(200)], [true, false]);
    assert.equal(fail(health, 3, 10_000), true);
    assert.equal(health.ejectedUntil, 11_000);
  });

  test('a failure during an ejection does not extend it', () => {
    const health = new BackendHealth();
    fail(health, 3, 0);
    assert.equal(health.failed(500), false);
    assert.equal(health.ejectedUntil, 1000);
  });

  suite('by the active check', () => {
    const settling = { rise: 2, fall: 3 };
    const results = (health: BackendHealth, text: string): string =>
      [...text].map((one) => (health.checked(one === '+', settling) ? '!' : '.')).join('');

    test('`fall` failed checks in a row eject it, `rise` passed ones bring it back', () => {
      const health = new BackendHealth();
      assert.equal(results(health, '++--+--'), '.......');
      assert.equal(health.ejected(0), false);
      assert.equal(results(health, '-'), '!');
      assert.equal(health.ejected(1e9), true);
      assert.equal(results(health, '--+-+'), '.....');
      assert.equal(results(health, '+'), '!');
      assert.equal(health.ejected(0), false);
    });

    test('passing again ends an ejection caused by requests', () => {
      const health = new BackendHealth();
      results(health, '---');
      fail(health, 3, 0);
      assert.equal(results(health, '++'), '.!');
      assert.equal(health.ejected(0), false);
    });

    test('a removed check no longer counts', () => {
      const health = new BackendHealth();
      results(health, '---');
      health.unchecked();
      assert.equal(health.ejected(0), false);
      results(health, '--');
      health.unchecked();
      assert.equal(results(health, '-'), '.', 'nor do its failures');
    });
  });

  suite('its state', () => {
    test('is unknown before the first request', () => {
      assert.equal(new BackendHealth().state(0), 'unknown');
    });

    test('follows the last request or check', () => {
      const health = new BackendHealth();
      const after = (act: () => unknown): string => {
        act();
        return health.state(0);
      };
      assert.equal(
        after(() => health.succeeded(200)),
        'healthy',
      );
      assert.equal(
        after(() => health.failed(0)),
        'failing',
      );
      assert.equal(
        after(() => health.succeeded(404)),
        'healthy',
      );
      assert.equal(
        after(() => health.succeeded(500)),
        'failing',
      );
      assert.equal(
        after(() => health.checked(true, { rise: 1, fall: 2 })),
        'healthy',
      );
      assert.equal(
        after(() => health.checked(false, { rise: 1, fall: 2 })),
        'failing',
      );
      assert.equal(
        after(() => health.checked(false, { rise: 1, fall: 2 })),
        'ejected',
      );
    });

    test('is ejected during the ejection, then failing until it answers again', () => {
      const health = new BackendHealth();
      fail(health, 3, 0);
      assert.deepEqual(
        [health.state(0), health.state(999), health.state(1000)],
        ['ejected', 'ejected', 'failing'],
      );
      health.succeeded(200);
      assert.equal(health.state(1000), 'healthy');
    });
  });
});
