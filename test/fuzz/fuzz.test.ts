/** Every target for a moment, and every known crasher. For longer runs: `npm run fuzz`. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { crashers } from './crashers.ts';
import { fuzz, mostGrowth } from './fuzz.ts';
import { tooSlow } from './fuzz-thread.ts';
import { Mutator } from './mutator.ts';
import { targets } from './targets.ts';

suite('fuzzing', () => {
  for (const { name } of targets) {
    test(`${name} reads any input`, async () => {
      const { crashes, growth, inputs } = await fuzz(name, 20_260_101, 1000);
      assert.deepEqual(crashes, []);
      assert.ok(growth < mostGrowth, `the heap grew by ${growth}`);
      assert.ok(inputs > 10, `${inputs} inputs`);
    });
  }

  test('the same seed gives the same inputs', () => {
    const inputs = () => {
      const mutator = new Mutator(targets[0]!, 7);
      return Array.from({ length: 2000 }, () => {
        const input = mutator.next();
        mutator.read(input, String(input.length));
        return input.toString('latin1');
      });
    };
    assert.deepEqual(inputs(), inputs());
  });

  for (const [i, { target, input, error }] of crashers().entries()) {
    test(`${target}, crasher ${i + 1} (${error})`, () => {
      const start = performance.now();
      targets.find(({ name }) => name === target)!.run(Buffer.from(input, 'base64'));
      assert.ok(performance.now() - start < tooSlow * 5, 'it takes no time');
    });
  }
});
