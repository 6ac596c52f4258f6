/** The whole program with must-staple certificates: workers, the admin listener, alerts. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { eventually } from '../support/eventually.ts';
import { root } from '../support/gateway-process.ts';
import { Authority, scriptedResponder, stapled } from '../support/ocsp.ts';
import { startProcess } from '../support/process.ts';

const long = 30_000;

test('workers and the admin listener staple, and a revoked certificate is logged and sent as an alert', async (t) => {
  const authority = await Authority.create(t);
  const { url: responder } = await scriptedResponder(t, (request) => authority.respond(request));
  const [www, shop, gate] = ['www', 'shop', 'gate'].map((name) =>
    authority.issue(`${name}.example.net`, { responder }),
  );
  authority.mark(shop!, 'revoked');
  const sent: string[] = [];
  const hook = createServer(async (request, response) => {
    sent.push(Buffer.concat(await request.toArray()).toString());
    response.end();
  });
  hook.listen(0, '127.0.0.1');
  await once(hook, 'listening');
  t.after(() => hook.close());
  const pair = ({ cert, key }: { cert: string; key: string }) => `{ cert: "${cert}", key: "${key}" }`;
  const config = join(authority.folder, 'sekisho.yaml');
  writeFileSync(
    config,
    `listen: [{ address: "127.0.0.1:0", tls: [${pair(www!)}, ${pair(shop!)}] }]
sites: [{ hosts: [www.example.net, shop.example.net], backend: "http://127.0.0.1:9" }]
admin: { listen: "127.0.0.1:0", token: 0123456789abcdef0123, tls: ${pair(gate!)} }
journal: false
workers: 2
alerts: { webhook: "http://127.0.0.1:${(hook.address() as AddressInfo).port}/" }
log: { format: json }
`,
  );
  const child = await startProcess(t, process.execPath, ['src/cli.ts', 'start', '--config', config], {
    cwd: root,
  });
  const [, port] = await child.waitForLine(/^listening https 127\.0\.0\.1:(\d+)$/, long);
  const [, admin] = await child.waitForLine(/^listening admin https:\/\/127\.0\.0\.1:(\d+)/, long);
  for (const [to, name] of [
    [port, 'www.example.net'],
    [admin, 'gate.example.net'],
    [admin, null],
  ] as const)
    await eventually(async () => (await stapled(Number(to), name)) === 'good', `${name}`, long);
  // Each connection may reach either worker.
  for (let i = 0; i < 6; i++) assert.equal(await stapled(Number(port), 'shop.example.net'), 'none');
  const wanted = /shop\.example\.net \(OCSP\).*its authority has revoked it/s;
  await eventually(() => sent.some((text) => wanted.test(text)), 'the alert', long);
  await child.waitForLine(/"msg":"certificate of shop\.example\.net: its authority has revoked it/);
  await child.waitForLine(/"msg":"the OCSP response for the certificate of gate\.example\.net is stapled/);
  assert.equal((await child.stop()).code, 0);
});
