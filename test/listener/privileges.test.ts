/** The program started as root binds, drops to an unprivileged user, and keeps working. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import {
  chmodSync,
  globSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { get } from 'node:http';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { handOverFolders, resolveAccount } from '../../src/listener/privileges.ts';
import { eventually } from '../support/eventually.ts';
import { root } from '../support/gateway-process.ts';
import { type RunningProcess, runProcess, startProcess } from '../support/process.ts';
import { tempDir } from '../support/temp-dir.ts';

const site = 'sites: [{ hosts: [www.example.net], backend: welcome }]\nadmin: false\n';
const skip = process.getuid?.() !== 0 && 'needs root';

/** Ids of every thread: setuid as a bare system call changes only the calling thread. */
function idsOf(pid: number): string[] {
  const all = globSync(`/proc/${pid}/task/*/status`).map((file) => {
    const status = readFileSync(file, 'utf8');
    return ['Uid', 'Gid', 'Groups', 'CapEff', 'CapPrm']
      .map(
        (name) =>
          `${name} ${new RegExp(`^${name}:\\s*(.*?)\\s*$`, 'm').exec(status)![1]!.split(/\s+/).join(' ')}`,
      )
      .join(', ');
  });
  return [...new Set(all)];
}

const nobody = [
  'Uid 65534 65534 65534 65534, Gid 65534 65534 65534 65534, Groups 65534, CapEff 0000000000000000, CapPrm 0000000000000000',
];

const children = (pid: number): number[] =>
  readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').filter(Boolean).map(Number);

function status(port: number): Promise<number> {
  return new Promise((done, fail) => {
    get({ port, headers: { host: 'www.example.net' }, agent: false }, (res) => {
      res.resume();
      done(res.statusCode!);
    }).once('error', fail);
  });
}

/** A free port that only root may bind. */
async function lowPort(): Promise<number> {
  for (let port = 1023; port > 600; port -= 1) {
    const server = createServer().listen(port, '127.0.0.1');
    try {
      await once(server, 'listening');
    } catch {
      continue;
    }
    server.close();
    await once(server, 'close');
    return port;
  }
  throw new Error('no port below 1024 is free');
}

suite('user and group', { skip }, () => {
  for (const workers of [1, 2]) {
    test(`every thread and process runs as the user, workers: ${workers}`, async (t) => {
      const folder = await tempDir(t, 'privileges');
      // Like /var/lib/sekisho, a folder that the user may write: SQLite creates files beside the journal.
      chmodSync(folder, 0o777);
      const port = await lowPort();
      const config = join(folder, 'sekisho.yaml');
      const journal = join(folder, 'journal.db');
      writeFileSync(
        config,
        `listen: ["127.0.0.1:${port}"]\n${site}user: nobody\nworkers: ${workers}\njournal: { path: ${journal} }\n`,
      );
      const args = [join(root, 'src/cli.ts'), 'start', '--config', config];
      // Root's supplementary groups: disk and shadow.
      const child = await startProcess(t, 'setpriv', ['--groups', '0,6,42', process.execPath, ...args], {
        cwd: folder,
      });
      await child.waitForLine(/^listening http /, 30_000);
      assert.equal(await status(port), 200);
      const all = [child.pid, ...children(child.pid)];
      assert.equal(all.length, workers === 1 ? 1 : 1 + workers);
      for (const pid of all) assert.deepEqual(idsOf(pid), nobody);
      assert.equal(statSync(journal).uid, 65534);
      assert.equal(statSync(`${journal}-wal`).uid, 65534);
      child.signal('SIGHUP');
      await child.waitForLine(/the config was reloaded/);
      if (workers > 1) await anotherWorker(child, all);
      assert.equal(await status(port), 200);
      assert.deepEqual(await child.stop(), { code: 0, signal: null });
    });
  }

  test('an unknown user is reported before anything is bound', async (t) => {
    const folder = await tempDir(t, 'privileges');
    const config = join(folder, 'sekisho.yaml');
    writeFileSync(config, `listen: ["127.0.0.1:0"]\n${site}user: nobody-here\njournal: false\n`);
    const args = [join(root, 'src/cli.ts'), 'start', '--config', config];
    const { code, stdout, stderr } = await runProcess(process.execPath, args, { cwd: folder });
    assert.deepEqual({ code, stdout }, { code: 1, stdout: '' });
    assert.match(stderr, /user: there is no nobody-here in \/etc\/passwd: create it with useradd/);
  });
});

test('only own folders and files change owner: no links, hard links or files of others', {
  skip,
}, async (t) => {
  const folder = await tempDir(t, 'hand-over');
  const [shared, roots] = [join(folder, 'shared'), join(folder, 'roots')];
  for (const path of [shared, join(shared, 'accounts'), roots]) mkdirSync(path);
  const owner = (path: string): number => lstatSync(path).uid;
  for (const path of [join(shared, 'others.pem'), join(shared, 'accounts/key.pem'), join(roots, 'shadow')])
    writeFileSync(path, 'x');
  linkSync(join(roots, 'shadow'), join(shared, 'accounts/second-name.pem'));
  symlinkSync(roots, join(shared, 'certificates'));
  handOverFolders(shared, ['accounts', 'certificates', 'challenges'], {
    user: 'nobody',
    uid: 65534,
    gid: 65534,
  });
  assert.deepEqual(
    [
      '',
      'others.pem',
      'accounts',
      'accounts/key.pem',
      'accounts/second-name.pem',
      'challenges',
      '../roots',
      '../roots/shadow',
    ].map((name) => owner(join(shared, name))),
    [0, 0, 65534, 65534, 0, 65534, 0, 0],
  );
  const own = join(folder, 'own');
  handOverFolders(own, ['accounts'], { user: 'nobody', uid: 65534, gid: 65534 });
  assert.deepEqual([owner(own), owner(join(own, 'accounts'))], [65534, 65534]);
});

/** A worker that dies is replaced, although no process is root any more to bind the port. */
async function anotherWorker({ pid }: RunningProcess, before: readonly number[]): Promise<void> {
  process.kill(before.at(-1)!, 'SIGKILL');
  const fresh = (): number[] => children(pid).filter((one) => !before.includes(one));
  await eventually(
    () => fresh().some((one) => idsOf(one).join() === nobody.join()),
    'a worker of the same user',
    30_000,
  );
}

test('a group needs a user, and both must exist', () => {
  const read = (file: string): string =>
    file === '/etc/group' ? 'web:x:34:\n' : 'gate:x:990:991::/:/usr/sbin/nologin\n';
  const none = { user: false, group: false } as const;
  assert.equal(resolveAccount(none, read), null);
  assert.throws(() => resolveAccount({ ...none, group: 'web' }, read), /needs a user as well/);
  assert.throws(() => resolveAccount({ user: 'gate', group: 'nogroup' }, read), /no nogroup in \/etc\/group/);
  if (process.getuid!() !== 0) {
    assert.throws(() => resolveAccount({ user: 'gate', group: false }, read), /only root can become gate/);
    return;
  }
  assert.deepEqual(resolveAccount({ user: 'gate', group: false }, read), {
    user: 'gate',
    uid: 990,
    gid: 991,
  });
  assert.deepEqual(resolveAccount({ user: 'gate', group: 'web' }, read), { user: 'gate', uid: 990, gid: 34 });
});
