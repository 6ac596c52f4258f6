/** Real relays on loopback: `scan` finds the relayed probes in their logs. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { chmod, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { type ApacheServer, openProxyApache, plainApache } from '../support/apache.ts';
import { freePort } from '../support/free-port.ts';
import { carelessNginx } from '../support/nginx.ts';
import type { Owner } from '../support/owner.ts';
import { needs, requirePeer } from '../support/peers.ts';
import { startProcess } from '../support/process.ts';
import { exchange } from '../support/raw-client.ts';
import { tempDir } from '../support/temp-dir.ts';
import { scanned } from './scanned.ts';

/** A third party with pages of different sizes. */
async function startPages(owner: Owner): Promise<{ authority: string; asked: string[] }> {
  const sizes: Record<string, number> = { '/': 3000, '/small': 900, '/middle': 5000, '/large': 20_000 };
  const asked: string[] = [];
  const server = createServer((req, res) => {
    asked.push(req.url!);
    res.end('x'.repeat(sizes[req.url!] ?? 700));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  owner.after(() => server.close());
  return { authority: `127.0.0.1:${(server.address() as AddressInfo).port}`, asked };
}

const paths = ['/', '/small', '/middle', '/large'];
const head = 'HTTP/1.1\r\nHost: third.example\r\nConnection: close\r\n\r\n';

async function relayThrough(proxy: number, authority: string): Promise<void> {
  for (const path of paths) await exchange(proxy, [`GET http://${authority}${path} ${head}`]);
  for (const path of paths) {
    await exchange(
      proxy,
      [`CONNECT ${authority} HTTP/1.1\r\nHost: ${authority}\r\n\r\n`, `GET ${path} ${head}`],
      { gap: 100 },
    );
  }
}

/** Stops Apache once its log is complete: Apache logs a tunnel when both ends are closed. */
async function stopAfter(apache: ApacheServer, lines: number): Promise<void> {
  const signal = AbortSignal.timeout(20_000);
  while ((await apache.accessLog.lines()).length < lines) {
    if (signal.aborted) throw new Error(`the log has no ${lines} lines in 20 s`);
    await delay(20);
  }
  await apache.process.stop();
}

const outcomesOf = (findings: Awaited<ReturnType<typeof scanned>>['findings'], technique: string): string[] =>
  findings.filter((f) => f.technique === technique).map((f) => f.outcome);

test('Apache as an open proxy: relayed probes are likely-relayed', async (t) => {
  if (!needs(t, 'apache2')) return;
  const third = await startPages(t);
  const apache = await openProxyApache(t);
  for (const path of ['/', '/nothing', '/1k.txt', '/']) await exchange(apache.port, [`GET ${path} ${head}`]);
  await relayThrough(apache.port, third.authority);
  assert.equal(third.asked.length, 2 * paths.length);
  await stopAfter(apache, 4 + 2 * paths.length);
  const { findings } = await scanned([apache.accessLog.path]);
  assert.deepEqual(
    outcomesOf(findings, 'absolute'),
    paths.map(() => 'likely-relayed'),
  );
  assert.deepEqual(
    outcomesOf(findings, 'connect'),
    paths.map(() => 'likely-relayed'),
  );
  for (const { rule, intent } of findings) {
    assert.ok(rule === 'connect' || rule === 'absolute-form-foreign');
    assert.equal(intent, 'loopback');
  }
});

test('Apache as an open proxy with a declared name: its other ports are foreign too', async (t) => {
  if (!needs(t, 'apache2')) return;
  const third = await startPages(t);
  const apache = await openProxyApache(t);
  await exchange(apache.port, [`GET / ${head}`]);
  await relayThrough(apache.port, third.authority);
  await stopAfter(apache, 1 + 2 * paths.length);
  const { findings } = await scanned([apache.accessLog.path], { hosts: ['127.0.0.1'] });
  assert.deepEqual(
    outcomesOf(findings, 'absolute-port'),
    paths.map(() => 'likely-relayed'),
  );
});

test('Apache as a web server: the same probes are local or refused', async (t) => {
  if (!needs(t, 'apache2')) return;
  const third = await startPages(t);
  const apache = await plainApache(t);
  for (const path of ['/', '/nothing', '/']) await exchange(apache.port, [`GET ${path} ${head}`]);
  await relayThrough(apache.port, third.authority);
  assert.deepEqual(third.asked, []);
  await stopAfter(apache, 3 + 2 * paths.length);
  const { findings, tally } = await scanned([apache.accessLog.path]);
  assert.deepEqual(outcomesOf(findings, 'absolute'), ['local', 'refused', 'refused', 'refused']);
  assert.equal(tally.outcomes['likely-relayed'] + tally.outcomes.unclear, 0);
});

test('Apache logs header bytes, which distinguish HEADs of own and foreign pages', async (t) => {
  if (!needs(t, 'apache2')) return;
  const third = await startPages(t);
  for (const [start, outcome] of [
    [plainApache, 'local'],
    [openProxyApache, 'unclear'],
  ] as const) {
    const apache = await start(t);
    await exchange(apache.port, [`HEAD / ${head}`]);
    await exchange(apache.port, [`HEAD http://${third.authority}/ ${head}`]);
    await stopAfter(apache, 2);
    const { findings } = await scanned([apache.accessLog.path]);
    assert.deepEqual(outcomesOf(findings, 'absolute'), [outcome], findings[0]!.why);
  }
});

test('nginx that forwards to any host: the error log proves what the access log leaves open', async (t) => {
  if (!needs(t, 'nginx')) return;
  const nginx = await carelessNginx(t);
  // It serves its own pages under this name.
  await exchange(nginx.port, ['GET / HTTP/1.1\r\nHost: www.example.net\r\nConnection: close\r\n\r\n']);
  await exchange(nginx.port, [
    'GET http://www.example.com/ HTTP/1.1\r\nHost: www.example.com\r\nConnection: close\r\n\r\n',
  ]);
  await nginx.process.stop();
  const [accessOnly, withErrors] = await Promise.all([
    scanned([nginx.accessLog.path]),
    scanned([nginx.accessLog.path, nginx.errorLog.path]),
  ]);
  const shown = ({ findings }: typeof accessOnly): string[] =>
    findings.map((f) => `${f.target} ${f.status} ${f.outcome} ${f.confidence}`);
  assert.deepEqual(shown(accessOnly), ['http://www.example.com/ 502 attempted medium']);
  assert.deepEqual(shown(withErrors), ['http://www.example.com/ 502 attempted high']);
  assert.match(withErrors.findings[0]!.why, /error log says so: www\.example\.com could not be resolved/);
});

test('tinyproxy: the log says which probes were relayed and which failed', async (t) => {
  if (!needs(t, 'tinyproxy')) return;
  const third = await startPages(t);
  const dir = await tempDir(t, 'tinyproxy');
  const port = await freePort();
  const log = join(dir, 'tinyproxy.log');
  await writeFile(
    join(dir, 'tinyproxy.conf'),
    `Port ${port}\nListen 127.0.0.1\nTimeout 20\nLogFile "${log}"\nLogLevel Info\nMaxClients 20\nAllow 127.0.0.1\nDisableViaHeader Yes\n`,
  );
  const child = await startProcess(t, requirePeer('tinyproxy'), ['-d', '-c', join(dir, 'tinyproxy.conf')]);
  await child.waitForPort(port);
  await relayThrough(port, third.authority);
  await exchange(port, [`GET http://127.0.0.1:1/ ${head}`]);
  await child.stop();
  assert.equal(third.asked.length, 2 * paths.length);
  const { findings, files } = await scanned([log], { now: Date.now() });
  assert.equal(files[0]!.format, 'tinyproxy');
  assert.deepEqual(
    outcomesOf(findings, 'connect'),
    paths.map(() => 'likely-relayed'),
  );
  assert.deepEqual(outcomesOf(findings, 'absolute'), [...paths.map(() => 'likely-relayed'), 'attempted']);
});

test('squid: the log says which probes were relayed and which were denied', async (t) => {
  if (!needs(t, 'squid')) return;
  const third = await startPages(t);
  const dir = await tempDir(t, 'squid');
  const port = await freePort();
  const log = join(dir, 'access.log');
  const config = join(dir, 'squid.conf');
  await writeFile(
    config,
    [
      `http_port 127.0.0.1:${port}`,
      `acl closed port 1`,
      'http_access deny closed',
      'http_access allow all',
      'cache deny all',
      `access_log stdio:${log}`,
      `cache_log ${join(dir, 'cache.log')}`,
      `pid_filename ${join(dir, 'squid.pid')}`,
      `coredump_dir ${dir}`,
      'shutdown_lifetime 0 seconds',
      'netdb_filename none',
      'pinger_enable off',
      '',
    ].join('\n'),
  );
  // Started as root, squid switches to the user `proxy`, which needs access to the directory.
  await chmod(dir, 0o777);
  const child = await startProcess(t, requirePeer('squid'), [
    '-N',
    // Shared memory is called by the service: two squids of one name cannot run at once.
    '-n',
    `scan${process.pid}`,
    '-f',
    config,
  ]);
  await child.waitForPort(port, 30_000);
  await relayThrough(port, third.authority);
  await exchange(port, [`GET http://127.0.0.1:1/ ${head}`]);
  await child.stop();
  const { findings, files } = await scanned([log]);
  assert.equal(files[0]!.format, 'squid');
  assert.deepEqual(
    outcomesOf(findings, 'connect'),
    paths.map(() => 'likely-relayed'),
  );
  assert.deepEqual(outcomesOf(findings, 'absolute'), [...paths.map(() => 'likely-relayed'), 'refused']);
});
