/** Secrets of the config and of visitors must not appear anywhere others can read. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { eventually } from '../support/eventually.ts';
import { freePort } from '../support/free-port.ts';
import { root } from '../support/gateway-process.ts';
import { startProcess } from '../support/process.ts';
import { exchange } from '../support/raw-client.ts';
import { recordingBackend } from '../support/recording-backend.ts';
import { tempDir } from '../support/temp-dir.ts';

const skip = process.platform === 'linux' ? false : 'reads /proc';

test('no secret appears in the log, the process list or the journal', { skip }, async (t) => {
  const backend = await recordingBackend(t);
  const [port, admin] = [await freePort(), await freePort()];
  const dir = await tempDir(t, 'secrets');
  const config = join(dir, 'sekisho.yaml');
  const yaml = `listen: ["127.0.0.1:${port}"]
workers: 2
sites: [{ hosts: [www.example.net], backend: "${backend.url}" }]
bans: { after: 3 }
admin: { listen: "127.0.0.1:${admin}", token: s3cretofadminlistener }
journal: { path: journal.db }
alerts:
  webhook: { url: "http://127.0.0.1:1/s3cretofwebhookurl", secret: s3cretofwebhooksignature }
  mail: { smarthost: "smtp://user:s3cretofmail@127.0.0.1:1", from: a@example.net, to: [b@example.net] }
log: { level: debug, access: true }
`;
  await writeFile(config, yaml);
  const gateway = await startProcess(
    t,
    process.execPath,
    [join(root, 'src/cli.ts'), 'start', '--config', config],
    { cwd: dir },
  );
  await gateway.waitForLine(/^listening http /m, 30_000);
  const authorization = `Proxy-Authorization: Basic ${Buffer.from('visitor:s3cretofvisitor').toString('base64')}\r\n`;
  const more = `${authorization}Authorization: Bearer s3cretofbearer\r\nCookie: session=s3cretofcookie\r\n`;
  for (const target of ['http://www.example.com/', 'http://user:s3cretinurl@www.example.com/', '/'])
    await exchange(port, `GET ${target} HTTP/1.1\r\nHost: www.example.com\r\n${more}\r\n`);
  await exchange(port, `CONNECT mail.example.com:25 HTTP/1.1\r\nHost: mail.example.com:25\r\n${more}\r\n`);
  await fetch(`http://127.0.0.1:${admin}/api/summary`, {
    headers: { authorization: 'Bearer s3cretthatiswrong' },
  });
  await exchange(port, `GET / HTTP/1.1\r\nHost: www.example.net\r\n${more}\r\n`, { until: 1 });
  await eventually(() => /ECONNREFUSED|alert/i.test(gateway.stderr()), 'alerts were tried', 15_000);
  // A fault next to each secret must not show its value.
  await writeFile(config, yaml.replaceAll('s3cret', 's3cret of ').replace('smtp://', 'nosuch://'));
  gateway.signal('SIGHUP');
  await gateway.waitForLine(/the previous one stays in force/);

  const pids = [gateway.pid, ...childrenOf(gateway.pid)];
  assert.equal(pids.length, 3, 'two workers');
  const places = new Map<string, string>([
    ['stdout', gateway.stdout()],
    ['stderr', gateway.stderr()],
    ...pids.flatMap((pid): [string, string][] =>
      ['cmdline', 'environ'].map((file) => [
        `${file} of ${pid}`,
        readFileSync(`/proc/${pid}/${file}`, 'latin1'),
      ]),
    ),
  ]);
  await gateway.stop();
  const journal = readdirSync(dir).filter((file) => file.startsWith('journal.db'));
  assert.ok(journal.length > 0);
  for (const file of journal) places.set(file, readFileSync(join(dir, file), 'latin1'));
  assert.ok(
    [...places.values()].some((text) => text.includes('mail.example.com')),
    'probes are recorded',
  );
  const base64 = Buffer.from('s3cretofvisitor').toString('base64').slice(2, 14);
  for (const [place, text] of places) {
    // The operator is shown the admin token at start only if it was generated.
    const at = text.search(new RegExp(`s3cret|${base64}`));
    assert.equal(at, -1, `${place}: ${text.slice(Math.max(0, at - 80), at + 60)}`);
  }
});

const childrenOf = (pid: number): number[] =>
  readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean).map(Number);
