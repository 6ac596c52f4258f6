import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { balance, type Candidate } from '../../src/forward/balance.ts';

interface Named extends Candidate {
  readonly name: string;
  load: number;
}

const candidate = (name: string, weight = 1, load = 0): Named => ({ name, weight, load });

suite('balance', () => {
  test('round robin: each in turn', () => {
    const all = [candidate('a'), candidate('b'), candidate('c')];
    const pick = balance<Named>('round-robin');
    const picked = Array.from({ length: 6 }, () => pick(all, '192.0.2.1').name);
    assert.deepEqual([...picked].sort(), ['a', 'a', 'b', 'b', 'c', 'c']);
    assert.deepEqual(picked.slice(0, 3), picked.slice(3));
  });

  test('weighted: spreads the heavy one, as nginx does', () => {
    const all = [candidate('a', 5), candidate('b', 1), candidate('c', 1)];
    const pick = balance<Named>('weighted');
    assert.equal(Array.from({ length: 7 }, () => pick(all, '192.0.2.1').name).join(''), 'aabacaa');
  });

  test('weighted: keeps the shares when one leaves and returns', () => {
    const all = [candidate('a', 2), candidate('b', 1)];
    const pick = balance<Named>('weighted');
    for (let i = 0; i < 10; i++) assert.equal(pick(all.slice(1), '192.0.2.1').name, 'b');
    const names = Array.from({ length: 30 }, () => pick(all, '192.0.2.1').name);
    assert.equal(names.filter((name) => name === 'a').length, 20);
  });

  test('least connections: load relative to weight', () => {
    const pick = balance<Named>('least-connections');
    assert.equal(pick([candidate('a', 1, 2), candidate('b', 1, 1)], '192.0.2.1').name, 'b');
    assert.equal(pick([candidate('a', 4, 2), candidate('b', 1, 1)], '192.0.2.1').name, 'a');
    assert.equal(pick([candidate('a'), candidate('b')], '192.0.2.1').name, 'a');
  });

  test('client hash: clients stay, shares follow the weights, and only the clients of a lost backend move', () => {
    const all = [candidate('a', 2), candidate('b'), candidate('c')];
    const clients = Array.from({ length: 4000 }, (_, i) => `192.0.${i >> 8}.${i & 255}`);
    const met = (among: readonly Named[]) => {
      const pick = balance<Named>('client-hash');
      return clients.map((client) => pick(among, client).name);
    };
    const before = met(all);
    assert.deepEqual(met([...all].reverse()), before);
    const share = (name: string) => before.filter((one) => one === name).length / clients.length;
    assert.ok(Math.abs(share('a') - 0.5) < 0.05 && Math.abs(share('b') - 0.25) < 0.05, `${share('a')}`);
    const without = met(all.slice(1));
    for (const [i, name] of before.entries()) if (name !== 'a') assert.equal(without[i], name);
    const pick = balance<Named>('client-hash');
    const own = new Set([1, 2, 3, 4, 5, 6, 7, 8].map((i) => pick(all, `2001:db8:1:2::${i}`).name));
    assert.equal(own.size, 1, 'the addresses of one /64 are one client');
  });
});
