/** The whole program with must-staple certificates: workers, the admin listener, alerts. */
import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { isDeepStrictEqual } from 'node:util';
import { eventually } from '../support/eventually.ts';
import { freePort } from '../support/free-port.ts';
import { root } from '../support/gateway-process.ts';
import { Authority, type Issued, scriptedResponder, stapled } from '../support/ocsp.ts';
import { runProcess, startProcess } from '../support/process.ts';

const long = 30_000;
const token = '0123456789abcdef0123';

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
admin: { listen: "127.0.0.1:0", token: ${token}, tls: ${pair(gate!)} }
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
  const wanted =
    /no OCSP response can be had for the certificate of shop\.example\.net.*its authority has revoked it/s;
  await eventually(() => sent.some((text) => wanted.test(text)), 'the alert', long);
  await child.waitForLine(/"msg":"certificate of shop\.example\.net: its authority has revoked it/);
  await child.waitForLine(/"msg":"the OCSP response for the certificate of gate\.example\.net is stapled/);
  const get = async (path: string) => {
    const { stdout, stderr } = await runProcess('curl', [
      ...['-sS', '--cacert', authority.cert, '-H', `Authorization: Bearer ${token}`],
      ...['--connect-to', `gate.example.net:443:127.0.0.1:${admin}`, `https://gate.example.net${path}`],
    ]);
    assert.equal(stderr, '');
    return stdout;
  };
  const serial = (of: typeof www) => of!.serial.toLowerCase();
  const wantedStates = [
    ['gate.example.net', serial(gate), 'ec', true, null],
    [
      ...['shop.example.net', serial(shop), 'ec', false],
      'its authority has revoked it, since 2025-01-01T00:00:00.000Z: replace it',
    ],
    ['www.example.net', serial(www), 'ec', true, null],
  ];
  // Each worker asks for itself, and the state shown is the worst of both.
  await eventually(
    async () => {
      const { ocsp } = JSON.parse(await get('/api/status')) as { ocsp: Record<string, string | null>[] };
      const shown = ocsp
        .toSorted((one, other) => (String(one.host) < String(other.host) ? -1 : 1))
        .map(({ host, serial, key, until, trouble }) => [host, serial, key, until !== null, trouble]);
      return isDeepStrictEqual(shown, wantedStates);
    },
    'the states of all three',
    long,
  );
  const metrics = await get('/metrics');
  for (const [name, up] of [
    [gate, 1],
    [shop, 0],
    [www, 1],
  ] as const)
    assert.ok(
      metrics.includes(`sekisho_ocsp_responder_up{host="${name!.name}",serial="${serial(name)}"} ${up}\n`),
    );
  assert.equal((await child.stop()).code, 0);
});

test('after SIGHUP mail and admin listeners show the old certificate until the new one has its response', async (t) => {
  const authority = await Authority.create(t);
  const { url: responder } = await scriptedResponder(t, (request) => authority.respond(request));
  // The responder of the new certificates answers when it may.
  const may = Promise.withResolvers<void>();
  const slow = await scriptedResponder(t, async (request) => {
    await may.promise;
    return authority.respond(request);
  });
  const before = authority.issue('mx.example.net', { responder });
  const after = authority.issue('mx.example.net', { responder: slow.url });
  const [port, admin] = [await freePort(), await freePort()];
  const config = join(authority.folder, 'sekisho.yaml');
  const use = ({ cert, key }: Issued) => {
    const pair = `{ cert: "${cert}", key: "${key}" }`;
    writeFileSync(
      config,
      `listen: ["127.0.0.1:0"]
sites: [{ hosts: [www.example.net], backend: welcome }]
smtp: { listen: [{ address: "127.0.0.1:${port}", tls: implicit }], backend: "127.0.0.1:9", domains: [example.net], tls: ${pair} }
admin: { listen: "127.0.0.1:${admin}", token: ${token}, tls: ${pair} }
journal: false
log: { format: json }
`,
    );
  };
  use(before);
  const child = await startProcess(t, process.execPath, ['src/cli.ts', 'start', '--config', config], {
    cwd: root,
  });
  await child.waitForLine(/^listening admin /, long);
  const shown = async (to: number) => {
    const args = ['s_client', '-status', '-servername', 'mx.example.net', '-connect', `127.0.0.1:${to}`];
    const { stdout } = await runProcess('openssl', args);
    const pem = /Server certificate\n(-----BEGIN[\s\S]*?-----END CERTIFICATE-----)/.exec(stdout)![1];
    return { serial: new X509Certificate(pem!).serialNumber, good: stdout.includes('Cert Status: good') };
  };
  /** A client that insists on a response gets one, and an answer. */
  const served = async () => {
    const url = 'https://mx.example.net/healthz';
    const args = ['--cert-status', '--cacert', authority.cert, '--connect-to', `::127.0.0.1:${admin}`, url];
    const { stdout, stderr } = await runProcess('curl', ['-sS', ...args]);
    assert.deepEqual([stdout, stderr], ['{"status":"ok"}', '']);
  };
  for (const to of [port, admin])
    await eventually(async () => (await shown(to)).good, `a response at ${to}`, long);
  use(after);
  child.signal('SIGHUP');
  await child.waitForLine(/"event":"reload"/, long);
  await eventually(() => slow.asked() > 0, 'the new responder is asked', long);
  for (const to of [port, admin]) assert.deepEqual(await shown(to), { serial: before.serial, good: true });
  await served();
  may.resolve();
  for (const to of [port, admin]) {
    const isNew = async (): Promise<boolean> => {
      const { serial, good } = await shown(to);
      assert.ok(good, `${serial} has no response`);
      return serial === after.serial;
    };
    await eventually(isNew, `the new certificate at ${to}`, long);
  }
  await served();
  assert.equal(slow.asked(), 1);
  assert.equal((await child.stop()).code, 0);
});
