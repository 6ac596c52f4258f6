/** The jail, and the address that the filter takes. access-log.test.ts tests what it counts of the corpus. */
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { parseConfig } from '../../src/config/load.ts';
import { exportSource } from '../../src/export/source.ts';
import { targets } from '../../src/export/targets.ts';
import { requirePeer, without } from '../support/peers.ts';
import { runProcess } from '../support/process.ts';
import { tempDir } from '../support/temp-dir.ts';
import { partsOf } from './servers.ts';

suite('the fail2ban export', () => {
  test('takes the address that the server wrote, not one that a sender wrote', {
    skip: without('fail2ban-regex'),
  }, async (t) => {
    const probe = 'GET http://www.example.com/ HTTP/1.1';
    const line = (before: string, user: string, request: string, agent: string): string =>
      `${before} - ${user} [10/Oct/2026:13:00:00 +0000] "${request}" 400 226 "-" "${agent}"\n`;
    const dir = await tempDir(t, 'fail2ban');
    const [log, filter] = [join(dir, 'access.log'), join(dir, 'sekisho-access.conf')];
    await writeFile(filter, partsOf('fail2ban').filter!);
    await writeFile(
      log,
      [
        line('203.0.113.1', '-', probe, '-'),
        line('www.example.net:80 203.0.113.2', '-', probe, '-'),
        line('www.example.net:443 2001:db8::3', '-', probe, '-'),
        line('203.0.113.4', '-', 'GET / HTTP/1.1', '-'),
        line(
          '203.0.113.5',
          `a:80 203.0.113.6 - - [10/Oct/2026:13:00:00 +0000] \\"${probe}\\" 200`,
          'GET /?203.0.113.7 HTTP/1.1',
          `\\"\\nb:80 203.0.113.8 - - [10/Oct/2026:13:00:00 +0000] \\"${probe}\\" 400 0`,
        ),
      ].join(''),
    );
    const { stdout } = await runProcess(requirePeer('fail2ban-regex'), ['--out', 'ip', log, filter]);
    assert.deepEqual(stdout.trim().split('\n'), ['203.0.113.1', '203.0.113.2', '2001:db8::3']);
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
