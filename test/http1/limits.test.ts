/** Limits on one client: connections, time, and backend connections. */
import assert from 'node:assert/strict';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { eventually } from '../support/eventually.ts';
import { allowedAddress, runGateway, trustedAddress } from '../support/gateway.ts';
import { rawBackend } from '../support/raw-backend.ts';
import { exchange } from '../support/raw-client.ts';
import { rawConnection } from '../support/raw-connection.ts';
import { recordingBackend } from '../support/recording-backend.ts';

const host = 'Host: www.example.net\r\n';
const get = `GET / HTTP/1.1\r\n${host}\r\n`;
const ok = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';
const config = (url: string, more = ''): string =>
  `sites: [{ hosts: [www.example.net], backend: "${url}", connections: { max: 4 } }]\nrateLimit: false\n${more}`;

/** A connection, and the gateway's side of it. */
async function both(t: TestContext, port: number) {
  const accepted: Socket[] = [];
  const onSocket = (message: unknown): unknown => accepted.push((message as { socket: Socket }).socket);
  subscribe('net.server.socket', onSocket);
  const client = await rawConnection(t, port);
  await eventually(() => accepted.length > 0, 'it is accepted');
  unsubscribe('net.server.socket', onSocket);
  return { client, served: accepted[0]! };
}

test('connections per client are bounded; not for trusted proxies and allowed clients', async (t) => {
  const backend = await recordingBackend(t, { answer: () => ok });
  const { port, log } = await runGateway(
    t,
    config(
      backend.url,
      `trustedProxies: [${trustedAddress}]\nbans: { allow: [${allowedAddress}] }\nlimits: { connectionsPerClient: 3 }\n`,
    ),
  );
  const held = [];
  for (let i = 0; i < 3; i++) held.push(await rawConnection(t, port));
  const fourth = await exchange(port, get, {});
  assert.deepEqual([fourth.responses.length, fourth.ended], [0, 'closed']);
  assert.match(log.join(), /limits\.connectionsPerClient/);
  for (const from of [trustedAddress, allowedAddress]) {
    for (let i = 0; i < 4; i++) held.push(await rawConnection(t, port, '127.0.0.1', from));
    assert.equal((await exchange(port, get, { until: 1, from })).responses[0]?.status, 200);
  }
  held[0]!.socket.destroy();
  await eventually(
    async () => (await exchange(port, get, { until: 1 })).responses[0]?.status === 200,
    'its place is free again',
  );
});

test('after a head that is too long nothing more of the connection is read as a request', async (t) => {
  const backend = await recordingBackend(t, { answer: () => ok });
  const { port, events } = await runGateway(t, config(backend.url, 'limits: { headerBytes: 8KiB }\n'));
  const client = await rawConnection(t, port);
  client.socket.write(`GET / HTTP/1.1\r\n${host}X: ${'x'.repeat(9000)}`);
  await client.until(/^HTTP\/1\.1 431 /);
  client.socket.end('GET http://www.example.com/ HTTP/1.1\r\nHost: www.example.com\r\n\r\n'.repeat(200));
  await client.closed;
  // By its answer the gateway has read what was sent before it.
  assert.equal((await exchange(port, get, { until: 1 })).responses[0]?.status, 200);
  assert.deepEqual(
    events.map(({ rule }) => rule),
    ['header-overflow'],
  );
  assert.equal(backend.requests.length, 1);
});

test('requests that wait for the one under way are read no further than a bound', async (t) => {
  const backend = await rawBackend(t);
  const { port } = await runGateway(t, config(backend.url));
  const { client, served } = await both(t, port);
  client.socket.write(get);
  await (await backend.connection(0)).until(/\r\n\r\n/);
  client.socket.write(get.repeat((4 * 1024 * 1024) / get.length));
  await eventually(() => served.bytesRead > 64 * 1024, 'the bound is reached');
  // Each of these takes the gateway some turns, in which it could read more.
  const foreign = 'GET / HTTP/1.1\r\nHost: www.example.com\r\n\r\n';
  for (let i = 0; i < 50; i++) await exchange(port, foreign);
  assert.ok(served.bytesRead < 1024 * 1024, `${served.bytesRead} bytes`);
});

test('trickling bodies hold no backend connection: others are served', async (t) => {
  const backend = await recordingBackend(t, { answer: () => ok });
  const { port } = await runGateway(t, config(backend.url));
  const slow = await Promise.all(Array.from({ length: 16 }, () => rawConnection(t, port)));
  for (const { socket } of slow) socket.write(`POST / HTTP/1.1\r\n${host}Content-Length: 1000\r\n\r\nslow`);
  await delay(100);
  assert.equal((await exchange(port, get, { until: 1 })).responses[0]?.status, 200);
  assert.equal(backend.requests.length, 1);
  slow[0]!.socket.write('x'.repeat(996));
  await slow[0]!.until(/200 OK/);
  assert.equal(backend.requests.at(-1)!.body.length, 1000);
});

test('a client that does not read its answer is cut off', async (t) => {
  const backend = await rawBackend(t, async ({ socket, until }) => {
    await until(/\r\n\r\n/);
    socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${64 * 1024 * 1024}\r\n\r\n`);
    for (let i = 0; i < 64; i++) socket.write(Buffer.alloc(1024 * 1024));
  });
  const { port, log } = await runGateway(
    t,
    config(backend.url, 'timeouts: { body: 300ms }\nlog: { access: true }\n'),
  );
  const client = await rawConnection(t, port);
  client.socket.pause();
  client.socket.write(get);
  await eventually(() => /"outcome":"cut"/.test(log.join()), 'it is logged as cut');
});

test('a complete answer that is not read does not hold the connection either', async (t) => {
  const size = 8 * 1024 * 1024;
  const backend = await rawBackend(t, async ({ socket, until }) => {
    await until(/\r\n\r\n/);
    socket.end(`HTTP/1.1 200 OK\r\nContent-Length: ${size}\r\nConnection: close\r\n\r\n${'x'.repeat(size)}`);
  });
  const { port, gateway } = await runGateway(
    t,
    config(backend.url, 'timeouts: { body: 300ms, idle: 300ms }\n'),
  );
  const client = await rawConnection(t, port);
  client.socket.pause();
  client.socket.write(get.replace('\r\n\r\n', '\r\nConnection: close\r\n\r\n'));
  await delay(1500);
  let over = false;
  void gateway.close(60_000).then(() => {
    over = true;
  });
  await eventually(() => over, 'nothing is left to wait for', 10_000);
});

test('a slow reader gets everything', async (t) => {
  const size = 2 * 1024 * 1024;
  const backend = await rawBackend(t, async ({ socket, until }) => {
    await until(/\r\n\r\n/);
    socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${size}\r\n\r\n`);
    socket.write(Buffer.alloc(size, 'x'));
  });
  const { port } = await runGateway(t, config(backend.url, 'timeouts: { body: 500ms }\n'));
  const client = await rawConnection(t, port);
  client.socket.removeAllListeners('data');
  client.socket.write(get);
  let got = 0;
  client.socket.on('data', (bytes: Buffer) => {
    got += bytes.length;
    client.socket.pause();
    setTimeout(() => client.socket.resume(), 20);
  });
  await eventually(() => got > size, 'all of it has come', 30_000);
});
