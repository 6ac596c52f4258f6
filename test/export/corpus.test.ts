/** Every row of the corpus, sent to the real servers with their exports. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { coverageOf } from '../../src/export/coverage.ts';
import { targets } from '../../src/export/targets.ts';
import { without } from '../support/peers.ts';
import { probedRules, probesOf } from './catches.ts';
import { servers } from './servers.ts';
import { falseAlarms, type Measured, measure, table, tableInPage } from './table.ts';

suite('exports in the real servers', () => {
  const measured: Measured[] = [];
  for (const server of servers) {
    test(`${server.title} refuses exactly what the top of its export says`, {
      skip: without(server.peer),
    }, async (t) => {
      const one = await measure(t, server);
      measured.push(one);
      assert.deepEqual(falseAlarms(one), []);
      const { coverages } = targets[server.target];
      for (const rule of probedRules) {
        const probes = probesOf(rule);
        const missed = probes.filter((probe) => !one.exported.refused.has(probe)).map(({ id }) => id);
        const [extent] = coverageOf(coverages, rule);
        if (extent === 'all') assert.deepEqual(missed, [], rule);
        if (extent === 'part') assert.ok(missed.length < probes.length, rule);
      }
    });
  }

  test('the how-to page has these figures', { skip: without(...servers.map(({ peer }) => peer)) }, () => {
    assert.equal(tableInPage(), table(measured));
  });
});
