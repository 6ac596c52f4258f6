/** A taken port, or an address of another machine: the error names the fix, for every kind of listener, with workers too. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { root } from '../support/gateway-process.ts';
import type { Owner } from '../support/owner.ts';
import { runProcess } from '../support/process.ts';
import { tempDir } from '../support/temp-dir.ts';

const web = 'sites: [{ hosts: [www.example.net], backend: welcome }]\n';
const free = `listen: ["127.0.0.1:0"]\n${web}`;

/** Kind of listener → config with it at an address, and the fix if its port is taken. */
const listeners: readonly (readonly [name: string, yaml: (address: string) => string, fix: string])[] = [
  ['listen', (address) => `listen: ["${address}"]\n${web}`, 'or listen on another port'],
  ['listen', (address) => `listen: ["${address}"]\n${web}workers: 2\n`, 'or listen on another port'],
  ['admin', (address) => `${free}admin: { listen: "${address}" }\n`, 'or set another port in admin.listen'],
  [
    'admin',
    (address) => `${free}workers: 2\nadmin: { listen: "${address}" }\n`,
    'or set another port in admin.listen',
  ],
  [
    'decoys',
    (address) => `decoys: [{ listen: "${address}", speaks: socks }]\n`,
    'or remove the decoy from the config',
  ],
  [
    'smtp',
    (address) => `smtp: { listen: "${address}", backend: "127.0.0.1:2525", domains: [example.net] }\n`,
    'move the mail server to another port',
  ],
];

async function failed(owner: Owner, yaml: string): Promise<string> {
  const config = join(await tempDir(owner, 'taken'), 'sekisho.yaml');
  await writeFile(config, yaml);
  const { code, stdout, stderr } = await runProcess(
    process.execPath,
    [join(root, 'src/cli.ts'), 'start', '--config', config],
    { timeout: 30_000 },
  );
  assert.deepEqual([code, stdout], [1, ''], stderr);
  assert.doesNotMatch(stderr, /^\s+at /m);
  return stderr;
}

suite('start says', {
  skip: process.platform !== 'linux' && 'the holder of a port is only known on Linux',
}, () => {
  test('a taken port is reported with its holder and the fix', async (t) => {
    const holder = createServer().listen(0, '127.0.0.1');
    await once(holder, 'listening');
    t.after(() => holder.close());
    const address = `127.0.0.1:${(holder.address() as AddressInfo).port}`;
    for (const [name, yaml, fix] of listeners) {
      const stderr = await failed(t, yaml(address));
      const said = `sekisho: ${name}: cannot listen on ${address}: the port is taken by node taken-port.test.ts (pid ${process.pid}); `;
      assert.ok(stderr.includes(said) && stderr.includes(fix), `${yaml(address)}\n${stderr}`);
    }
  });

  test('an address of another machine is reported', async (t) => {
    for (const [name, yaml] of [listeners[1]!, listeners[2]!, listeners[5]!]) {
      // An address for documentation (RFC 5737): no machine has it. The admin listener requires a token there.
      const stderr = await failed(
        t,
        yaml('192.0.2.1:18081').replace('admin: {', 'admin: { token: a-token-for-tests-0123456789,'),
      );
      assert.ok(
        stderr.includes(
          `sekisho: ${name}: cannot listen on 192.0.2.1:18081: this machine has no such address; write one of its addresses`,
        ),
        stderr,
      );
    }
  });
});
