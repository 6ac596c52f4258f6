/** `sekisho health` on a real gateway: with an admin listener, plain and TLS, without one, and with unknown health. */
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { certificate } from '../support/certificate.ts';
import { freePort } from '../support/free-port.ts';
import { root } from '../support/gateway-process.ts';
import type { Owner } from '../support/owner.ts';
import { runProcess, startProcess } from '../support/process.ts';
import { tempDir } from '../support/temp-dir.ts';

const site = 'sites: [{ hosts: [www.example.net], backend: welcome }]\n';
const cli = join(root, 'src/cli.ts');

async function ask(config: string): Promise<[number | null, string]> {
  const { code, stdout, stderr } = await runProcess(process.execPath, [cli, 'health', '--config', config]);
  return [code, stdout + stderr];
}

/** Starts a gateway with this config; returns it and the file. */
async function start(owner: Owner, yaml: string) {
  const folder = await tempDir(owner, 'health');
  const config = join(folder, 'sekisho.yaml');
  await writeFile(config, yaml);
  const child = await startProcess(owner, process.execPath, [cli, 'start', '--config', config], {
    cwd: root,
  });
  await child.waitForLine(/^listening /, 30_000);
  return { child, config };
}

suite('sekisho health', () => {
  test('asks the admin listener, and reports the failure when it is gone', async (t) => {
    const [port, admin] = [await freePort(), await freePort()];
    const { child, config } = await start(
      t,
      `listen: ["127.0.0.1:${port}"]\n${site}admin: { listen: "127.0.0.1:${admin}" }\n`,
    );
    assert.deepEqual(await ask(config), [0, 'the gateway takes requests\n']);
    await child.stop();
    assert.deepEqual(await ask(config), [
      1,
      `no answer from http://127.0.0.1:${admin}/readyz: ECONNREFUSED\n`,
    ]);
  });

  test('asks an admin listener with TLS on every address', async (t) => {
    const { cert, key } = await certificate(t, ['gate.example.net']);
    const [port, admin] = [await freePort(), await freePort()];
    const { config } = await start(
      t,
      `listen: ["127.0.0.1:${port}"]\n${site}admin: { listen: "0.0.0.0:${admin}", token: a-token-for-tests-0123456789, tls: { cert: ${cert}, key: ${key} } }\n`,
    );
    assert.deepEqual(await ask(config), [0, 'the gateway takes requests\n']);
  });

  test('checks that each listener accepts if there is no admin listener, and leaves no trace', async (t) => {
    const [first, second] = [await freePort(), await freePort()];
    const { child, config } = await start(
      t,
      `listen: ["127.0.0.1:${first}", { address: "[::]:${second}", proxyProtocol: true }]\ntrustedProxies: ["::1"]\n${site}`,
    );
    assert.deepEqual(await ask(config), [0, 'the gateway takes requests\n']);
    await child.stop();
    assert.doesNotMatch(child.stderr(), /"event":"probe"/);
    assert.deepEqual(await ask(config), [
      1,
      `no connection to 127.0.0.1:${first}: ECONNREFUSED\nno connection to [::1]:${second}: ECONNREFUSED\n`,
    ]);
  });

  test('asks decoys if there is nothing else', async (t) => {
    const port = await freePort();
    const { config } = await start(t, `decoys: [{ listen: "127.0.0.1:${port}", speaks: socks }]\n`);
    assert.deepEqual(await ask(config), [0, 'the gateway takes requests\n']);
  });

  test('reports unknown health for a missing or broken file, and if the system picks the ports', async (t) => {
    const config = join(await tempDir(t, 'health'), 'sekisho.yaml');
    assert.equal((await ask(config))[0], 3);
    await writeFile(config, 'sites: [');
    assert.match((await ask(config))[1], /can't be used, so the health is unknown\n {2}fix: sekisho check/);
    await writeFile(config, `listen: ["127.0.0.1:0"]\n${site}`);
    assert.deepEqual(await ask(config), [
      3,
      'sekisho health: the system chooses every port, so the health is unknown\n  fix: write a port\n',
    ]);
  });
});
