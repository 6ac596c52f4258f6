/** Alerts by syslog, as a real rsyslog reads them: what it took for severity, name and text, not what we meant. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import type { AlertMessage } from '../../src/alerts/message.ts';
import { syslog } from '../../src/alerts/syslog.ts';
import { eventually } from '../support/eventually.ts';
import { freePort } from '../support/free-port.ts';
import type { Owner } from '../support/owner.ts';
import { requirePeer, without } from '../support/peers.ts';
import { startProcess } from '../support/process.ts';
import { tempDir } from '../support/temp-dir.ts';

const message: AlertMessage = {
  level: 'trouble',
  time: Date.UTC(2026, 0, 2, 3, 4, 5, 678),
  kind: 'rate',
  from: 'gate',
  facts: {},
  id: 'a1',
  title: '10,000 probes',
  lines: ['from 192.0.2.1', 'rule "connect"'],
};

/** What rsyslog made of a message, a line each. */
const template =
  '%protocol-version%|%syslogfacility-text%|%syslogseverity-text%|%timereported:::date-rfc3339%|%app-name%|%msgid%|%structured-data%|%msg%\\n';

interface Rsyslog {
  readonly port: number;
  lines(): string[];
}

async function startRsyslog(owner: Owner): Promise<Rsyslog> {
  const dir = await tempDir(owner, 'rsyslog');
  const port = await freePort();
  const out = join(dir, 'out');
  const config = join(dir, 'rsyslog.conf');
  writeFileSync(
    config,
    `global(workDirectory="${dir}")
module(load="imtcp")
module(load="imudp")
template(name="told" type="string" string="${template}")
ruleset(name="told") { action(type="omfile" file="${out}" template="told") }
input(type="imtcp" address="127.0.0.1" port="${port}" ruleset="told")
input(type="imudp" address="127.0.0.1" port="${port}" ruleset="told")
`,
  );
  const child = await startProcess(owner, requirePeer('rsyslogd'), [
    '-n',
    '-f',
    config,
    '-i',
    join(dir, 'pid'),
  ]);
  await child.waitForPort(port);
  return {
    port,
    lines: () => (existsSync(out) ? readFileSync(out, 'utf8').split('\n').filter(Boolean) : []),
  };
}

suite('alerts in a real rsyslog', { skip: without('rsyslogd') }, () => {
  for (const transport of ['udp', 'tcp'] as const) {
    test(`over ${transport}, every part where it belongs`, async (t) => {
      const rsyslog = await startRsyslog(t);
      await syslog({ transport, host: '127.0.0.1', port: rsyslog.port }).send(message);
      await eventually(() => rsyslog.lines().length > 0, 'rsyslog has written the message');
      assert.deepEqual(
        rsyslog.lines().map((line) => line.split('|')),
        [
          [
            '1',
            'authpriv',
            'warning',
            '2026-01-02T03:04:05.678Z',
            'sekisho',
            'rate',
            '[sekisho@32473 id="a1" kind="rate" level="trouble"]',
            '10,000 probes; from 192.0.2.1; rule "connect"',
          ],
        ],
      );
    });
  }
});
