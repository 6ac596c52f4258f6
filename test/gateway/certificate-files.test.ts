/** Certificate files that change while the whole program runs, as certbot changes them: links to another version of both. */
import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync, renameSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { connect } from 'node:tls';
import { certificate } from '../support/certificate.ts';
import { eventually } from '../support/eventually.ts';
import { root } from '../support/gateway-process.ts';
import { startProcess } from '../support/process.ts';
import { tempDir } from '../support/temp-dir.ts';

const long = 40_000;
const token = '0123456789abcdef0123';

const serialOf = (cert: string): string => new X509Certificate(readFileSync(cert)).serialNumber;

async function shown(port: number): Promise<string> {
  const socket = connect({
    port,
    host: '127.0.0.1',
    servername: 'www.example.net',
    rejectUnauthorized: false,
  });
  await once(socket, 'secureConnect');
  const { serialNumber } = socket.getPeerX509Certificate()!;
  socket.destroy();
  return serialNumber;
}

for (const workers of [1, 2])
  test(`workers: ${workers}: a renewed pair is shown; one that does not match is not, and is sent as an alert until it does`, async (t) => {
    const folder = await tempDir(t, 'live');
    const versions = await Promise.all(
      [1, 2, 3].map(async () => certificate(t, ['www.example.net'], await tempDir(t, 'archive'))),
    );
    const live = { cert: join(folder, 'fullchain.pem'), key: join(folder, 'privkey.pem') };
    const point = (file: 'cert' | 'key', version: number): void => {
      symlinkSync(versions[version]![file], `${live[file]}.new`);
      renameSync(`${live[file]}.new`, live[file]);
    };
    for (const file of ['cert', 'key'] as const) point(file, 0);
    const sent: { kind: string; level: string; title: string; lines: string[] }[] = [];
    const hook = createServer(async (request, response) => {
      sent.push(JSON.parse(Buffer.concat(await request.toArray()).toString()));
      response.end();
    });
    hook.listen(0, '127.0.0.1');
    await once(hook, 'listening');
    t.after(() => hook.close());
    const config = join(folder, 'sekisho.yaml');
    writeFileSync(
      config,
      `listen: [{ address: "127.0.0.1:0", tls: { cert: "${live.cert}", key: "${live.key}" } }]
sites: [{ hosts: [www.example.net], backend: welcome }]
admin: { listen: "127.0.0.1:0", token: ${token}, tls: { certificatesOf: sites } }
journal: false
workers: ${workers}
alerts: { webhook: "http://127.0.0.1:${(hook.address() as AddressInfo).port}/", digest: 1s }
log: { format: json }
`,
    );
    const child = await startProcess(t, process.execPath, ['src/cli.ts', 'start', '--config', config], {
      cwd: root,
    });
    const [, port] = await child.waitForLine(/^listening https 127\.0\.0\.1:(\d+)$/, long);
    const [, admin] = await child.waitForLine(/^listening admin https:\/\/127\.0\.0\.1:(\d+)/, long);
    const ports = [Number(port), Number(admin)];
    const show = async (version: number): Promise<void> => {
      for (const at of ports)
        await eventually(
          async () => (await shown(at)) === serialOf(versions[version]!.cert),
          `at ${at}`,
          long,
        );
    };
    await show(0);
    for (const file of ['key', 'cert'] as const) point(file, 1);
    await show(1);
    assert.equal(sent.map(({ title }) => title).join(), '');
    point('cert', 2);
    await eventually(() => sent.length > 0, 'the alert', long);
    const [{ kind, level, title, lines }] = sent as [(typeof sent)[0]];
    assert.deepEqual([kind, level], ['certificate-file', 'trouble']);
    assert.ok(title.endsWith(`the certificate in ${live.cert} can't be used`), title);
    assert.ok(lines[0]?.startsWith(`${live.key} is not the key of ${live.cert}`), lines.join());
    // A worker that has not looked at the second version yet still shows the first.
    for (const at of ports) assert.notEqual(await shown(at), serialOf(versions[2]!.cert));
    point('key', 2);
    await show(2);
    await eventually(() => sent.length > 1, 'the end of the alert', long);
    assert.deepEqual([sent[1]!.kind, sent[1]!.level], ['certificate-file', 'relief']);
    assert.equal((await child.stop()).code, 0);
    assert.equal(sent.length, 2);
  });
