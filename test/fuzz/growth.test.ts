/**
 * Time by size, for every parser that reads network input: if the time grows with the square of the input, one
 * client can stall all others with one request.
 */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { steepInputs } from './growth.ts';
import { targets } from './targets.ts';

suite('time grows no faster than the input', () => {
  for (const target of targets.filter(({ name }) => name !== 'config'))
    test(target.name, () => {
      const steep = steepInputs(target).map(
        ({ piece, before, time, ratio }) =>
          `${JSON.stringify(before.slice(-40))} + ${JSON.stringify(piece)}…: × ${ratio.toFixed(1)} for four times as much, ${time.toFixed(1)} ms`,
      );
      assert.deepEqual(steep, []);
    });

  test('a quadratic target is detected', () => {
    const run = (input: Buffer): string => {
      let sum = 0;
      for (let i = 0; i < input.length; i++) for (let j = 0; j < input.length; j += 16) sum ^= input[j]! + i;
      return String(sum);
    };
    const quadratic = { name: 'quadratic', seeds: [], words: ['a'], run };
    assert.ok(steepInputs(quadratic).length > 0);
  });
});
