/** The jail. What the filter counts is tested in access-log.test.ts. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { parseConfig } from '../../src/config/load.ts';
import { exportSource } from '../../src/export/source.ts';
import { targets } from '../../src/export/targets.ts';

suite('the fail2ban export', () => {
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
