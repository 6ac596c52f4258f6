/** Sockets that systemd binds and passes on, tried with systemd-socket-activate. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { get } from 'node:http';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { inheritedSockets } from '../../src/listener/inherited-sockets.ts';
import { freePort } from '../support/free-port.ts';
import { root } from '../support/gateway-process.ts';
import type { Owner } from '../support/owner.ts';
import { requirePeer, without } from '../support/peers.ts';
import { type RunningProcess, startProcess } from '../support/process.ts';
import { tempDir } from '../support/temp-dir.ts';

/** The program starts with the first connection, which waits in the socket. */
async function activated(
  owner: Owner,
  sockets: readonly string[],
  listen: readonly string[],
  workers = 1,
): Promise<RunningProcess> {
  const folder = await tempDir(owner, 'activation');
  const config = join(folder, 'sekisho.yaml');
  writeFileSync(
    config,
    `listen: ${JSON.stringify(listen)}\nsites: [{ hosts: [www.example.net], backend: welcome }]\n` +
      `admin: false\njournal: false\nworkers: ${workers}\n`,
  );
  const args = [process.execPath, join(root, 'src/cli.ts'), 'start', '--config', config];
  const child = await startProcess(
    owner,
    requirePeer('systemd-socket-activate'),
    [...sockets.flatMap((one) => ['--listen', one]), ...args],
    { cwd: folder },
  );
  await child.waitForLine(/Listening on/);
  return child;
}

function status(port: number, path = '/'): Promise<number> {
  return new Promise((done, fail) => {
    get({ port, path, headers: { host: 'www.example.net' }, agent: false }, (res) => {
      res.resume();
      done(res.statusCode!);
    }).once('error', fail);
  });
}

suite('socket activation', { skip: without('systemd-socket-activate') }, () => {
  for (const workers of [1, 2]) {
    test(`the inherited socket is used and its first connection served, workers: ${workers}`, async (t) => {
      const [port, other] = [await freePort(), await freePort()];
      const listen = [`127.0.0.1:${port}`, `127.0.0.1:${other}`];
      // The second listener is not from systemd.
      const child = await activated(t, [listen[0]!], listen, workers);
      assert.equal(await status(port), 200);
      await child.waitForLine(new RegExp(`^listening http 127\\.0\\.0\\.1:${port}$`));
      assert.equal(await status(port, 'http://www.example.com/'), 421);
      assert.equal(await status(other), 200);
      assert.deepEqual(await child.stop(), { code: 0, signal: null });
    });
  }

  test('a socket with another address is an error', async (t) => {
    const [port, other] = [await freePort(), await freePort()];
    const child = await activated(t, [`127.0.0.1:${port}`], [`127.0.0.1:${other}`]);
    await assert.rejects(status(port));
    assert.equal((await child.exited).code, 1);
    assert.match(child.stderr(), new RegExp(`a socket of 127\\.0\\.0\\.1 port ${port}, .* ListenStream=`));
  });

  test('more sockets than listeners are an error', async (t) => {
    const [port, other] = [await freePort(), await freePort()];
    const child = await activated(t, [`127.0.0.1:${port}`, `127.0.0.1:${other}`], [`127.0.0.1:${port}`]);
    await assert.rejects(status(port));
    assert.equal((await child.exited).code, 1);
    assert.match(child.stderr(), /passes 2 sockets, but the config has 1 under listen/);
  });
});

test('sockets passed to another program are ignored', () => {
  assert.deepEqual(inheritedSockets(1, {}), []);
  assert.deepEqual(inheritedSockets(1, { LISTEN_PID: String(process.pid + 1), LISTEN_FDS: '1' }), []);
  assert.deepEqual(inheritedSockets(2, { LISTEN_PID: String(process.pid), LISTEN_FDS: '2' }), [3, 4]);
  assert.throws(
    () => inheritedSockets(2, { LISTEN_PID: String(process.pid), LISTEN_FDS: 'x' }),
    /not a number/,
  );
});
