/** Alerts by syslog, as a real rsyslog parses severity, name and text. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import type { AlertMessage } from '../../src/alerts/message.ts';
import { syslog } from '../../src/alerts/syslog.ts';
import { certificate, type TestCertificate } from '../support/certificate.ts';
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
  signed: 'signed',
  link: null,
  from: 'gate',
  facts: {},
  id: 'a1',
  title: '10,000 probes',
  lines: ['from 192.0.2.1', 'rule "connect"'],
};

/** The fields parsed by rsyslog, one line per message. */
const template =
  '%protocol-version%|%syslogfacility-text%|%syslogseverity-text%|%timereported:::date-rfc3339%|%app-name%|%msgid%|%structured-data%|%msg%\\n';

interface Rsyslog {
  readonly port: number;
  lines(): string[];
}

/** @param tls its certificate; null: UDP and plain TCP */
async function startRsyslog(owner: Owner, tls: TestCertificate | null): Promise<Rsyslog> {
  const dir = await tempDir(owner, 'rsyslog');
  const port = await freePort();
  const out = join(dir, 'out');
  const config = join(dir, 'rsyslog.conf');
  writeFileSync(
    config,
    `global(workDirectory="${dir}"${tls === null ? '' : ` defaultNetstreamDriver="ossl" defaultNetstreamDriverCAFile="${tls.cert}" defaultNetstreamDriverCertFile="${tls.cert}" defaultNetstreamDriverKeyFile="${tls.key}"`})
module(load="imtcp"${tls === null ? '' : ' streamDriver.name="ossl" streamDriver.mode="1" streamDriver.authMode="anon"'})
module(load="imudp")
template(name="fields" type="string" string="${template}")
ruleset(name="fields") { action(type="omfile" file="${out}" template="fields") }
input(type="imtcp" address="127.0.0.1" port="${port}" ruleset="fields")
${tls === null ? `input(type="imudp" address="127.0.0.1" port="${port}" ruleset="fields")` : ''}
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
  for (const transport of ['udp', 'tcp', 'tls'] as const) {
    const skip = transport === 'tls' && without('rsyslog-openssl');
    test(`are parsed into the right fields over ${transport}`, { skip }, async (t) => {
      const tls = transport === 'tls' ? await certificate(t, ['127.0.0.1']) : null;
      const rsyslog = await startRsyslog(t, tls);
      if (tls !== null) {
        const target = { transport, host: '127.0.0.1', port: rsyslog.port };
        await assert.rejects(syslog(target).send(message), /self-signed/, 'an untrusted certificate');
        trust(t, tls);
      }
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

/** As an operator does with NODE_EXTRA_CA_CERTS. */
function trust(owner: Owner, { cert }: TestCertificate): void {
  const before = getCACertificates('default');
  setDefaultCACertificates([...before, readFileSync(cert, 'utf8')]);
  owner.after(() => setDefaultCACertificates(before));
}
