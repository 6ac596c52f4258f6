/** `log.file`: every process writes it, SIGHUP and SIGUSR2 reopen it without losing a line, the real logrotate rotates it. */
import assert from 'node:assert/strict';
import { chmod, mkdir, readdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import type { ConfigError } from '../../src/config/fault.ts';
import { parseConfig } from '../../src/config/load.ts';
import { LogFile } from '../../src/log-file.ts';
import { examples } from '../examples/example.ts';
import { root } from '../support/gateway-process.ts';
import type { Owner } from '../support/owner.ts';
import { requirePeer, without } from '../support/peers.ts';
import { runProcess, startProcess } from '../support/process.ts';
import { exchange } from '../support/raw-client.ts';
import { eventually } from '../support/redis.ts';
import { tempDir } from '../support/temp-dir.ts';

const sites = 'sites: [{ hosts: [www.example.net], backend: welcome }]';

/** The program, with its log in `sekisho.log` beside the config, as a relative path. */
async function start(owner: Owner, workers: number) {
  const folder = await tempDir(owner, 'log-file');
  const config = join(folder, 'sekisho.yaml');
  await writeFile(
    config,
    `listen: ["127.0.0.1:0"]\n${sites}\nadmin: false\nworkers: ${workers}\nbans: false\nlog: { file: sekisho.log, access: true }\n`,
  );
  const child = await startProcess(owner, process.execPath, ['src/cli.ts', 'start', '--config', config], {
    cwd: root,
  });
  const [, port] = await child.waitForLine(/^listening http 127\.0\.0\.1:(\d+)$/, 30_000);
  let sent = 0;
  /** Sends so many numbered requests, each on its own connection, so that every worker gets some. */
  const send = async (count: number): Promise<void> => {
    await Promise.all(
      Array.from({ length: count }, () =>
        exchange(
          Number(port),
          `GET /n${sent++}- HTTP/1.1\r\nHost: www.example.net\r\nConnection: close\r\n\r\n`,
        ),
      ),
    );
  };
  const read = (name: string): Promise<string> => readFile(join(folder, name), 'utf8').catch(() => '');
  /** The numbers of the requests found in any log file. */
  const logged = async (): Promise<number[]> => {
    const texts = await Promise.all((await readdir(folder)).filter(isLog).map(read));
    return [...texts.join('').matchAll(/"path":"\/n(\d+)-"/g)]
      .map(([, n]) => Number(n))
      .sort((a, b) => a - b);
  };
  const allLogged = (): Promise<unknown> =>
    eventually(async () => (await logged()).length === sent, 'every request is logged');
  return {
    folder,
    child,
    send,
    read,
    logged,
    allLogged,
    numbers: () => Array.from({ length: sent }, (_, n) => n),
  };
}

const isLog = (name: string): boolean => name.startsWith('sekisho.log');

suite('the log file', () => {
  for (const workers of [1, 2])
    for (const signal of ['SIGHUP', 'SIGUSR2'] as const)
      test(`${signal} reopens it, and no line is lost; workers: ${workers}`, async (t) => {
        const { folder, child, send, read, logged, allLogged, numbers } = await start(t, workers);
        await send(20);
        await allLogged();
        await rename(join(folder, 'sekisho.log'), join(folder, 'sekisho.log.1'));
        await send(20);
        child.signal(signal);
        await eventually(async () => {
          await send(4);
          return (await read('sekisho.log')) !== '';
        }, 'there is a new file');
        await send(20);
        await allLogged();
        assert.deepEqual(await logged(), numbers(), 'each once');
        // By now every worker has the new file open: nothing more goes into the moved one.
        await eventually(async () => {
          const before = await read('sekisho.log.1');
          await send(20);
          await allLogged();
          return (await read('sekisho.log.1')) === before;
        }, 'every process writes the new file');
        assert.equal(child.stderr(), '');
      });

  test('logrotate rotates it with the shipped configuration', { skip: without('logrotate') }, async (t) => {
    const { folder, child, send, logged, allLogged, numbers, read } = await start(t, 2);
    const shipped = await readFile(join(examples, 'logrotate/sekisho.conf'), 'utf8');
    const own = join(folder, 'logrotate.conf');
    await writeFile(
      own,
      shipped
        .replace('/var/log/sekisho/*.log', join(folder, 'sekisho.log'))
        .replace(/ sekisho adm$/m, '')
        .replace(/^.*systemctl kill.*$/m, `kill -USR2 ${child.pid}`),
    );
    await chmod(own, 0o644);
    await chmod(folder, 0o755);
    await send(10);
    await allLogged();
    const rotated = await runProcess(requirePeer('logrotate'), ['-f', '-s', join(folder, 'state'), own]);
    assert.equal(rotated.code, 0, rotated.stderr);
    await eventually(async () => {
      await send(4);
      return (await read('sekisho.log')).includes('"access"');
    }, 'there is a new file');
    await allLogged();
    assert.deepEqual(await logged(), numbers());
  });

  test('copytruncate leaves no hole in it', async (t) => {
    const { folder, send, read, allLogged } = await start(t, 1);
    await send(3);
    await allLogged();
    await writeFile(join(folder, 'sekisho.log'), '');
    await send(1);
    await eventually(async () => (await read('sekisho.log')) !== '', 'the line is there');
    assert.match(await read('sekisho.log'), /^\{"level":30,/);
  });

  test('check and start report an unwritable log file with the fix', async (t) => {
    const folder = await tempDir(t, 'log-file');
    const faultOf = (file: string): string => {
      try {
        parseConfig(`listen: ["127.0.0.1:0"]\n${sites}\nlog: { file: "${file}" }\n`, folder);
        return '';
      } catch (error) {
        return (error as ConfigError).faults.map(({ message, fix }) => `${message}: ${fix}`).join();
      }
    };
    await mkdir(join(folder, 'folder'));
    assert.match(
      faultOf('nowhere/sekisho.log'),
      /the folder .*nowhere does not exist: create it \(mkdir -p /,
    );
    assert.match(faultOf('folder'), /is not a file: name a file/);
    assert.equal(faultOf('sekisho.log'), '');
    assert.throws(
      () => new LogFile(join(folder, 'folder')),
      /^Error: log\.file: .*can't be written \(EISDIR\): give write permission/,
    );
  });

  test('a full disk loses no line: it goes to stderr', async (t) => {
    const folder = await tempDir(t, 'log-file');
    const config = join(folder, 'sekisho.yaml');
    await writeFile(config, `listen: ["127.0.0.1:0"]\n${sites}\nadmin: false\nlog: { file: /dev/full }\n`);
    const child = await startProcess(t, process.execPath, ['src/cli.ts', 'start', '--config', config], {
      cwd: root,
    });
    const [, port] = await child.waitForLine(/^listening http 127\.0\.0\.1:(\d+)$/, 30_000);
    const probe = 'CONNECT mail.example.com:25 HTTP/1.1\r\nHost: mail.example.com:25\r\n\r\n';
    for (let sent = 0; sent < 2; sent++) await exchange(Number(port), probe);
    await eventually(() => child.stderr().split('"event":"probe"').length === 3, 'both lines are on stderr');
    assert.equal(child.stderr().split('lines go to stderr').length, 2, 'reported once');
  });
});
