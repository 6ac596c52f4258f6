/**
 * Clients with slow bodies or many connections do not block others: up to a limit a body is buffered before a backend connection is
 * taken; beyond it, the body must arrive at a minimum rate.
 */
import assert from 'node:assert/strict';
import { after, suite, test } from 'node:test';
import { get, hostLine } from '../support/behind-gateway.ts';
import { certificate } from '../support/certificate.ts';
import { eventually } from '../support/eventually.ts';
import { allowedAddress, runGateway, trustedAddress } from '../support/gateway.ts';
import { http2Request, http2Session } from '../support/http2-client.ts';
import { rawBackend } from '../support/raw-backend.ts';
import { exchange } from '../support/raw-client.ts';
import { rawConnection } from '../support/raw-connection.ts';
import { recordingBackend } from '../support/recording-backend.ts';

const crashes: unknown[] = [];
process.on('uncaughtExceptionMonitor', (error) => crashes.push(error));
process.on('warning', (warning) => crashes.push(warning));
after(() => assert.deepEqual(crashes, [], 'nothing crashed or warned'));

const owner = { after };
const host = 'www.example.net';
const config = (url: string, more = ''): string =>
  `sites: [{ hosts: [${host}], backend: "${url}", connections: { max: 2, queue: 4, wait: 1s } }]\nrateLimit: false\nbans: false\n${more}`;
const tls = async (): Promise<string> => {
  const { cert, key } = await certificate(owner, [host]);
  return `listen: [{ address: "127.0.0.1:0", tls: { cert: ${cert}, key: ${key} } }]\n`;
};

const lined = (length: number): string => `POST /p HTTP/1.1\r\n${hostLine}Content-Length: ${length}\r\n\r\n`;
const chunkedHead = `POST /p HTTP/1.1\r\n${hostLine}Transfer-Encoding: chunked\r\n\r\n`;

suite('bodies that trickle', () => {
  for (const [what, head, piece] of [
    ['of a length', lined(1000), 'x'],
    ['in chunks', chunkedHead, '1\r\nx\r\n'],
    [
      'whose client waits for 100 Continue',
      lined(1000).replace('\r\n\r\n', '\r\nExpect: 100-continue\r\n\r\n'),
      'x',
    ],
    ['of more than a packet', lined(60_000), 'x'.repeat(3000)],
  ] as const)
    test(`${what}: they take no backend connection, and others are served`, async (t) => {
      const backend = await recordingBackend(t);
      const { port, gateway } = await runGateway(t, config(backend.url));
      const clients = await Promise.all(Array.from({ length: 20 }, () => rawConnection(t, port)));
      for (let i = 0; i < 3; i++) {
        for (const { socket } of clients) socket.write(i === 0 ? head : piece);
        await new Promise((done) => setTimeout(done, 20));
      }
      if (what.includes('100')) for (const client of clients) await client.until(/^HTTP\/1\.1 100 /);
      assert.equal(backend.requests.length, 0);
      assert.equal(gateway.backends[0]!.load, 0);
      for (let i = 0; i < 3; i++)
        assert.equal((await exchange(port, get, { until: 1 })).responses[0]?.status, 200);
    });

  test('over HTTP/2 too', async (t) => {
    const backend = await recordingBackend(t);
    const { port, gateway } = await runGateway(t, config(backend.url), await tls());
    const session = await http2Session(t, `https://127.0.0.1:${port}`);
    for (let i = 0; i < 20; i++) {
      const stream = session.request(
        { ':method': 'POST', ':path': '/p', ':authority': host },
        { endStream: false },
      );
      stream.on('error', () => {}).write('x');
    }
    const reply = await http2Request(session, { ':path': '/', ':authority': host });
    assert.equal(reply.status, 200);
    assert.equal(backend.requests.length, 1);
    assert.equal(gateway.backends[0]!.load, 0);
  });

  test('whose client leaves before the end never reach a backend', async (t) => {
    const backend = await rawBackend(t);
    const { port, gateway } = await runGateway(t, config(backend.url));
    const client = await rawConnection(t, port);
    client.socket.write(`${lined(100)}x`);
    await new Promise((done) => setTimeout(done, 50));
    client.socket.resetAndDestroy();
    await eventually(() => gateway.backends[0]!.load === 0, 'nothing waits');
    assert.equal(backend.connections.length, 0);
  });
});

suite('a buffered body', () => {
  for (const [what, length] of [
    ['as long as what is kept', 64 * 1024],
    ['longer than what is kept', 64 * 1024 + 1],
    ['much longer', 700_000],
    ['of one byte', 1],
  ] as const)
    for (const chunked of [false, true])
      test(`${what} arrives unchanged${chunked ? ', in chunks' : ''}`, async (t) => {
        const backend = await recordingBackend(t);
        const { port } = await runGateway(t, config(backend.url));
        const body = Buffer.from(Array.from({ length }, (_, i) => i % 251));
        const third = Math.ceil(length / 3);
        const parts = [0, 1, 2]
          .map((i) => body.subarray(i * third, (i + 1) * third))
          .filter((part) => part.length > 0);
        const pieces = chunked
          ? [
              chunkedHead,
              ...parts.map((part) =>
                Buffer.concat([Buffer.from(`${part.length.toString(16)}\r\n`), part, Buffer.from('\r\n')]),
              ),
              '0\r\n\r\n',
            ]
          : [lined(length), ...parts];
        const reply = await exchange(port, pieces, { until: 1, gap: 20 });
        assert.equal(reply.responses[0]?.status, 200, reply.text);
        assert.equal(backend.requests.length, 1);
        assert.ok(backend.requests[0]!.body.equals(body));
        assert.deepEqual(backend.faults, []);
      });

  test('longer than limits.bufferedBody is forwarded while it still arrives', async (t) => {
    const backend = await rawBackend(t);
    const { port } = await runGateway(t, config(backend.url, 'limits: { bufferedBody: 8KiB }\n'));
    const client = await rawConnection(t, port);
    client.socket.write(lined(20_000) + 'x'.repeat(10_000));
    await (await backend.connection(0)).until(/\r\n\r\nx{9000,}/);
  });
});

suite('the rate of a body', () => {
  test('must reach timeouts.minRate after a grace: a slower body is cut off, a faster one goes on', async (t) => {
    const backend = await rawBackend(t);
    const { port, gateway } = await runGateway(t, config(backend.url, 'limits: { bufferedBody: 1KiB }\n'));
    const clients = await Promise.all([0, 1].map(() => rawConnection(t, port)));
    for (const { socket } of clients) socket.write(lined(1_000_000) + 'x'.repeat(2000));
    await eventually(() => gateway.backends[0]!.load === 2, 'both are with the backend');
    let over = false;
    clients[0]!.socket.on('close', () => {
      over = true;
    });
    let fastOver = false;
    clients[1]!.socket.on('close', () => {
      fastOver = true;
    });
    const timer = setInterval(() => {
      clients[0]!.socket.write('x');
      clients[1]!.socket.write('x'.repeat(200));
    }, 200);
    t.after(() => clearInterval(timer));
    await eventually(() => over || clients[0]!.text() !== '', 'the slow one is answered or cut off', 25_000);
    assert.match(clients[0]!.text(), /^(?:HTTP\/1\.1 408 [\s\S]*)?$/);
    assert.deepEqual([fastOver, clients[1]!.text()], [false, '']);
  });
});

suite('the connections of one client', () => {
  const limits = 'limits: { connectionsPerClient: 3 }\n';
  const alive = async (port: number, from: string): Promise<boolean> => {
    const { responses } = await exchange(port, get, { until: 1, from, timeout: 2000 }).catch(() => ({
      responses: [],
    }));
    return responses[0]?.status === 200;
  };

  for (const proxied of [false, true])
    test(`are bounded, others are not affected, and one more is accepted when one ends${proxied ? ' (TLS)' : ''}`, async (t) => {
      const backend = await recordingBackend(t);
      const { port } = await runGateway(t, config(backend.url, limits), proxied ? await tls() : undefined);
      const ask = proxied
        ? async (from: string): Promise<boolean> =>
            (
              await exchange(port, get, {
                until: 1,
                tls: { localAddress: from } as object,
                timeout: 2000,
              }).catch(() => ({ responses: [] as { status: number }[] }))
            ).responses[0]?.status === 200
        : (from: string) => alive(port, from);
      const held = await Promise.all([1, 2, 3].map(() => rawConnection(t, port)));
      assert.equal(await ask('127.0.0.1'), false);
      assert.equal(await ask('127.0.0.9'), true);
      held[0]!.socket.destroy();
      await eventually(() => ask('127.0.0.1'), 'it gets one again');
    });

  test('are not bounded for trusted proxies and clients on the allow-list', async (t) => {
    const backend = await recordingBackend(t);
    const yaml = config(backend.url, limits).replace(
      'bans: false',
      `trustedProxies: [${trustedAddress}]\nbans: { allow: [${allowedAddress}] }`,
    );
    const { port } = await runGateway(t, yaml);
    for (const from of [trustedAddress, allowedAddress]) {
      const answers = await Promise.all(
        Array.from({ length: 6 }, () =>
          exchange(port, get.repeat(1), { until: 'close', from, timeout: 300 }),
        ),
      );
      assert.deepEqual(
        answers.map(({ responses }) => responses[0]?.status),
        Array(6).fill(200),
      );
    }
  });
});
