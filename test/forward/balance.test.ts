import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { balance, type Candidate } from '../../src/forward/balance.ts';

interface Named extends Candidate {
  readonly name: string;
  load: number;
}

const candidate = (name: string, weight = 1, load = 0): Named => ({ name, weight, load });

suite('balance', () => {
  test('round robin gives each its turn', () => {
    const all = [candidate('a'), candidate('b'), candidate('c')];
    const pick = balance<Named>('round-robin');
    const picked = Array.from({ length: 6 }, () => pick(all).name);
    assert.deepEqual([...picked].sort(), ['a', 'a', 'b', 'b', 'c', 'c']);
    assert.deepEqual(picked.slice(0, 3), picked.slice(3));
  });

  test('weighted spreads the heavy one, as nginx does', () => {
    const all = [candidate('a', 5), candidate('b', 1), candidate('c', 1)];
    const pick = balance<Named>('weighted');
    assert.equal(Array.from({ length: 7 }, () => pick(all).name).join(''), 'aabacaa');
  });

  test('weighted keeps its shares when one leaves and comes back', () => {
    const all = [candidate('a', 2), candidate('b', 1)];
    const pick = balance<Named>('weighted');
    for (let i = 0; i < 10; i++) assert.equal(pick(all.slice(1)).name, 'b');
    const names = Array.from({ length: 30 }, () => pick(all).name);
    assert.equal(names.filter((name) => name === 'a').length, 20);
  });

  test('least connections reckons the load by weight', () => {
    const pick = balance<Named>('least-connections');
    assert.equal(pick([candidate('a', 1, 2), candidate('b', 1, 1)]).name, 'b');
    assert.equal(pick([candidate('a', 4, 2), candidate('b', 1, 1)]).name, 'a');
    assert.equal(pick([candidate('a'), candidate('b')]).name, 'a');
  });
});
