/** The real fail2ban and CrowdSec read what the real nginx and Apache log for every row of the corpus. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { coverageOf } from '../../src/export/coverage.ts';
import { targets } from '../../src/export/targets.ts';
import { without } from '../support/peers.ts';
import { probedRules, probesOf } from './catches.ts';
import { countAll, countedLegitimate, countedTable, counters, countingPeers } from './counted.ts';
import { page } from './table.ts';

test('log readers count exactly what the top of their export says', {
  skip: without(...countingPeers),
}, async (t) => {
  const all = await countAll(t);
  for (const one of all)
    assert.deepEqual(countedLegitimate(one), [], `${one.counter.title}, ${one.server.title}`);
  for (const { target, title } of counters) {
    const { coverages } = targets[target];
    for (const rule of probedRules) {
      const [extent] = coverageOf(coverages, rule);
      const probes = probesOf(rule);
      const counts = all
        .filter(({ counter }) => counter.target === target)
        .map(({ rows }) => probes.filter((row) => rows.has(row)).length);
      if (extent === 'all') assert.equal(Math.min(...counts), probes.length, `${title}, ${rule}`);
      if (extent === 'part') assert.ok(Math.max(...counts) > 0, `${title}, ${rule}`);
      if (rule === 'tls-on-plaintext') assert.equal(Math.max(...counts), 0, `${title}, ${rule}`);
    }
  }
  assert.ok(readFileSync(page, 'utf8').includes(`\n${countedTable(all)}\n`), 'node test/export/table.ts');
});
