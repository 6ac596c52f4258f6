/** An upgraded connection between a raw backend and a raw client: pressure both ways, and how each side ends it. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { suite, type TestContext, test } from 'node:test';
import { Attempt, type ClientSide } from '../../src/forward/attempt.ts';
import { Backend, BackendGroup } from '../../src/forward/backend-group.ts';
import { Pool } from '../../src/forward/pool.ts';
import { carryUpgrade, type Tunnel } from '../../src/forward/tunnel.ts';
import { eventually } from '../support/eventually.ts';
import { type BackendConnection, rawBackend } from '../support/raw-backend.ts';
import { rawConnection } from '../support/raw-connection.ts';

const switching = 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n';
/** More than the system holds for a connection. */
const much = Buffer.alloc(24 * 1024 * 1024, 'x');

/**
 * @param along what the backend sends in the packet of its 101
 * @param onTunnel called with the gateway's socket to the client as soon as there is a tunnel
 */
async function begin(t: TestContext, along: string, onTunnel: (socket: Socket, tunnel: Tunnel) => void) {
  const backend = await rawBackend(t, async ({ socket, until }: BackendConnection) => {
    await until(/\r\n\r\n/);
    socket.write(switching + along);
  });
  const times = { connect: 5000, headers: 5000, body: 5000, queueTimeout: 5000, idle: 60_000 };
  const pool = new Pool(
    { kind: 'tcp', host: '127.0.0.1', port: backend.port },
    { ...times, maxConnections: 4, maxQueue: 4 },
  );
  const group = new BackendGroup([new Backend(pool, 1)], {
    balance: 'round-robin',
    health: null,
    onChange: () => {},
  });
  t.after(() => group.close());

  const server = createServer({ allowHalfOpen: true });
  t.after(() => server.close());
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const accepted = once(server, 'connection') as Promise<[Socket]>;
  const client = await rawConnection(t, (server.address() as AddressInfo).port);
  const [socket] = await accepted;

  let tunnel: Tunnel | null = null;
  const side: ClientSide = {
    connection: null,
    onReady: () => {},
    onInformation: () => {},
    onHead: () => assert.fail('no answer but 101 was sent'),
    onUpgrade: (head) => {
      tunnel = carryUpgrade(socket, null, attempt, head, 60_000);
      onTunnel(socket, tunnel);
    },
    onData: (data) => tunnel!.onData(data),
    onEnd: () => tunnel!.onEnd(),
    onDrain: () => tunnel!.onDrain(),
    onFailure: () => tunnel?.destroy(),
  };
  const attempt = new Attempt({ onFailure: () => {}, resend: true }, group, handshake, side);
  /** What the tunnel last told the backend connection, and how often it paused it. */
  const pressure = { paused: false, pauses: 0 };
  const { pause, resume } = attempt;
  t.mock.method(attempt, 'pause', () => {
    pressure.paused = true;
    pressure.pauses++;
    pause.call(attempt);
  });
  t.mock.method(attempt, 'resume', () => {
    pressure.paused = false;
    resume.call(attempt);
  });
  attempt.start();
  return { client, socket, backend, pressure, load: () => pool.load, tunnel: () => tunnel! };
}

async function upgraded(t: TestContext, along = '') {
  const { client, socket, backend, pressure, load, tunnel } = await begin(t, along, () => {});
  await client.until(/^HTTP\/1\.1 101 [\s\S]*\r\n\r\n/);
  return { client, socket, upstream: backend.connections[0]!, pressure, load, tunnel: tunnel() };
}

const handshake = {
  method: 'GET',
  framing: 'none',
  head: 'GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n',
  body: null,
  trailers: [],
  ended: true,
  upgrade: true,
  login: false,
  address: '192.0.2.1',
  secure: false,
  sticky: null,
} as const;

/** Bytes of `x` in what a peer has got. */
const got = ({ text }: BackendConnection): number => text().length - text().indexOf('x');

const isFull = (tunnel: Tunnel): boolean => tunnel.readableLength >= tunnel.readableHighWaterMark;

suite('an upgraded connection', { concurrency: true }, () => {
  test('pauses a backend that sends before http-proxy is ready, and loses nothing', async (t) => {
    const { client, upstream, pressure } = await upgraded(t, 'first ');
    await client.until(/\r\n\r\nfirst $/);
    assert.equal(pressure.pauses, 1);
    upstream.socket.write('second');
    await client.until(/\r\n\r\nfirst second$/);
  });

  test('pauses the backend while the client does not read, and loses nothing', async (t) => {
    const { client, upstream, pressure, tunnel } = await upgraded(t);
    client.socket.pause();
    upstream.socket.write(much);
    await eventually(() => pressure.paused && isFull(tunnel), 'the backend is paused');
    client.socket.resume();
    await eventually(() => got(client) === much.length, 'all of it arrives');
  });

  test('takes no more from the client than the backend reads, and loses nothing', async (t) => {
    const { client, upstream, tunnel } = await upgraded(t);
    upstream.socket.pause();
    client.socket.write(much);
    await eventually(() => tunnel.writableNeedDrain, 'the tunnel is full');
    upstream.socket.resume();
    await eventually(() => got(upstream) === much.length, 'all of it arrives');
  });

  test('whose client ends its side still carries the last words of the backend', async (t) => {
    const { client, upstream, tunnel } = await upgraded(t);
    client.socket.end('bye');
    await upstream.until(/bye$/);
    await upstream.ended;
    upstream.socket.end('last words');
    await client.until(/\r\n\r\nlast words$/);
    await client.ended;
    assert.ok(tunnel.writableFinished && tunnel.readableEnded, 'neither had to wait for the linger time');
  });

  test('whose backend ends its side delivers what it sent, then ends, even if the client goes on', async (t) => {
    const { client, socket, upstream, tunnel, load, pressure } = await upgraded(t);
    client.socket.pause();
    upstream.socket.end(much);
    await eventually(() => pressure.paused && isFull(tunnel), 'the backend is paused');
    client.socket.resume();
    await eventually(() => got(client) === much.length, 'all of it arrives');
    await client.ended;
    assert.ok(tunnel.readableEnded, 'the client did not have to wait for the linger time');
    await eventually(() => tunnel.destroyed && load() === 0, 'it does not wait for the client for ever');
    await eventually(() => socket.destroyed, 'nor does the connection to it');
  });

  test('whose backend ends its side and does not read ends', async (t) => {
    const { client, upstream, tunnel, load } = await upgraded(t);
    upstream.socket.pause();
    client.socket.write(much);
    await eventually(() => tunnel.writableNeedDrain, 'the tunnel is full');
    upstream.socket.end('bye');
    await client.until(/\r\n\r\nbye$/);
    await eventually(() => tunnel.destroyed, 'it does not wait for the client for ever');
    await eventually(() => load() === 0, 'it does not wait for the backend for ever');
  });

  test('whose client ends its side ends, even if the backend goes on', async (t) => {
    const { client, upstream, tunnel, load } = await upgraded(t);
    client.socket.end();
    await upstream.ended;
    await eventually(() => tunnel.destroyed && load() === 0, 'it does not wait for the backend for ever');
  });

  test('is destroyed where the client resets it, and the backend connection with it', async (t) => {
    const { client, upstream, tunnel, load } = await upgraded(t);
    client.socket.resetAndDestroy();
    await upstream.ended;
    await eventually(() => tunnel.destroyed, 'nothing is left of it');
    assert.equal(load(), 0);
  });

  test('is destroyed with the connection of a client that breaks off before http-proxy has it', async (t) => {
    let together = false;
    const { backend, socket } = await begin(t, '', (to, tunnel) => {
      to.once('close', () => {
        together = tunnel.destroyed;
      });
      to.destroy(new Error('reset'));
    });
    await (await backend.connection(0)).ended;
    assert.deepEqual([socket.destroyed, together], [true, true]);
  });

  test('that the backend ends before http-proxy is ready begins and ends for the client', async (t) => {
    const { client } = await begin(t, '', (_socket, tunnel) => tunnel.onEnd());
    await client.ended;
    assert.match(client.text(), /^HTTP\/1\.1 101 [\s\S]*\r\n\r\n$/);
  });

  test('is destroyed where the backend resets it, and the client connection with it', async (t) => {
    const { client, upstream, tunnel } = await upgraded(t);
    upstream.socket.resetAndDestroy();
    await client.ended;
    assert.ok(tunnel.destroyed);
  });
});
