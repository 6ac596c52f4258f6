/** Dials refused by this machine's kernel are reported as such, tried with a filter of system calls like one of SELinux or a container. */
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { freePort } from '../support/free-port.ts';
import { root } from '../support/gateway-process.ts';
import { requirePeer, without } from '../support/peers.ts';
import { runProcess, startProcess } from '../support/process.ts';
import { exchange } from '../support/raw-client.ts';
import { rawConnection } from '../support/raw-connection.ts';
import { tempDir } from '../support/temp-dir.ts';

const script = join(import.meta.dirname, 'refusing-kernel.py');
const words =
  'refused by the kernel of this machine; if the rules of `sekisho export egress` are in force, export them again';
const get = 'GET / HTTP/1.1\r\nHost: www.example.net\r\nConnection: close\r\n\r\n';

suite('a dial that the kernel refuses', { skip: without('python3') }, () => {
  for (const [name, number] of [
    ['EPERM', '1'],
    ['EACCES', '13'],
  ] as const)
    test(`with ${name} is reported as such: backends, the mail server, the fleet, alerts`, async (t) => {
      const file = join(await tempDir(t, 'refused'), 'sekisho.yaml');
      const mail = await freePort();
      await writeFile(
        file,
        `listen: ["127.0.0.1:0"]
admin: false
journal: false
sites: [{ hosts: [www.example.net], backend: "http://127.0.0.1:1" }]
smtp: { listen: "127.0.0.1:${mail}", backend: "127.0.0.1:1", domains: [example.net] }
fleet: { valkey: "redis://127.0.0.1:1" }
alerts: { webhook: "http://127.0.0.1:1/" }
`,
      );
      const refused = [script, number, process.execPath, join(root, 'src/cli.ts')];
      const gateway = await startProcess(t, requirePeer('python3'), [...refused, 'start', '--config', file]);
      const [, port] = await gateway.waitForLine(/^listening http 127\.0\.0\.1:(\d+)$/m, 30_000);
      // A backend is reported only after several failures.
      for (let i = 0; i < 3; i++) assert.equal((await exchange(Number(port), get)).responses[0]?.status, 502);
      const client = await rawConnection(t, mail);
      await client.until(/^4\d\d /);
      const told = (what: string) => new RegExp(`${what}.*${name}.*${words}`);
      await gateway.waitForLine(told('127\\.0\\.0\\.1:1 accepts no connection'));
      await gateway.waitForLine(told('fleet: Valkey is unreachable'));
      await gateway.waitForLine(told('smtp: 127\\.0\\.0\\.1:1 skipped'));
      const alerts = await runProcess(requirePeer('python3'), [
        ...refused,
        'alerts',
        'test',
        '--config',
        file,
      ]);
      assert.match(alerts.stdout + alerts.stderr, told('webhook'));
    });
});
