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

/** @param along what the backend sends in the packet of its 101 */
async function upgraded(t: TestContext, along = '', idle = 60_000) {
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
      tunnel = carryUpgrade(socket, null, attempt, head, idle);
    },
    onData: (data) => tunnel!.onData(data),
    onEnd: () => tunnel!.onEnd(),
    onDrain: () => tunnel!.onDrain(),
    onFailure: () => tunnel?.destroy(),
  };
  const attempt = new Attempt({ onFailure: () => {}, resend: true }, group, handshake, side);
  const pauses = t.mock.method(attempt, 'pause').mock;
  attempt.start();
  await client.until(/^HTTP\/1\.1 101 [\s\S]*\r\n\r\n/);
  return {
    client,
    upstream: backend.connections[0]!,
    pauses,
    load: () => pool.load,
    tunnel: tunnel! as Tunnel,
  };
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

suite('an upgraded connection', { concurrency: true }, () => {
  test('pauses a backend that sends before http-proxy is ready, and loses nothing', async (t) => {
    const { client, upstream, pauses } = await upgraded(t, 'first ');
    await client.until(/\r\n\r\nfirst $/);
    assert.equal(pauses.callCount(), 1);
    upstream.socket.write('second');
    await client.until(/\r\n\r\nfirst second$/);
  });

  test('pauses the backend while the client does not read, and loses nothing', async (t) => {
    const { client, upstream, pauses } = await upgraded(t);
    client.socket.pause();
    upstream.socket.write(much);
    await eventually(() => pauses.callCount() > 0, 'the backend is paused');
    assert.ok(upstream.socket.writableLength > 0, 'not all of it is taken');
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
    const { client, upstream } = await upgraded(t);
    client.socket.end('bye');
    await upstream.until(/bye$/);
    await upstream.ended;
    upstream.socket.end('last words');
    await client.until(/\r\n\r\nlast words$/);
    await client.ended;
  });

  test('whose backend ends its side delivers what it sent, then ends, even if the client goes on', async (t) => {
    const { client, upstream, tunnel, load, pauses } = await upgraded(t);
    client.socket.pause();
    upstream.socket.end(much);
    await eventually(() => pauses.callCount() > 0, 'the backend is paused');
    client.socket.resume();
    await eventually(() => got(client) === much.length, 'all of it arrives');
    await client.ended;
    await eventually(() => tunnel.destroyed && load() === 0, 'it does not wait for the client for ever');
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

  test('is destroyed where the backend resets it, and the client connection with it', async (t) => {
    const { client, upstream, tunnel } = await upgraded(t);
    upstream.socket.resetAndDestroy();
    await client.ended;
    assert.ok(tunnel.destroyed);
  });
});
