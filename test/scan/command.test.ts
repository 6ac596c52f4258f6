/** The `sekisho scan` command: output, options and exit codes. */
import assert from 'node:assert/strict';
import { appendFile, readFile, rename, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { test } from 'node:test';
import { runProcess, startProcess } from '../support/process.ts';
import { tempDir } from '../support/temp-dir.ts';

const cli = resolve(import.meta.dirname, '../../src/cli.ts');
const scan = (args: readonly string[], input = '') =>
  runProcess(process.execPath, [cli, 'scan', ...args], { input });

const line = (client: string, request: string, status: number, bytes: number, minute = 0): string =>
  `${client} - - [10/Oct/2024:18:${String(minute).padStart(2, '0')}:01 +0000] "${request} HTTP/1.1" ${status} ${bytes} "http://www.example.net/" "Mozilla/5.0"\n`;
const honest =
  line('192.0.2.7', 'GET /', 200, 2890) +
  line('198.51.100.1', 'GET http://www.yahoo.com/', 200, 2890) +
  line('198.51.100.1', 'CONNECT mx.example.com:25', 405, 309);
const relaying =
  '1166789012.123 507 192.0.2.7 TCP_MISS/200 1234 GET http://example.com/ - HIER_DIRECT/198.51.100.1 text/html\n';

test('--json: one object per finding with the documented fields on stdout, the report on stderr', async () => {
  const { code, stdout, stderr } = await scan(['--json', '-'], honest);
  assert.equal(code, 0);
  const findings = stdout
    .trim()
    .split('\n')
    .map((text) => JSON.parse(text));
  assert.equal(findings.length, 2);
  assert.deepEqual(
    Object.keys(findings[0]),
    'file line time client rule technique target intent status bytes outcome confidence why'.split(' '),
  );
  assert.deepEqual(
    findings.map((f) => [f.rule, f.intent, f.outcome]),
    [
      ['absolute-form-foreign', 'web', 'local'],
      ['connect', 'mail-relay', 'refused'],
    ],
  );
  assert.match(
    stderr,
    /^No relay succeeded: 1 CONNECT \(refused\), 1 foreign URL \(answered from your own pages\)\./,
  );
});

test('the text report: the verdict first, then tables, a timeline and advice', async () => {
  const { code, stdout } = await scan(['-'], honest);
  assert.equal(code, 0);
  assert.match(stdout, /^No relay succeeded/);
  for (const part of ['By technique', 'By outcome', 'By intent', 'By source', 'By time', 'What to change']) {
    assert.ok(stdout.includes(part), part);
  }
  assert.match(stdout, /AllowMethods/);
});

test('exit code 1 if a probe was likely relayed, with its line in the report', async () => {
  const { code, stdout } = await scan(['-'], relaying);
  assert.equal(code, 1);
  assert.match(stdout, /^1 probe was likely relayed/);
  assert.match(stdout, /HIER_DIRECT/);
});

test('exit code 3 if a log is missing; the others are scanned', async (t) => {
  const dir = await tempDir(t, 'scan');
  await writeFile(join(dir, 'access.log'), honest);
  const { code, stdout } = await scan([join(dir, 'missing.log'), join(dir, 'access.log')]);
  assert.equal(code, 3);
  assert.match(stdout, /^No relay succeeded/);
  assert.match(stdout, /missing\.log: does not exist/);
});

test('--follow prints each probe as it is written, across a rotation, and the report at SIGINT', async (t) => {
  const log = join(await tempDir(t, 'scan'), 'access.log');
  await writeFile(log, honest);
  const child = await startProcess(t, process.execPath, [cli, 'scan', '--json', '--follow', log]);
  await child.waitForLine(/"target":"mx\.example\.com:25"/);
  await appendFile(log, line('192.0.2.9', 'CONNECT later.example:25', 405, 309));
  await child.waitForLine(/"target":"later\.example:25"/);
  await rename(log, `${log}.1`);
  await writeFile(log, line('192.0.2.9', 'CONNECT rotated.example:25', 405, 309));
  await child.waitForLine(/"target":"rotated\.example:25"/);
  child.signal('SIGINT');
  assert.deepEqual(await child.exited, { code: 0, signal: null });
  assert.equal(child.stdout().trim().split('\n').length, 4);
  assert.match(child.stderr(), /^No relay succeeded: 3 CONNECT/);
});

test('exit code 2 for usage errors: no log, unknown format, invalid host, followed stdin, unknown option', async () => {
  for (const args of [
    [],
    ['--format', 'apache3', '-'],
    ['--host', 'a b', '-'],
    ['--follow', '-'],
    ['--nonsense', '-'],
  ]) {
    const { code, stderr } = await scan(args);
    assert.equal(code, 2, args.join(' '));
    assert.notEqual(stderr, '');
  }
});

test('--host and --config declare own names and ports', async (t) => {
  const dir = await tempDir(t, 'scan');
  const config = join(dir, 'sekisho.yaml');
  await writeFile(
    config,
    'listen: [127.0.0.1:8080]\nsites: [{ hosts: [www.example.net], backend: "http://127.0.0.1:8081" }]\n',
  );
  const log =
    line('192.0.2.7', 'GET http://www.example.net/', 200, 10) +
    line('192.0.2.7', 'GET http://www.example.net:8080/', 200, 10) +
    line('192.0.2.7', 'GET http://www.example.net:25/', 404, 10);
  const { stdout } = await scan(['--json', '--config', config, '-'], log);
  assert.deepEqual(
    stdout
      .trim()
      .split('\n')
      .map((text) => [JSON.parse(text).line, JSON.parse(text).rule]),
    [[3, 'absolute-form-port']],
  );
  assert.equal((await scan(['--json', '--host', 'www.example.net', '-'], log)).stdout, '');
});

test('--rehearse: the allow-list of the config applies to a client however it comes', async (t) => {
  const config = join(await tempDir(t, 'scan'), 'sekisho.yaml');
  await writeFile(
    config,
    `listen: [127.0.0.1:8080]
sites: [{ hosts: [www.example.net], backend: "http://127.0.0.1:8081" }]
bans: { after: 2, allow: ["203.0.113.7", "2002:cb00:7108::/48"] }
`,
  );
  const clients = ['203.0.113.7', '2002:cb00:7107::1', '203.0.113.8', '2002:cb00:7109::1'];
  const log = clients
    .flatMap((client) => [0, 1].map((minute) => line(client, 'CONNECT mx.example.com:25', 405, 309, minute)))
    .join('');
  const { stdout } = await scan(['--rehearse', '--config', config, '-'], log);
  const rows = stdout.slice(stdout.indexOf('Rehearsal')).split('\n');
  const banned = clients.filter(
    (client) => !rows.some((row) => row.includes(`${client} `) && row.endsWith(' -')),
  );
  assert.deepEqual(banned, ['2002:cb00:7109::1'], stdout);
});

test('--rehearse: which clients would be blocked and banned, likely legitimate ones first', async () => {
  const log =
    Array.from({ length: 6 }, (_, minute) =>
      line('198.51.100.1', 'CONNECT mx.example.com:25', 405, 309, minute),
    ).join('') +
    Array.from({ length: 40 }, (_, minute) =>
      line('203.0.113.5', `GET /page${minute}`, 200, 500, minute),
    ).join('') +
    line('203.0.113.5', 'GET http://www.example.com/', 404, 300);
  const { stdout } = await scan(['--rehearse', '-'], log);
  const part = stdout.slice(stdout.indexOf('Rehearsal'));
  assert.match(part, /^Rehearsal: 7 requests would have been blocked, 1 clients? banned/);
  const legitimate = part.indexOf('203.0.113.5');
  const banned = part.indexOf('198.51.100.1');
  assert.ok(legitimate !== -1 && legitimate < banned);
  assert.match(part, /198\.51\.100\.1 .*2024-10-10T18:04:01/);
});

test('--html writes one self-contained file without scripts', async (t) => {
  const dir = await tempDir(t, 'scan');
  const evil = line('192.0.2.7', 'GET http://evil.example/<script>alert(1)</script>', 200, 2890);
  const { code } = await scan(['--html', join(dir, 'report.html'), '-'], honest + evil);
  assert.equal(code, 0);
  const html = await readFile(join(dir, 'report.html'), 'utf8');
  assert.match(html, /<svg /);
  assert.doesNotMatch(html, /<script|<link|<img|src=|href=/);
  assert.match(html, /default-src 'none'/);
});

test('--pcap says how to turn a capture into a log', async () => {
  const { code, stderr } = await scan(['--pcap', 'some.pcap']);
  assert.equal(code, 2);
  assert.match(stderr, /zeek -C -r some\.pcap && sekisho scan http\.log/);
});
