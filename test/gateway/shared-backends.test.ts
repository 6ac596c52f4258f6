/** Two sites with one backend share its connections only where all their settings are equal. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { after, suite, test } from 'node:test';
import { createServer as createTls } from 'node:tls';
import { ok } from '../support/behind-gateway.ts';
import { certificate } from '../support/certificate.ts';
import { eventually } from '../support/eventually.ts';
import { runGateway } from '../support/gateway.ts';
import { rawBackend } from '../support/raw-backend.ts';
import { exchange } from '../support/raw-client.ts';

const owner = { after };
const [a, b] = ['a.example.net', 'b.example.net'];
const get = (host: string): string => `GET / HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`;
const config = (url: string, first: string, second: string): string => `
sites:
  - { hosts: [${a}], backend: "${url}", ${first} }
  - { hosts: [${b}], backend: "${url}", ${second} }
rateLimit: false
`;

suite('one https backend behind two sites', async () => {
  const own = await certificate(owner, ['127.0.0.1']);
  const other = await certificate(owner, ['backend.example.net']);
  const server = createTls({ cert: readFileSync(own.cert), key: readFileSync(own.key) }, (socket) => {
    socket.on('error', () => {});
    socket.on('data', () => socket.write(ok));
  });
  server.on('tlsClientError', () => {});
  await once(server.listen(0, '127.0.0.1'), 'listening');
  after(() => server.close());
  const url = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;

  for (const [what, believed, refused] of [
    ['verify', 'backendTls: { verify: false }', 'backendTls: { verify: true }'],
    ['ca', `backendTls: { ca: "${own.cert}" }`, `backendTls: { ca: "${other.cert}" }`],
    [
      'servername',
      `backendTls: { ca: "${own.cert}" }`,
      `backendTls: { ca: "${own.cert}", servername: backend.example.net }`,
    ],
  ] as const)
    for (const [order, first, second] of [
      ['after', believed, refused],
      ['before', refused, believed],
    ] as const)
      test(`${what} of one site does not apply to the site ${order} it`, async (t) => {
        const { port } = await runGateway(t, config(url, first, second));
        const [good, bad] = first === believed ? [a, b] : [b, a];
        // Twice: then the trusting site has an idle connection that could be reused.
        for (let i = 0; i < 2; i++) {
          assert.equal((await exchange(port, get(good))).responses[0]?.status, 200);
          assert.equal((await exchange(port, get(bad))).responses[0]?.status, 502);
        }
      });
});

suite('one https backend that asks for certificates, behind two sites', async () => {
  const own = await certificate(owner, ['127.0.0.1']);
  const shown = await certificate(owner, ['gateway.example.net']);
  const asking = createTls(
    {
      cert: readFileSync(own.cert),
      key: readFileSync(own.key),
      ca: readFileSync(shown.cert),
      requestCert: true,
      rejectUnauthorized: true,
    },
    (socket) => {
      socket.on('error', () => {});
      socket.on('data', () => socket.write(ok));
    },
  );
  asking.on('tlsClientError', () => {});
  await once(asking.listen(0, '127.0.0.1'), 'listening');
  after(() => asking.close());

  test('the client certificate of one site is not used for the other', async (t) => {
    const tls = `ca: "${own.cert}"`;
    const { port } = await runGateway(
      t,
      config(
        `https://127.0.0.1:${(asking.address() as AddressInfo).port}`,
        `backendTls: { ${tls}, cert: "${shown.cert}", key: "${shown.key}" }`,
        `backendTls: { ${tls} }`,
      ),
    );
    for (let i = 0; i < 2; i++) {
      assert.equal((await exchange(port, get(a))).responses[0]?.status, 200);
      assert.equal((await exchange(port, get(b))).responses[0]?.status, 502);
    }
  });
});

suite('one backend behind two sites', () => {
  test('each site has its own bounds', async (t) => {
    const held = await rawBackend(t);
    const { port } = await runGateway(
      t,
      config(held.url, 'connections: { max: 1, queue: 1 }', 'connections: { max: 2, queue: 1 }'),
    );
    const answers = [a, b, b].map((host) => exchange(port, get(host)));
    await eventually(() => held.connections.length === 3, 'one of the first site, two of the second');
    for (const { socket } of held.connections) socket.write(ok);
    assert.deepEqual(
      (await Promise.all(answers)).map(({ responses }) => responses[0]?.status),
      [200, 200, 200],
    );
  });

  test('sites with equal settings share connections', async (t) => {
    const backend = await rawBackend(t, ({ socket }) => socket.on('data', () => socket.write(ok)));
    const { port } = await runGateway(t, config(backend.url, 'balance: round-robin', 'websocket: true'));
    for (const host of [a, b, a]) assert.equal((await exchange(port, get(host))).responses[0]?.status, 200);
    assert.equal(backend.connections.length, 1);
  });
});
