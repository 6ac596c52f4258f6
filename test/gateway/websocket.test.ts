/** WebSocket handshakes and the traffic after them. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { after, suite, test } from 'node:test';
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

const key = 'dGhlIHNhbXBsZSBub25jZQ==';
/** RFC 6455 section 4.2.2. */
const accept = createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');
const handshake = (target = '/chat?room=1', host = 'www.example.net', more = ''): string =>
  `GET ${target} HTTP/1.1\r\nHost: ${host}\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: ${key}\r\nSec-WebSocket-Version: 13\r\n${more}\r\n`;
const switching = `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`;

const config = (url: string, timeouts = ''): string => `
sites: [{ hosts: [www.example.net], backend: "${url}", websocket: true }]
rateLimit: false
timeouts: { ${timeouts} }
`;

/** A small WebSocket server: echoes text frames unmasked, and answers a close with a close. */
async function webSocketServer({ socket, until }: BackendConnection): Promise<void> {
  await until(/\r\n\r\n/);
  socket.removeAllListeners('data');
  socket.write(switching);
  let pending = Buffer.alloc(0);
  socket.on('data', (chunk: Buffer) => {
    pending = Buffer.concat([pending, chunk]);
    while (pending.length >= 6 && pending.length >= 6 + (pending[1]! & 0x7f)) {
      const length = pending[1]! & 0x7f;
      const mask = pending.subarray(2, 6);
      const payload = pending.subarray(6, 6 + length).map((byte, i) => byte ^ mask[i % 4]!);
      socket.write(Buffer.concat([Buffer.from([pending[0]!, length]), payload]));
      if ((pending[0]! & 0x0f) === 8) socket.end();
      pending = pending.subarray(6 + length);
    }
  });
}

const frame = (opcode: number, text: string): Buffer =>
  Buffer.concat([
    Buffer.from([0x80 | opcode, 0x80 | text.length, 1, 2, 3, 4]),
    Buffer.from(text).map((byte, i) => byte ^ [1, 2, 3, 4][i % 4]!),
  ]);

suite('an upgraded connection', () => {
  test('completes the handshake, echoes, and closes', async (t) => {
    const backend = await rawBackend(t, webSocketServer);
    const gateway = await runGateway(t, config(backend.url));
    const client = await rawConnection(t, gateway.port);
    client.socket.write(handshake());
    const head = await client.until(/\r\n\r\n/);
    assert.match(head, /^HTTP\/1\.1 101 /);
    assert.ok(head.includes(accept));
    client.socket.write(frame(1, 'hello'));
    await client.until(/\x81\x05hello$/);
    client.socket.write(frame(1, 'x'.repeat(100)));
    await client.until(/\x81\x64x{100}$/);
    client.socket.write(frame(8, '\x03\xe8'));
    await client.until(/\x88\x03?/);
    await client.ended;
  });

  test('reaches the backend with our Host, in origin form, with forwarding fields of ours', async (t) => {
    const backend = await rawBackend(t);
    const gateway = await runGateway(t, config(backend.url));
    const client = await rawConnection(t, gateway.port);
    const target = 'http://WWW.example.net/a/%2e%2e/b;c?d=http://x/#'.slice(0, -1);
    client.socket.write(
      handshake(
        target,
        'www.example.net',
        'X-Forwarded-For: 10.0.0.1\r\nCookie: a=1\r\nCookie: b=2\r\nProxy: http://evil.example\r\nOrigin: https://www.example.net\r\n',
      ),
    );
    const text = await (await backend.connection(0)).until(/\r\n\r\n/);
    const lines = text.split('\r\n');
    assert.equal(lines[0], 'GET /a/%2e%2e/b;c?d=http://x/ HTTP/1.1');
    const values = (name: string) =>
      lines
        .filter((line) => line.toLowerCase().startsWith(`${name}:`))
        .map((line) => line.slice(name.length + 1).trim());
    assert.deepEqual(values('host'), ['www.example.net']);
    assert.deepEqual(values('x-forwarded-for'), ['127.0.0.1']);
    assert.deepEqual(values('proxy'), []);
    assert.match(values('connection').join(), /^upgrade$/i);
    assert.match(values('upgrade').join(), /^websocket$/i);
    assert.deepEqual(values('sec-websocket-key'), [key]);
    assert.deepEqual(
      values('cookie')
        .join('; ')
        .split(/[;,] */),
      ['a=1', 'b=2'],
    );
  });

  test('frames sent with the handshake reach the backend', async (t) => {
    const backend = await rawBackend(t, webSocketServer);
    const gateway = await runGateway(t, config(backend.url));
    const client = await rawConnection(t, gateway.port);
    client.socket.write(Buffer.concat([Buffer.from(handshake()), frame(1, 'early')]));
    await client.until(/101 [\s\S]*\x81\x05early$/);
  });

  test('loses nothing of a long message to a backend that reads slowly', async (t) => {
    const backend = await rawBackend(t, async ({ socket, until }) => {
      await until(/\r\n\r\n/);
      socket.write(switching);
    });
    const gateway = await runGateway(t, config(backend.url));
    const client = await rawConnection(t, gateway.port);
    client.socket.write(handshake());
    await client.until(/\r\n\r\n/);
    const upstream = backend.connections[0]!;
    upstream.socket.pause();
    const before = upstream.text().length;
    const much = Buffer.alloc(24 * 1024 * 1024, 'x');
    client.socket.write(much);
    // Each of these takes the gateway some turns, in which it fills what the system holds for the backend.
    for (let i = 0; i < 10; i++) await exchange(gateway.port, 'GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n');
    upstream.socket.resume();
    await eventually(() => upstream.text().length === before + much.length, 'all of it arrives');
  });

  test('pipelined after a slow request: its answer comes after that one', async (t) => {
    const backend = await rawBackend(t, async (connection) => {
      await connection.until(/\r\n\r\n/);
      await new Promise((late) => setTimeout(late, 80));
      connection.socket.write('HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nfirst');
      await connection.until(/Upgrade[\s\S]*\r\n\r\n/);
      return webSocketServer(connection);
    });
    const gateway = await runGateway(t, config(backend.url));
    const client = await rawConnection(t, gateway.port);
    client.socket.write(`GET /slow HTTP/1.1\r\nHost: www.example.net\r\n\r\n${handshake()}`);
    const text = await client.until(/101 Switching/);
    assert.match(text, /^HTTP\/1\.1 200 OK[\s\S]*first(?:HTTP\/1\.1 101 )/);
    client.socket.write(frame(1, 'hello'));
    await client.until(/\x81\x05hello$/);
  });

  test('closes when the backend or the client closes', async (t) => {
    const backend = await rawBackend(t, webSocketServer);
    const gateway = await runGateway(t, config(backend.url));
    const one = await rawConnection(t, gateway.port);
    one.socket.write(handshake());
    await one.until(/\r\n\r\n/);
    backend.connections[0]!.socket.destroy();
    await one.ended;
    const two = await rawConnection(t, gateway.port);
    two.socket.write(handshake());
    await two.until(/\r\n\r\n/);
    two.socket.destroy();
    await backend.connections[1]!.ended;
    const three = await rawConnection(t, gateway.port);
    three.socket.write(handshake());
    await three.until(/\r\n\r\n/);
    three.socket.resetAndDestroy();
    await backend.connections[2]!.ended;
  });

  test('is closed on both sides after its idle timeout', async (t) => {
    const backend = await rawBackend(t, webSocketServer);
    const gateway = await runGateway(t, config(backend.url, 'upgrade: 400ms'));
    const client = await rawConnection(t, gateway.port);
    client.socket.write(handshake());
    await client.until(/\r\n\r\n/);
    await client.ended;
    await backend.connections[0]!.ended;
  });

  test('is closed at shutdown', async (t) => {
    const backend = await rawBackend(t, webSocketServer);
    const gateway = await runGateway(t, config(backend.url));
    const client = await rawConnection(t, gateway.port);
    client.socket.write(handshake());
    await client.until(/\r\n\r\n/);
    await gateway.gateway.close(50);
    await client.ended;
    await backend.connections[0]!.ended;
  });
});

suite('a failed handshake', () => {
  test('backend unreachable: 502', async (t) => {
    const gateway = await runGateway(t, config(`http://127.0.0.1:${await freePort()}`));
    const reply = await exchange(gateway.port, handshake());
    assert.deepEqual(
      reply.responses.map(({ status }) => status),
      [502],
    );
    assert.equal(reply.ended, 'closed');
    assert.match(gateway.log.join(), /accepts no connection/);
  });

  test('backend closes in the middle: 502', async (t) => {
    const backend = await rawBackend(t, async ({ socket, until }) => {
      await until(/\r\n\r\n/);
      socket.destroy();
    });
    const gateway = await runGateway(t, config(backend.url));
    const reply = await exchange(gateway.port, handshake());
    assert.deepEqual(
      reply.responses.map(({ status }) => status),
      [502],
    );
  });

  test('backend silent: 504', async (t) => {
    const backend = await rawBackend(t);
    const gateway = await runGateway(t, config(backend.url, 'headers: 300ms'));
    const reply = await exchange(gateway.port, handshake());
    assert.deepEqual(
      reply.responses.map(({ status }) => status),
      [504],
    );
    await backend.connections[0]!.ended;
  });

  test('client leaves: the backend connection is closed', async (t) => {
    const backend = await rawBackend(t);
    const gateway = await runGateway(t, config(backend.url));
    const client = await rawConnection(t, gateway.port);
    client.socket.write(handshake());
    const upstream = await backend.connection(0);
    await upstream.until(/\r\n\r\n/);
    client.socket.destroy();
    await upstream.ended;
  });

  for (const [what, answer, body] of [
    ['with a length', 'HTTP/1.1 403 Forbidden\r\nX-Why: no\r\nContent-Length: 4\r\n\r\nnope', 'nope'],
    [
      'chunked',
      'HTTP/1.1 403 Forbidden\r\nX-Why: no\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nno\r\n2\r\npe\r\n0\r\n\r\n',
      'nope',
    ],
    ['until the end', 'HTTP/1.1 403 Forbidden\r\nX-Why: no\r\nConnection: close\r\n\r\nnope', 'nope'],
  ] as const)
    test(`backend refuses, ${what}: its answer is passed on, and the connection is not a tunnel`, async (t) => {
      const backend = await rawBackend(t, async ({ socket, until }) => {
        await until(/\r\n\r\n/);
        if (answer.includes('close')) socket.end(answer);
        else socket.write(answer);
      });
      const gateway = await runGateway(t, config(backend.url));
      const smuggled = 'GET /admin HTTP/1.1\r\nHost: www.example.net\r\n\r\n';
      const reply = await exchange(gateway.port, [handshake(), smuggled]);
      assert.equal(reply.responses[0]?.status, 403, reply.text);
      assert.deepEqual(reply.responses[0]?.headers.get('x-why'), ['no']);
      assert.equal(reply.responses[0]?.body.toString(), body);
      assert.notEqual(reply.ended, 'timeout');
      assert.doesNotMatch(backend.connections.map(({ text }) => text()).join(), /admin/);
    });

  test('foreign Host: refused without a dial', async (t) => {
    const backend = await rawBackend(t);
    const gateway = await runGateway(t, config(backend.url));
    for (const request of [
      handshake('/', 'evil.example'),
      handshake('http://evil.example/', 'evil.example'),
    ]) {
      const reply = await exchange(gateway.port, request);
      assert.deepEqual(
        reply.responses.map(({ status }) => status),
        [421],
      );
    }
    assert.equal(backend.connections.length, 0);
  });

  test('site without WebSocket: an ordinary request without Upgrade', async (t) => {
    const backend = await rawBackend(t, async ({ socket, until }) => {
      await until(/\r\n\r\n/);
      socket.write('HTTP/1.1 426 Upgrade Required\r\nContent-Length: 0\r\n\r\n');
    });
    const gateway = await runGateway(t, config(backend.url).replace(', websocket: true', ''));
    const reply = await exchange(gateway.port, handshake(), { until: 1 });
    assert.equal(reply.responses[0]?.status, 426);
    assert.doesNotMatch(backend.connections[0]!.text(), /\r\nupgrade:/i);
    assert.deepEqual(
      gateway.events.map(({ rule }) => rule),
      ['upgrade-unknown'],
    );
  });
});
