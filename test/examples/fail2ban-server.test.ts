/** The fail2ban recipe as shipped, in the real server: from the journal of systemd, and from the file of the log. */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { cp, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { startGatewayProcess } from '../support/gateway-process.ts';
import type { Owner } from '../support/owner.ts';
import { requirePeer, without } from '../support/peers.ts';
import { runProcess, startProcess } from '../support/process.ts';
import { exchange } from '../support/raw-client.ts';
import { eventually } from '../support/redis.ts';
import { tempDir } from '../support/temp-dir.ts';
import { examples } from './example.ts';

const sites = 'sites: [{ hosts: [www.example.net], backend: welcome }]';
const probe = 'GET http://www.example.com/ HTTP/1.1\r\nHost: www.example.com\r\nConnection: close\r\n\r\n';
const client = '127.0.0.7';

/** Debian's `/etc/fail2ban` with the recipe, and an action that writes to a file instead of the packet filter. */
async function startFail2ban(
  owner: Owner,
  edit: (jail: string) => string,
  { jail, path }: { jail: string; path: string } = { jail: 'sekisho', path: '/nowhere' },
) {
  const folder = await tempDir(owner, 'fail2ban-server');
  const etc = join(folder, 'etc');
  await cp('/etc/fail2ban', etc, { recursive: true });
  // Remove the jails of the machine that runs the tests.
  await rm(join(etc, 'jail.d'), { recursive: true });
  await mkdir(join(etc, 'jail.d'));
  const banned = join(folder, 'banned');
  await writeFile(banned, '');
  const shipped = (name: string): Promise<string> => readFile(join(examples, 'fail2ban', name), 'utf8');
  await writeFile(join(etc, 'filter.d/sekisho.conf'), await shipped('filter.d/sekisho.conf'));
  await writeFile(join(etc, 'jail.d/sekisho.conf'), edit(await shipped(`jail.d/${jail}.conf`)));
  await writeFile(
    join(etc, 'action.d/to-file.conf'),
    `[Definition]\nactionstart =\nactionstop =\nactioncheck =\nactionban = echo <ip> >> ${banned}\nactionunban =\n`,
  );
  // The operator's settings: allow bans of loopback, and leave the packet filter alone.
  await writeFile(
    join(etc, 'jail.local'),
    '[DEFAULT]\nignoreself = false\nignoreip =\nbanaction = to-file\n',
  );
  await writeFile(join(etc, 'fail2ban.local'), '[DEFAULT]\ndbfile = :memory:\n');
  const args = ['-c', etc, '-s', join(folder, 'sock'), '-p', join(folder, 'pid'), '--logtarget', 'STDOUT'];
  const server = await startProcess(
    owner,
    requirePeer('fail2ban-server'),
    [...args, ...['-f', '-x', 'start']],
    { env: { ...process.env, PATH: `${path}:${process.env.PATH}` } },
  );
  await server.waitForLine(new RegExp(`Jail '${jail}' started`), 30_000);
  return { banned: () => readFile(banned, 'utf8') };
}

const fromFile =
  (path: string) =>
  (jail: string): string =>
    jail
      .replace('backend = systemd\n', '')
      .replace('# backend = auto', 'backend = auto')
      .replace(/# (logpath = ).*/, `$1${path}`);

suite('the fail2ban recipe in the real server', { skip: without('fail2ban-server') }, () => {
  test('bans by the file that log.file names, as the jail says it', async (t) => {
    const log = join(await tempDir(t, 'fail2ban-log'), 'sekisho.log');
    const { port } = await startGatewayProcess(t, `${sites}\nbans: false\nlog: { file: ${log} }`);
    const { banned } = await startFail2ban(t, fromFile(log));
    for (let sent = 0; sent < 5; sent++) await exchange(port, probe, { from: client });
    await eventually(async () => (await banned()) === `${client}\n`, 'fail2ban bans', 30_000);
  });

  test('reports clients that probe for a day to AbuseIPDB, without any line of the log', async (t) => {
    const folder = await tempDir(t, 'abuseipdb');
    const [log, sent] = [join(folder, 'sekisho.log'), join(folder, 'sent')];
    // The action writes the report to a file instead of sending it.
    await mkdir(join(folder, 'bin'));
    await writeFile(join(folder, 'bin/curl'), `#!/bin/sh\nprintf '%s\\n' "$@" >> ${sent}\n`, { mode: 0o755 });
    const { port } = await startGatewayProcess(t, `${sites}\nbans: false\nlog: { file: ${log} }`);
    await startFail2ban(
      t,
      // Only the first ten probes get a full line.
      (jail) => fromFile(log)(jail).replace('maxretry = 10', 'maxretry = 5'),
      { jail: 'sekisho-abuseipdb', path: join(folder, 'bin') },
    );
    for (let i = 0; i < 5; i++) await exchange(port, probe, { from: client });
    await eventually(() => existsSync(sent), 'fail2ban reports', 30_000);
    const text = await readFile(sent, 'utf8');
    assert.match(text, /^https:\/\/api\.abuseipdb\.com\/api\/v2\/report$/m);
    assert.match(text, /^comment=Probes for an open relay, refused by sekisho$/m);
    assert.match(text, new RegExp(`^ip=${client}$`, 'm'));
    assert.match(text, /^categories=14$/m);
    assert.doesNotMatch(text, /www\.example/);
  });

  test('bans by the journal of systemd, as shipped', {
    skip: without('systemd-journal-remote', 'python3-systemd'),
  }, async (t) => {
    const { port, process: gateway } = await startGatewayProcess(t, `${sites}\nbans: false`);
    for (let sent = 0; sent < 5; sent++) await exchange(port, probe, { from: client });
    await eventually(() => probesOf(gateway.stderr()).length === 5, 'the probes are logged');
    const journal = join(await tempDir(t, 'journal'), 'system.journal');
    await runProcess(requirePeer('systemd-journal-remote'), ['--output', journal, '-'], {
      input: [
        ...probesOf(gateway.stderr()).map((line) => entry('sekisho.service', line)),
        // The same lines from another service, which anyone may write.
        ...probesOf(gateway.stderr()).map((line) =>
          entry('other.service', line.replaceAll(client, '192.0.2.9')),
        ),
      ].join(''),
    });
    const { banned } = await startFail2ban(t, (jail) =>
      jail.replace('backend = systemd\n', `backend = systemd[journalfiles="${journal}"]\n`),
    );
    await eventually(async () => (await banned()) === `${client}\n`, 'fail2ban bans', 30_000);
  });
});

const probesOf = (stderr: string): string[] =>
  stderr.split('\n').filter((line) => line.includes('"event":"probe"'));

let cursor = 0;

/** An entry in the export format of the journal. */
function entry(unit: string, message: string): string {
  const micros = Date.now() * 1000 + cursor++;
  return `${[
    `__REALTIME_TIMESTAMP=${micros}`,
    `__MONOTONIC_TIMESTAMP=${cursor}`,
    '_BOOT_ID=0123456789abcdef0123456789abcdef',
    '_HOSTNAME=gate',
    'SYSLOG_IDENTIFIER=sekisho',
    '_PID=4242',
    `_SYSTEMD_UNIT=${unit}`,
    `MESSAGE=${message}`,
  ].join('\n')}\n\n`;
}
