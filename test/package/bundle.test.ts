/** The program as a single file in an otherwise empty folder: every command, and every part that is started by path. */
import assert from 'node:assert/strict';
import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, suite, test } from 'node:test';
import { builtInDependencies, runtimeDependencies } from '../../tools/dependencies.ts';
import { cleanEnv, packageJson, root, run } from '../support/installed-package.ts';
import type { Owner } from '../support/owner.ts';
import { type RunningProcess, runProcess, startProcess } from '../support/process.ts';
import { exchange } from '../support/raw-client.ts';
import { tempDir } from '../support/temp-dir.ts';

const built = await tempDir({ after }, 'bundle');
await run(process.execPath, ['tools/bundle.ts', built, '--if-needed'], root);

const token = 'a-token-for-tests-0123456789';

/** A folder with only the file, under its installed name; there is no node_modules upwards. */
async function alone(owner: Owner): Promise<string> {
  const folder = await tempDir(owner, 'alone');
  cpSync(join(built, 'sekisho.cjs'), join(folder, 'sekisho'));
  return folder;
}

const env = { ...cleanEnv, NODE_PATH: undefined, NODE_OPTIONS: undefined };
const sekisho = (cwd: string, args: readonly string[], input = '') =>
  runProcess(process.execPath, ['sekisho', ...args], { cwd, env, input });

async function start(owner: Owner, cwd: string, args: readonly string[]) {
  const child = await startProcess(owner, process.execPath, ['sekisho', 'start', ...args], { cwd, env });
  const [, port] = await child.waitForLine(/^listening http 127\.0\.0\.1:(\d+)$/, 30_000);
  const [, admin] = await child.waitForLine(/^listening admin (http:\S+)$/);
  return { child, port: Number(port), admin: admin! };
}

async function answer(port: number, request: string): Promise<number | undefined> {
  return (await exchange(port, request, { until: 1 })).responses[0]?.status;
}

async function answers(port: number): Promise<(number | undefined)[]> {
  return [
    await answer(port, 'GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n'),
    await answer(port, 'GET http://www.example.com/index.html HTTP/1.0\r\n\r\n'),
    await answer(port, 'CONNECT www.example.com:443 HTTP/1.1\r\nHost: www.example.com:443\r\n\r\n'),
    await answer(port, 'GET http://www.example.net@evil/ HTTP/1.1\r\nHost: localhost\r\n\r\n'),
  ];
}

async function stops(child: RunningProcess): Promise<void> {
  child.signal('SIGTERM');
  assert.deepEqual(await child.exited, { code: 0, signal: null }, child.stderr());
}

suite('the single file', () => {
  test('serves and refuses with the built-in welcome site', async (t) => {
    const cwd = await alone(t);
    const args = ['--listen', '127.0.0.1:0', '--admin', '127.0.0.1:0', '--host', 'localhost'];
    const { child, port } = await start(t, cwd, [...args, '--backend', 'welcome']);
    assert.deepEqual(await answers(port), [200, 421, 405, 400]);
    await stops(child);
  });

  test('serves with two workers, journal, traces and dashboard', async (t) => {
    const cwd = await alone(t);
    writeFileSync(
      join(cwd, 'sekisho.yaml'),
      `listen: ["127.0.0.1:0"]
sites: [{ hosts: [localhost], backend: welcome }]
workers: 2
admin: { listen: "127.0.0.1:0", token: ${token} }
journal: { path: ./sekisho.db }
otel: { endpoint: "http://127.0.0.1:9/v1/traces", sample: 1 }
`,
    );
    const { child, port, admin } = await start(t, cwd, ['--config', 'sekisho.yaml']);
    const children = readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, 'utf8').trim().split(' ');
    assert.equal(children.length, 2);
    assert.deepEqual(await answers(port), [200, 421, 405, 400]);

    const get = (path: string) =>
      fetch(new URL(path, admin), {
        headers: { authorization: `Bearer ${token}` },
        signal: AbortSignal.timeout(20_000),
      });
    const page = await (await get('/')).text();
    const assets = [...page.matchAll(/(?:src|href)="(\/[^"]+)"/g)].map(([, path]) => path!);
    assert.deepEqual(assets.map((path) => path.split('.').at(-1)).sort(), ['css', 'js', 'svg']);
    for (const path of assets) {
      const asset = await get(path);
      assert.equal(asset.status, 200, path);
      assert.equal(await asset.text(), readFileSync(join(root, 'dist/dashboard', path), 'utf8'), path);
    }

    let rules: string[] = [];
    for (const end = Date.now() + 10_000; rules.length < 3 && Date.now() < end; ) {
      const body = (await (await get('/api/events')).json()) as { events: { rule: string }[] };
      rules = body.events.map(({ rule }) => rule).sort();
    }
    assert.deepEqual(rules, ['absolute-form-foreign', 'absolute-form-userinfo', 'connect']);
    await stops(child);
  });

  test('explains, checks, exports, writes a config and audits', async (t) => {
    const cwd = await alone(t);
    const explained = await sekisho(
      cwd,
      ['explain', '--json'],
      'GET http://www.example.com/ HTTP/1.0\r\n\r\n',
    );
    assert.equal((JSON.parse(explained.stdout) as { rule: string }).rule, 'absolute-form-foreign');
    const written = await sekisho(cwd, ['init', '--host', 'www.example.net', '--output', 'sekisho.yaml']);
    assert.equal(written.code, 0, written.stderr);
    const checked = await sekisho(cwd, ['check', '--config', 'sekisho.yaml']);
    assert.deepEqual([checked.code, /is fine/.test(checked.stdout)], [0, true]);
    const exported = await sekisho(cwd, ['export', 'nginx', '--config', 'sekisho.yaml']);
    assert.match(exported.stdout, /www\.example\.net/);
    // An auditor sends more probes than a client may before it is banned.
    writeFileSync(
      join(cwd, 'audited.yaml'),
      `listen: ["127.0.0.1:0"]
sites: [{ hosts: [localhost], backend: welcome }]
admin: { listen: "127.0.0.1:0", token: ${token} }
bans: false
`,
    );
    const { port } = await start(t, cwd, ['--config', 'audited.yaml']);
    const audited = await sekisho(cwd, ['audit', `127.0.0.1:${port}`, '--host', 'localhost', '--json']);
    const results = audited.stdout
      .trim()
      .split('\n')
      .map((line) => (JSON.parse(line) as { result: string }).result);
    assert.ok(results.includes('refuses') && !results.includes('relays'), audited.stdout);
    const bans = await sekisho(cwd, ['bans', 'list']);
    assert.match(bans.stderr, /no token/);
  });

  test('scans a log in threads', async (t) => {
    const cwd = await alone(t);
    const line = '192.0.2.1 - - [10/Oct/2025:13:55:36 +0000] "GET / HTTP/1.1" 200 512 "-" "a browser"\n';
    const probe =
      '192.0.2.1 - - [10/Oct/2025:13:55:36 +0000] "GET http://www.example.com/ HTTP/1.0" 421 5 "-" "-"\n';
    // Large enough for more than one thread: src/scan/task-pool.ts.
    for (const name of ['a.log', 'b.log']) writeFileSync(join(cwd, name), line.repeat(160_000) + probe);
    const { stdout, stderr } = await sekisho(cwd, ['scan', 'a.log', 'b.log', '--json', '--threads', '2']);
    const found = stdout
      .trim()
      .split('\n')
      .map((row) => JSON.parse(row) as { line: number; rule: string });
    assert.deepEqual(
      found.map((row) => [row.line, row.rule]),
      [
        [160_001, 'absolute-form-foreign'],
        [160_001, 'absolute-form-foreign'],
      ],
      stderr,
    );
  });

  test('prints the needed version on an older Node, before anything else', async (t) => {
    const cwd = await alone(t);
    for (const [version, said] of [
      ['18.20.0', true],
      ['24.8.0', true],
      ['24.9.0', false],
      ['27.0.0', false],
    ] as const) {
      writeFileSync(
        join(cwd, 'older.cjs'),
        `Object.defineProperty(process.versions, 'node', { value: '${version}' });\n`,
      );
      const { code, stderr } = await runProcess(
        process.execPath,
        ['--require', './older.cjs', 'sekisho', '--version'],
        {
          cwd,
          env,
        },
      );
      assert.equal(
        stderr,
        said ? `sekisho: needs Node 24.9 or newer; this is ${version} (${process.execPath})\n` : '',
      );
      assert.equal(code, said ? 1 : 0);
    }
  });

  test('runs as a command, and contains all licences', async (t) => {
    const cwd = await alone(t);
    assert.equal(
      (await runProcess('./sekisho', ['--version'], { cwd, env })).stdout,
      `${packageJson.version}\n`,
    );
    const text = readFileSync(join(cwd, 'sekisho'), 'utf8');
    for (const { name, version } of [...runtimeDependencies(root), ...builtInDependencies(root)])
      assert.ok(text.includes(`\n${name} ${version}: `), name);
  });
});
