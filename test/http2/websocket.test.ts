/** WebSocket over HTTP/2 (RFC 8441), an HTTP/1.1 handshake for the backend. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { connect } from 'node:http2';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { after, suite, test } from 'node:test';
import { type WebSocket, WebSocketServer } from 'ws';
import { frameTypes, settingIds } from '../../src/wire/h2-frames.ts';
import { rawBackend } from '../support/raw-backend.ts';
import { host, http2Gateway } from './http2-gateway.ts';
import { data, headers, RawHttp2 } from './raw-http2.ts';

const owner = { after };
const sockets = new WebSocketServer({ port: 0, host: '127.0.0.1', handleProtocols: () => 'chat' });
await once(sockets, 'listening');
after(() => {
  for (const one of sockets.clients) one.terminate();
  sockets.close();
});
const seen: { method: string | undefined; headers: Record<string, unknown> }[] = [];
sockets.on('connection', (socket: WebSocket, request) => {
  seen.push({ method: request.method, headers: request.headers });
  socket.on('message', (message, binary) => socket.send(message, { binary }));
});
const gateway = await http2Gateway(owner, `http://127.0.0.1:${(sockets.address() as AddressInfo).port}`);

const fields = (path = '/chat'): string[] => [
  ...[':method', 'CONNECT', ':protocol', 'websocket', ':scheme', 'https', ':path', path, ':authority', host],
  ...['sec-websocket-version', '13', 'sec-websocket-protocol', 'chat', 'origin', `https://${host}`],
];
/** A masked text frame of a client, RFC 6455 section 5.2. */
const text = (message: string): string => {
  const mask = [1, 2, 3, 4];
  const masked = [...message].map((char, i) => String.fromCharCode(char.charCodeAt(0) ^ mask[i % 4]!));
  return `\x81${String.fromCharCode(0x80 | message.length)}\x01\x02\x03\x04${masked.join('')}`;
};

/** A backend that answers handshakes as the test says. */
async function stubborn(answer: (key: string) => string, milliseconds = 0): Promise<string> {
  const open = new Set<Socket>();
  const server = createServer((socket) => {
    open.add(socket);
    socket.on('error', () => {});
    socket.once('data', (bytes) => {
      const [, key = ''] = /sec-websocket-key: *(\S+)/i.exec(bytes.toString('latin1')) ?? [];
      setTimeout(() => socket.write(answer(key)), milliseconds);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  after(() => {
    for (const socket of open) socket.destroy();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}
const acceptOf = (key: string): string =>
  createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');

async function open(port = gateway.port): Promise<RawHttp2> {
  const client = await RawHttp2.open(port);
  after(() => client.destroy());
  return client;
}

suite('WebSocket over HTTP/2', () => {
  test('is offered', async () => {
    const client = await open();
    const settings = await client.frame((one) => one.type === frameTypes.settings);
    const pairs = settings!.payload.toString('hex').match(/.{12}/g);
    assert.ok(pairs?.includes(`000${settingIds.enableConnectProtocol}00000001`));
  });

  test('messages and the close go both ways', async () => {
    const client = await open();
    client.send(headers(1, fields(), false));
    assert.equal(await client.fate(1), '200');
    const answer = client.frames.find((one) => one.type === frameTypes.headers)!;
    assert.equal(answer.fields[answer.fields.indexOf('sec-websocket-protocol') + 1], 'chat');
    assert.ok(!answer.fields.includes('sec-websocket-accept'));
    client.send(data(1, text('hello')));
    const echo = await client.frame((one) => one.type === frameTypes.data);
    assert.equal(echo!.payload.toString('latin1'), '\x81\x05hello');
    assert.equal(seen.at(-1)?.method, 'GET');
    assert.equal(seen.at(-1)?.headers.connection, 'Upgrade');
    assert.equal(seen.at(-1)?.headers.origin, `https://${host}`);
    // A close frame, its answer, and the end of the stream.
    client.send(data(1, '\x88\x80\x01\x02\x03\x04', true));
    await client.body(1);
    assert.ok(await client.alive());
  });

  test('the end of the stream reaches a backend that has not ended', async (t) => {
    const { url, connections } = await rawBackend(t, async ({ socket, until }) => {
      const [, key = ''] = /sec-websocket-key: *(\S+)/i.exec(await until(/\r\n\r\n/)) ?? [];
      socket.write(
        `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${acceptOf(key)}\r\n\r\n`,
      );
    });
    const { port } = await http2Gateway(t, url);
    const client = await open(port);
    client.send(headers(1, fields(), false));
    assert.equal(await client.fate(1), '200');
    client.send(data(1, text('bye'), true));
    await connections[0]!.ended;
    assert.match(connections[0]!.text(), /\x81\x83\x01\x02\x03\x04...$/);
  });

  test('a handshake that is answered wrongly leaves no connection to the backend', async (t) => {
    const { url, connections } = await rawBackend(t, async ({ socket, until }) => {
      await until(/\r\n\r\n/);
      socket.write(
        `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${acceptOf('x')}\r\n\r\n`,
      );
    });
    const { port } = await http2Gateway(t, url);
    const client = await open(port);
    client.send(headers(1, fields(), false));
    assert.equal(await client.fate(1), '502');
    await connections[0]!.ended;
  });

  test("Node's client", async () => {
    const session = connect(`https://127.0.0.1:${gateway.port}`, { rejectUnauthorized: false });
    after(() => session.destroy());
    session.on('error', () => {});
    await once(session, 'remoteSettings');
    const stream = session.request({
      ':method': 'CONNECT',
      ':protocol': 'websocket',
      ':path': '/chat',
      ':authority': host,
      'sec-websocket-version': '13',
    });
    const [answer] = await once(stream, 'response');
    assert.equal(answer[':status'], 200);
    stream.write(Buffer.from(text('from Node'), 'latin1'));
    const [echo] = await once(stream, 'data');
    assert.equal(echo.toString('latin1'), '\x81\x09from Node');
    stream.close();
  });

  test('a reset closes the backend connection', async () => {
    const client = await open();
    client.send(headers(1, fields(), false));
    await client.fate(1);
    const [socket] = [...sockets.clients].slice(-1);
    const closed = once(socket!, 'close');
    client.send('\0\0\x04\x03\0\0\0\0\x01\0\0\0\x08');
    await closed;
  });

  test('a large message, beyond every window', async () => {
    const client = await open();
    client.send(headers(1, fields(), false));
    await client.fate(1);
    const [socket] = [...sockets.clients].slice(-1);
    socket!.send('x'.repeat(100_000));
    const received = (): number =>
      client.frames.reduce((sum, one) => sum + (one.type === frameTypes.data ? one.payload.length : 0), 0);
    await client.frame(() => received() === 65_535);
    client.send('\0\0\x04\x08\0\0\0\0\0\0\x01\0\0\0\0\x04\x08\0\0\0\0\x01\0\x01\0\0');
    await client.frame(() => received() > 100_000);
  });

  for (const [what, answer, status] of [
    ['a refusal goes on', () => 'HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno', '403'],
    ['200 is no 101', () => 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok', '502'],
    [
      'the answer to another handshake',
      () =>
        `HTTP/1.1 101 Switching\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: ${acceptOf('x')}\r\n\r\n`,
      '502',
    ],
    [
      'another protocol',
      (key: string) =>
        `HTTP/1.1 101 Switching\r\nConnection: Upgrade\r\nUpgrade: h2c\r\nSec-WebSocket-Accept: ${acceptOf(key)}\r\n\r\n`,
      '502',
    ],
  ] as const) {
    test(what, async () => {
      const { port } = await http2Gateway(owner, await stubborn(answer));
      const client = await open(port);
      client.send(headers(1, fields(), false));
      assert.equal(await client.fate(1), status);
    });
  }

  test('a silent one is closed', async () => {
    const backend = `http://127.0.0.1:${(sockets.address() as AddressInfo).port}`;
    const { port } = await http2Gateway(owner, backend, 'timeouts: { upgrade: 300ms, body: 200ms }\n');
    const client = await open(port);
    client.send(headers(1, fields(), false));
    assert.equal(await client.fate(1), '200');
    assert.equal(await client.error(1), 'reset cancel');
  });

  test('the idle timeout starts with the handshake, not with the gateway', async () => {
    const slow = await stubborn(
      (key) =>
        `HTTP/1.1 101 Switching\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: ${acceptOf(key)}\r\n\r\n`,
      400,
    );
    const { port } = await http2Gateway(owner, slow, 'timeouts: { upgrade: 900ms, body: 200ms }\n');
    const client = await open(port);
    client.send(headers(1, fields(), false));
    assert.equal(await client.fate(1), '200');
  });

  test('no internal errors', () => assert.deepEqual(gateway.errors, []));
});
