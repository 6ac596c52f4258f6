/** Handshakes are handled like every request: they fail over, count, queue, and their refusals are bounded. */
import assert from 'node:assert/strict';
import { after, suite, type TestContext, test } from 'node:test';
import { hostLine } from '../support/behind-gateway.ts';
import { eventually } from '../support/eventually.ts';
import { freePort } from '../support/free-port.ts';
import { runGateway } from '../support/gateway.ts';
import { type BackendConnection, rawBackend } from '../support/raw-backend.ts';
import { exchange } from '../support/raw-client.ts';
import { rawConnection } from '../support/raw-connection.ts';

const crashes: unknown[] = [];
process.on('uncaughtExceptionMonitor', (error) => crashes.push(error));
process.on('warning', (warning) => crashes.push(warning));
after(() => assert.deepEqual(crashes, [], 'nothing crashed or warned'));

const handshake = `GET /ws HTTP/1.1\r\n${hostLine}Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n`;
const switching =
  'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n';
const switches = async ({ socket, until }: BackendConnection): Promise<void> => {
  await until(/\r\n\r\n/);
  socket.write(switching);
};
const site = (urls: readonly string[], more = ''): string => `
sites:
  - hosts: [www.example.net]
    websocket: true
    backends: [${urls.map((url) => `{ url: "${url}" }`).join(', ')}]
    ${more}
rateLimit: false
`;

/** A client that is upgraded. */
async function upgraded(t: TestContext, port: number) {
  const client = await rawConnection(t, port);
  client.socket.write(handshake);
  await client.until(/^HTTP\/1\.1 101 [\s\S]*\r\n\r\n/);
  return client;
}
const status = async (port: number, timeout = 5000): Promise<number | undefined> =>
  (await exchange(port, handshake, { until: 1, timeout })).responses[0]?.status;

suite('a handshake', () => {
  test('goes to another backend where one accepts no connection, and that one is ejected', async (t) => {
    const well = await rawBackend(t, switches);
    const { port, gateway } = await runGateway(t, site([`http://127.0.0.1:${await freePort()}`, well.url]));
    const found: unknown[] = [];
    for (let i = 0; i < 10; i++) found.push(await status(port));
    assert.deepEqual(found, Array(10).fill(101));
    assert.equal(gateway.backends[0]!.health.state(performance.now()), 'ejected');
    assert.equal(gateway.backends[1]!.health.state(performance.now()), 'healthy');
  });

  test('all backends unreachable: 502 at once', async (t) => {
    const gone = [`http://127.0.0.1:${await freePort()}`, `http://127.0.0.1:${await freePort()}`];
    const { port } = await runGateway(t, site(gone));
    assert.equal(await status(port), 502);
  });

  test('that a backend has read but not answered is not sent to another', async (t) => {
    const backends = await Promise.all(
      [1, 2].map(() =>
        rawBackend(t, async ({ socket, until }) => {
          await until(/\r\n\r\n/);
          socket.destroy();
        }),
      ),
    );
    const { port } = await runGateway(t, site(backends.map(({ url }) => url)));
    assert.equal(await status(port), 502);
    assert.equal(backends[0]!.connections.length + backends[1]!.connections.length, 1);
  });

  test('counts as long as it lasts: beyond connections.max handshakes queue, then get 503', async (t) => {
    const backend = await rawBackend(t, switches);
    const { port, gateway } = await runGateway(
      t,
      site([backend.url], 'connections: { max: 2, queue: 1, wait: 500ms }'),
    );
    const first = await upgraded(t, port);
    await upgraded(t, port);
    assert.equal(gateway.backends[0]!.load, 2);
    const [waits, third] = [status(port), status(port)];
    assert.deepEqual([await third, await waits], [503, 503]);
    assert.equal(backend.connections.length, 2);
    const next = upgraded(t, port);
    await eventually(() => gateway.backends[0]!.load === 3, 'one waits');
    first.socket.resetAndDestroy();
    await next;
    assert.equal(backend.connections.length, 3);
  });

  test('and plain requests share the bound', async (t) => {
    const backend = await rawBackend(t, switches);
    const { port } = await runGateway(
      t,
      site([backend.url], 'connections: { max: 1, queue: 1, wait: 300ms }'),
    );
    await upgraded(t, port);
    const get = `GET / HTTP/1.1\r\n${hostLine}\r\n`;
    assert.equal((await exchange(port, get, { until: 1 })).responses[0]?.status, 503);
  });

  test('goes to the backend with the fewest connections, upgraded ones included', async (t) => {
    const backends = await Promise.all([rawBackend(t, switches), rawBackend(t, switches)]);
    const { port, gateway } = await runGateway(
      t,
      site(
        backends.map(({ url }) => url),
        'balance: least-connections',
      ),
    );
    for (let i = 0; i < 6; i++) await upgraded(t, port);
    assert.deepEqual(
      gateway.backends.map(({ load }) => load),
      [3, 3],
    );
  });
});

suite('a handshake that is refused', () => {
  for (const [what, bytes, expected] of [
    ['with a page', 'HTTP/1.1 403 No\r\nContent-Length: 2\r\n\r\nno', [403, 'no']],
    ['with a login', 'HTTP/1.1 401 Who\r\nWWW-Authenticate: Basic\r\nContent-Length: 0\r\n\r\n', [401, '']],
    ['with a redirect', 'HTTP/1.1 302 There\r\nLocation: /\r\nContent-Length: 0\r\n\r\n', [302, '']],
    ['with 200', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n', [200, 'ok']],
    [
      'with 426',
      'HTTP/1.1 426 Upgrade\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nContent-Length: 0\r\n\r\n',
      [426, ''],
    ],
    [
      'by another protocol',
      'HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\n',
      [502, '502 Bad Gateway\n'],
    ],
    ['by nonsense', 'SSH-2.0-OpenSSH_9\r\n\r\n', [502, '502 Bad Gateway\n']],
  ] as const)
    test(`${what}: its answer is passed on, and bytes after it are not a request`, async (t) => {
      const backend = await rawBackend(t, async ({ socket, until }) => {
        await until(/\r\n\r\n/);
        socket.write(bytes);
      });
      const { port } = await runGateway(t, site([backend.url]));
      const frames = `GET /smuggled HTTP/1.1\r\n${hostLine}\r\n`;
      const { responses } = await exchange(port, [handshake, frames], { inTurn: true });
      assert.deepEqual(
        responses.map((one) => [one.status, one.body.toString()]),
        [expected],
      );
      assert.ok(backend.connections.every(({ text }) => !text().includes('smuggled')));
    });

  test('with an endless body, for a client that does not read: little is held', async (t) => {
    let sent = 0;
    const backend = await rawBackend(t, async ({ socket, until }) => {
      await until(/\r\n\r\n/);
      socket.write('HTTP/1.1 200 OK\r\nContent-Length: 4000000000\r\n\r\n');
      const piece = Buffer.alloc(256 * 1024, 'x');
      const more = (): void => {
        while (!socket.destroyed && socket.write(piece)) sent += piece.length;
        sent += piece.length;
      };
      socket.on('drain', more);
      more();
    });
    const { port } = await runGateway(t, site([backend.url]));
    const before = process.memoryUsage().rss;
    const clients = await Promise.all([1, 2, 3, 4].map(() => rawConnection(t, port)));
    for (const { socket } of clients) {
      socket.removeAllListeners('data').pause();
      socket.write(handshake);
    }
    await eventually(() => backend.connections.length === 4, 'all are asked');
    // The stall only shows once the system's buffers are full.
    let last = -1;
    await eventually(
      async () => {
        const still = sent === last;
        last = sent;
        await new Promise((done) => setTimeout(done, 300));
        return still && sent === last;
      },
      'it stands still',
      10_000,
    );
    // The system holds some megabytes on either side of the gateway.
    assert.ok(sent < 4 * 24 * 1024 * 1024, `${sent} bytes were taken`);
    assert.ok(process.memoryUsage().rss - before < 200 * 1024 * 1024, 'it is not in memory');
  });
});
