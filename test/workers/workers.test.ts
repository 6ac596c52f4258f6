/** Real worker processes, started by `sekisho start`. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { suite, type TestContext, test } from 'node:test';
import { acceptors } from '../../src/listener/listener.ts';
import { eventually } from '../support/eventually.ts';
import { freePort } from '../support/free-port.ts';
import { type RunningProcess, runProcess, startProcess } from '../support/process.ts';
import { exchange } from '../support/raw-client.ts';
import { recordingBackend } from '../support/recording-backend.ts';
import { tempDir } from '../support/temp-dir.ts';

const root = join(import.meta.dirname, '../..');
const get = 'GET / HTTP/1.1\r\nHost: www.example.net\r\nConnection: close\r\n\r\n';
const probe = 'GET http://www.example.com/ HTTP/1.0\r\n\r\n';

interface Running {
  readonly gateway: RunningProcess;
  readonly port: number;
  readonly file: string;
}

async function start(t: TestContext, yaml: (port: number) => string): Promise<Running> {
  const port = await freePort();
  const file = join(await tempDir(t, 'workers'), 'sekisho.yaml');
  await writeFile(file, yaml(port));
  const gateway = await startProcess(
    t,
    process.execPath,
    [join(root, 'src/cli.ts'), 'start', '--config', file],
    { cwd: root },
  );
  await gateway.waitForLine(/^listening http /m, 30_000);
  return { gateway, port, file };
}

const config =
  (backend: string, more: string) =>
  (port: number): string =>
    `listen: ["127.0.0.1:${port}"]\nworkers: 2\nsites: [{ hosts: [www.example.net], backend: "${backend}" }]\njournal: false\n${more}\n`;

const workersOf = (gateway: RunningProcess): number[] =>
  readFileSync(`/proc/${gateway.pid}/task/${gateway.pid}/children`, 'utf8')
    .trim()
    .split(' ')
    .filter(Boolean)
    .map(Number);

const status = async (port: number, request = get, from = '127.0.0.1'): Promise<number | undefined> =>
  (await exchange(port, request, { from })).responses[0]?.status;

suite('workers', () => {
  test('listen separately, and admit no second gateway on their port', async (t) => {
    const { gateway, port, file } = await start(t, config('welcome', ''));
    const listening = readFileSync('/proc/net/tcp', 'latin1')
      .split('\n')
      .filter((line) =>
        line.includes(`:${port.toString(16).toUpperCase().padStart(4, '0')} 00000000:0000 0A`),
      );
    assert.equal(listening.length, 2 * acceptors);
    const second = await runProcess(process.execPath, [join(root, 'src/cli.ts'), 'start', '--config', file], {
      cwd: root,
      timeout: 30_000,
    });
    assert.equal(second.code, 1);
    assert.match(
      second.stderr,
      new RegExp(
        `^sekisho: listen: cannot listen on 127\\.0\\.0\\.1:${port}: the port is taken by node cli\\.ts \\(pid ${gateway.pid}\\); stop that`,
        'm',
      ),
    );
    assert.equal(workersOf(gateway).length, 2);
    assert.equal(await status(port), 200);
  });

  test('share the listener, the bans, and the limits', async (t) => {
    const backend = await recordingBackend(t);
    const { gateway, port } = await start(
      t,
      config(backend.url, 'bans: { after: 3 }\nrateLimit: { max: 40, timeWindow: 1h }'),
    );
    assert.equal(workersOf(gateway).length, 2);
    for (let i = 0; i < 3; i++) assert.equal(await status(port, probe, '127.0.0.21'), 421);
    await eventually(async () => {
      const all = await Promise.all(Array.from({ length: 6 }, () => status(port, get, '127.0.0.21')));
      return all.every((one) => one === 403);
    }, 'every worker knows of the ban');
    assert.equal(await status(port, get, '127.0.0.22'), 200);
    await eventually(
      async () => (await status(port, get, '127.0.0.23')) === 429,
      'the limit is one of both',
      10_000,
    );
    const taken = backend.requests.filter(({ headerLines }) =>
      headerLines.includes('X-Forwarded-For: 127.0.0.23'),
    ).length;
    assert.ok(taken < 80, `${taken} requests of a client with a limit of 40`);
  });

  test('get a long list, and its replacement on SIGHUP', async (t) => {
    const backend = await recordingBackend(t);
    const list = join(await tempDir(t, 'lists'), 'list.txt');
    // Long enough to be read in a separate thread.
    const others = Array.from(
      { length: 40_000 },
      (_, i) => `198.${18 + (i >> 16)}.${(i >> 8) & 255}.${i & 255}`,
    );
    const write = (client: string) => writeFile(list, [...others, client, '2001:db8::/32'].join('\n'));
    await write('127.0.0.64/30');
    const { gateway, port } = await start(t, config(backend.url, `bans: { lists: [${list}] }`));
    const everywhere = async (from: string): Promise<Set<number | undefined>> =>
      new Set(await Promise.all(Array.from({ length: 8 }, () => status(port, get, from))));
    assert.deepEqual(await everywhere('127.0.0.65'), new Set([403]));
    assert.deepEqual(await everywhere('127.0.0.68'), new Set([200]));
    await write('127.0.0.68/32');
    gateway.signal('SIGHUP');
    await eventually(async () => (await everywhere('127.0.0.68')).has(200) === false, 'the new list');
    assert.deepEqual(await everywhere('127.0.0.65'), new Set([200]));
    await writeFile(list, 'nonsense\n'.repeat(50_000));
    gateway.signal('SIGHUP');
    await gateway.waitForLine(/list\.txt:1: .*is not a prefix/);
    assert.deepEqual(await everywhere('127.0.0.68'), new Set([403]), 'the one before stays in force');
  });

  test('a worker that dies is replaced, and the others keep their connections', async (t) => {
    const backend = await recordingBackend(t, {
      answer: async () => {
        await new Promise((resolve) => setTimeout(resolve, 600));
        return 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';
      },
    });
    const { gateway, port } = await start(t, config(backend.url, 'bans: false\nrateLimit: false'));
    const before = workersOf(gateway);
    const underWay = Array.from({ length: 8 }, () => exchange(port, get));
    await eventually(() => backend.requests.length === 8, 'all requests are with the backend');
    process.kill(before[0]!, 'SIGKILL');
    const ended = (await Promise.all(underWay)).map(({ responses }) => responses[0]?.status);
    // Connections go to whichever worker is free, so the split need not be even.
    const answered = ended.filter((one) => one === 200).length;
    assert.ok(answered > 0 && answered < 8, `the other worker answers: ${ended}`);
    await gateway.waitForLine(/worker \d+ ended \(SIGKILL\)/);
    await eventually(
      () => workersOf(gateway).length === 2 && !workersOf(gateway).includes(before[0]!),
      'another takes its place',
    );
    assert.equal(await status(port), 200);
  });

  test('get a reload; an invalid config changes nothing and is reported', async (t) => {
    const backend = await recordingBackend(t);
    const { gateway, port, file } = await start(t, config(backend.url, 'bans: false'));
    const renamed = 'GET / HTTP/1.1\r\nHost: renamed.example.net\r\nConnection: close\r\n\r\n';
    assert.equal(await status(port, renamed), 421);
    const text = readFileSync(file, 'utf8');
    await writeFile(file, text.replace('[www.example.net]', '[www.example.net, http://x/]'));
    gateway.signal('SIGHUP');
    await gateway.waitForLine(/the previous one stays in force/);
    assert.match(gateway.stderr(), /is a URL, not a host/);
    assert.equal(await status(port), 200);
    await writeFile(file, text.replace('[www.example.net]', '[www.example.net, renamed.example.net]'));
    gateway.signal('SIGHUP');
    await eventually(
      async () =>
        (await Promise.all([status(port, renamed), status(port, renamed), status(port, renamed)])).every(
          (one) => one === 200,
        ),
      'every worker has the new config',
    );
  });

  test('SIGTERM drains requests and exits with 0', async (t) => {
    const release = Promise.withResolvers<void>();
    const backend = await recordingBackend(t, {
      answer: async () => {
        await release.promise;
        return 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';
      },
    });
    const { gateway, port } = await start(t, config(backend.url, 'bans: false'));
    const underWay = exchange(port, get);
    await eventually(() => backend.requests.length === 1, 'the request is with the backend');
    gateway.signal('SIGTERM');
    await eventually(
      async () => (await exchange(port, get, { timeout: 200 }).catch(() => null)) === null,
      'nothing more is accepted',
    );
    release.resolve();
    assert.equal((await underWay).responses[0]?.status, 200);
    assert.deepEqual(await gateway.exited, { code: 0, signal: null });
  });

  test('a taken port gives one clear error', async (t) => {
    const backend = await recordingBackend(t);
    const file = join(await tempDir(t, 'workers'), 'sekisho.yaml');
    await writeFile(file, config('http://127.0.0.1:1', '')(backend.port));
    const gateway = await startProcess(
      t,
      process.execPath,
      [join(root, 'src/cli.ts'), 'start', '--config', file],
      { cwd: root },
    );
    assert.equal((await gateway.exited).code, 1);
    assert.match(gateway.stderr(), new RegExp(`127\\.0\\.0\\.1:${backend.port}`));
    assert.doesNotMatch(gateway.stderr(), /\n\s+at /);
  });
});
