/** The filter, run by the real fail2ban over what the real nginx and Apache log of every row of the corpus. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { suite, test } from 'node:test';
import { parseConfig } from '../../src/config/load.ts';
import { coverageOf } from '../../src/export/coverage.ts';
import { exportSource } from '../../src/export/source.ts';
import { targets } from '../../src/export/targets.ts';
import { without } from '../support/peers.ts';
import { probedRules, probesOf } from './catches.ts';
import { type Counted, countedIn, countedLegitimate, countedTable, loggingServers } from './counted.ts';
import { page } from './table.ts';

suite('the fail2ban export', () => {
  test('counts what its head says, and nobody else', {
    skip: without('fail2ban-regex', ...loggingServers.map(({ peer }) => peer)),
  }, async (t) => {
    const all: Counted[] = [];
    for (const server of loggingServers) all.push(await countedIn(t, server));
    for (const one of all) assert.deepEqual(countedLegitimate(one), [], one.server.title);
    for (const rule of probedRules) {
      const [extent] = coverageOf(targets.fail2ban.coverages, rule);
      const probes = probesOf(rule);
      const counts = all.map(({ rows }) => probes.filter((row) => rows.has(row)).length);
      if (extent === 'all') assert.ok(Math.min(...counts) === probes.length, rule);
      if (extent === 'part') assert.ok(Math.max(...counts) > 0, rule);
      if (rule === 'tls-on-plaintext') assert.equal(Math.max(...counts), 0, rule);
    }
    assert.ok(readFileSync(page, 'utf8').includes(`\n${countedTable(all)}\n`), 'node test/export/table.ts');
  });

  test('the jail has the bans of the config, and its allow-list', () => {
    const jail = (bans: string): string =>
      targets.fail2ban.parts(
        exportSource(
          parseConfig(
            `listen: ["127.0.0.1:8080"]\nsites: [{ hosts: [a.example], backend: welcome }]\nbans: ${bans}\n`,
            '.',
          ),
        ),
      )[1]!.text;
    const text = jail('{ after: 3, within: 5m, for: [10m, 1h], allow: [192.0.2.0/24] }');
    for (const line of [
      'enabled = true',
      'maxretry = 3',
      'findtime = 300',
      'bantime = 600',
      'bantime.multipliers = 1 6',
      'ignoreip = 127.0.0.1/8 ::1 192.0.2.0/24',
    ])
      assert.ok(text.split('\n').includes(line), line);
    assert.match(jail('false'), /^enabled = false$/m);
  });
});
