/** The garbage of requests is collected in V8's young generation. In the old one, a full collection would delay all requests every few seconds. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { certificate } from '../support/certificate.ts';
import { without } from '../support/peers.ts';
import { startProcess } from '../support/process.ts';
import { tempDir } from '../support/temp-dir.ts';

const answer = `HTTP/1.1 200 OK\r\nDate: Sun, 29 Nov 2026 12:00:00 GMT\r\nContent-Length: 200\r\n\r\n${'a'.repeat(200)}`;

test('the garbage of requests is not promoted to the old generation', {
  skip: without('h2load'),
}, async (t) => {
  let wait = 50;
  const backend = createServer((socket) => {
    const reply = (): boolean => socket.write(answer);
    socket.on('data', () => (wait > 0 ? setTimeout(reply, wait) : reply())).on('error', () => {});
  });
  backend.listen(0, '127.0.0.1');
  await once(backend, 'listening');
  t.after(() => backend.close());
  const dir = await tempDir(t, 'garbage');
  const { cert, key } = await certificate(t, ['www.example.net'], dir);
  const config = join(dir, 'sekisho.yaml');
  await writeFile(
    config,
    `listen: [{ address: "127.0.0.1:0", tls: { cert: "${cert}", key: "${key}" } }]
sites: [{ hosts: ["127.0.0.1:*"], backend: "http://127.0.0.1:${(backend.address() as AddressInfo).port}" }]
rateLimit: { max: 1000000000 }
`,
  );
  const command = ['--trace-gc-nvp', 'src/cli.ts', 'start', '--config', config];
  const gateway = await startProcess(t, process.execPath, command);
  const [, port] = await gateway.waitForLine(/^listening https 127\.0\.0\.1:(\d+)$/m, 60_000);
  const load = async (requests: number): Promise<void> => {
    const { stdout } = await promisify(execFile)('h2load', [
      ...['-c20', '-m10', `-n${requests}`, `https://127.0.0.1:${port}/`],
    ]);
    assert.match(stdout, new RegExp(`${requests} succeeded, 0 failed`));
  };
  // Code and connections live long and are promoted. A slow backend makes requests survive collections.
  await load(10_000);
  wait = 0;
  const before = gateway.stdout().length;
  await load(25_000);
  const young = [
    ...gateway
      .stdout()
      .slice(before)
      .matchAll(/"allocated":(\d+),"promoted":(\d+)/g),
  ];
  const sum = (which: number): number => young.reduce((total, line) => total + Number(line[which]), 0);
  const [allocated, promoted] = [sum(1), sum(2)];
  assert.ok(allocated > 1e7, `${allocated} bytes allocated`);
  assert.ok(promoted < allocated / 50, `${promoted} of ${allocated} bytes were promoted`);
});
