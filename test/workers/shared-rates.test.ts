import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { SharedRates } from '../../src/program/workers/shared-rates.ts';

const count = (key: string, by: number) => ({ key, by, ttl: 1000 });

suite('counts of several workers', () => {
  test('are summed by key', () => {
    const rates = new SharedRates();
    assert.deepEqual(rates.add([count('a', 3), count('b', 1)], 0), [
      ['a', 3],
      ['b', 1],
    ]);
    assert.deepEqual(rates.add([count('a', 4)], 0), [['a', 7]]);
  });

  test("are reported to the fleet once, and return with other gateways' counts", () => {
    const rates = new SharedRates();
    rates.shares();
    rates.add([count('a', 3)], 0);
    const [share] = rates.shares();
    assert.deepEqual([share?.key, share?.by], ['a', 3]);
    share!.settle(10);
    assert.deepEqual(rates.shares(), []);
    assert.deepEqual(rates.add([count('a', 1)], 0), [['a', 11]]);
  });

  test('that could not be reported are reported again', () => {
    const rates = new SharedRates();
    rates.shares();
    rates.add([count('a', 3)], 0);
    rates.shares()[0]!.restore();
    rates.add([count('a', 2)], 0);
    assert.equal(rates.shares()[0]?.by, 5);
  });

  test('are forgotten after their lifetime', () => {
    const rates = new SharedRates();
    rates.add([count('a', 3)], 0);
    rates.add([count('b', 1)], 1001);
    assert.deepEqual(rates.add([count('a', 1)], 1001), [['a', 1]]);
  });
});
