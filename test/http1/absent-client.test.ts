/** Pipelined requests of a client that leaves are judged and recorded, but not served. */
import assert from 'node:assert/strict';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { after, suite, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { connect as connectTls } from 'node:tls';
import { certificate } from '../support/certificate.ts';
import { eventually } from '../support/eventually.ts';
import { runGateway } from '../support/gateway.ts';
import { rawBackend } from '../support/raw-backend.ts';
import { rawConnection } from '../support/raw-connection.ts';

const owner = { after };
const backend = await rawBackend(owner);
const sites = `sites: [{ hosts: [www.example.net], backend: "${backend.url}", websocket: true }]\nrateLimit: false\nbans: false\n`;
const plain = await runGateway(owner, sites);
const { cert, key } = await certificate(owner, ['www.example.net']);
const secure = await runGateway(
  owner,
  sites,
  `listen: [{ address: "127.0.0.1:0", tls: { cert: "${cert}", key: "${key}" } }]\n`,
);

const host = 'Host: www.example.net\r\n';
const get = (path: string, more = ''): string => `GET ${path} HTTP/1.1\r\n${host}${more}\r\n`;
const connect = 'CONNECT mail.example.com:25 HTTP/1.1\r\nHost: mail.example.com:25\r\n\r\n';

/** Packets, and the rules they are recorded by. */
const waiting: readonly [what: string, packets: readonly string[], rules: readonly string[]][] = [
  ['CONNECT', [connect], ['connect']],
  [
    'absolute-form',
    ['GET http://www.example.com/ HTTP/1.1\r\nHost: www.example.com\r\n\r\n'],
    ['absolute-form-foreign'],
  ],
  ['a foreign Host', ['GET / HTTP/1.1\r\nHost: www.example.com\r\n\r\n'], ['host-foreign']],
  ['no HTTP', ['\x05\x01\0'], ['framing']],
  ['bytes that are not HTTP after plain ones', [get('/left') + get('/left') + '\x05\x01\0'], ['framing']],
  ['CONNECT after plain ones', [get('/left') + get('/left') + connect], ['connect']],
  ['a probe in pieces', [connect.slice(0, 10), connect.slice(10, 30), connect.slice(30)], ['connect']],
  ['a probe after plain ones', [get('/left'), get('/left') + connect], ['connect']],
  ['what is flagged', [get('//www.example.com/')], ['url-in-path']],
  [
    'flagged ones, and a probe',
    [get('//a.example.com/') + get('/left') + connect],
    ['url-in-path', 'connect'],
  ],
  [
    'a probe after a body',
    [`POST /left HTTP/1.1\r\n${host}Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n${connect}`],
    ['connect'],
  ],
  ['requests after a probe', [connect + connect, connect], ['connect']],
  ['an upgrade that may pass', [get('/left', 'Connection: upgrade\r\nUpgrade: websocket\r\n')], []],
  ['plain requests', [get('/left'), get('/left')], []],
  ['half a request', [connect.slice(0, 30)], []],
];

const leaves: readonly [how: string, leave: (socket: Socket) => void][] = [
  ['closes', (socket) => socket.destroy()],
  ['half-closes', (socket) => socket.end()],
  ['resets', (socket) => socket.resetAndDestroy()],
];

suite('a client that leaves with a request waiting', () => {
  for (const [what, packets, rules] of waiting)
    for (const [how, leave] of leaves)
      for (const answered of [false, true])
        test(`${what}: ${how} ${answered ? 'within' : 'before'} the answer`, async (t) => {
          const before = plain.events.length;
          const number = backend.connections.length;
          const client = await rawConnection(t, plain.port);
          client.socket.write(get('/first'));
          const upstream = await backend.connection(number);
          await upstream.until(/\r\n\r\n/);
          if (answered) {
            upstream.socket.write('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf');
            await client.until(/half$/);
          }
          for (const packet of packets) {
            client.socket.write(packet, 'latin1');
            await delay(10);
          }
          leave(client.socket);
          await delay(10);
          if (!answered) upstream.socket.write('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n');
          upstream.socket.end(answered ? 'other.' : 'half other');
          await upstream.closed;
          await eventually(() => plain.events.length >= before + rules.length, `${rules} is recorded`);
          await delay(20);
          const events = plain.events.slice(before);
          assert.deepEqual(
            events.map(({ rule, client, listener }) => [rule, client, listener]),
            rules.map((rule) => [rule, '127.0.0.1', `http 127.0.0.1:${plain.port}`]),
          );
          if (how === 'resets') assert.doesNotMatch(upstream.text(), /left/);
        });
});

const answer = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';

test('over TLS the event names that listener', async (t) => {
  const client = connectTls({ port: secure.port, host: '127.0.0.1', rejectUnauthorized: false });
  t.after(() => client.destroy());
  client.on('error', () => {});
  await once(client, 'secureConnect');
  const number = backend.connections.length;
  client.write(get('/first'));
  const upstream = await backend.connection(number);
  await upstream.until(/\r\n\r\n/);
  client.write(connect);
  await delay(20);
  client.destroy();
  await eventually(() => secure.events.length > 0, 'it is recorded');
  await upstream.ended;
  await delay(20);
  assert.deepEqual(
    secure.events.map(({ rule, client, listener }) => [rule, client, listener]),
    [['connect', '127.0.0.1', `https 127.0.0.1:${secure.port}`]],
  );
});

test('a probe after the last request is recorded; other requests there are not served', async (t) => {
  for (const behind of [connect, get('/left') + connect]) {
    const before = plain.events.length;
    const client = await rawConnection(t, plain.port);
    const number = backend.connections.length;
    client.socket.write(get('/first', 'Connection: close\r\n'));
    const upstream = await backend.connection(number);
    await upstream.until(/\r\n\r\n/);
    client.socket.write(behind);
    await delay(20);
    upstream.socket.write(answer);
    await client.ended;
    assert.match(client.text(), /^HTTP\/1.1 200 [\s\S]*ok$/);
    await eventually(() => plain.events.length > before, 'it is recorded');
    await delay(20);
    assert.equal(plain.events.length, before + 1);
    assert.doesNotMatch(upstream.text(), /left/);
    upstream.socket.end();
    await upstream.closed;
  }
});

test('requests that arrive while the last answer is being written are not served; probes are recorded', async (t) => {
  const before = plain.events.length;
  const number = backend.connections.length;
  let served: Socket | undefined;
  const onSocket = (message: unknown): void => {
    served ??= (message as { socket: Socket }).socket;
  };
  subscribe('net.server.socket', onSocket);
  const client = await rawConnection(t, plain.port);
  await eventually(() => served !== undefined, 'it is accepted');
  unsubscribe('net.server.socket', onSocket);
  client.socket.pause();
  client.socket.write(get('/first', 'Connection: close\r\n'));
  const upstream = await backend.connection(number);
  await upstream.until(/\r\n\r\n/);
  upstream.socket.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n');
  // Until the socket buffers are full, so that something is still unwritten when the answer ends.
  const piece = `4000\r\n${'x'.repeat(0x4000)}\r\n`;
  await eventually(
    () => {
      upstream.socket.write(piece);
      return served!.writableLength > 0;
    },
    'an answer that waits',
    15_000,
  );
  upstream.socket.end('0\r\n\r\n');
  await eventually(() => served!.writableEnded, 'the end of the answer');
  client.socket.write(get('/left'));
  await delay(20);
  client.socket.write(connect);
  await delay(50);
  assert.equal(served!.destroyed, false);
  client.socket.resume();
  await client.ended;
  assert.match(client.text().slice(-20), /\r\n0\r\n\r\n$/);
  await eventually(() => plain.events.length > before, 'it is recorded');
  assert.deepEqual(
    plain.events.slice(before).map(({ rule }) => rule),
    ['connect'],
  );
  assert.doesNotMatch(upstream.text(), /left/);
  assert.equal(backend.connections.length, number + 1);
});

suite('off the fast path, a client that leaves with several requests waiting', () => {
  for (const [what, bytes, rule] of [
    ['CONNECT', connect, 'connect'],
    ['no HTTP', '\x05\x01\0', 'framing'],
  ] as const)
    test(what, async (t) => {
      const before = plain.events.length;
      const number = backend.connections.length;
      const client = await rawConnection(t, plain.port);
      client.socket.write(`\r\n${get('/first')}${get('/second')}${bytes}`, 'latin1');
      const upstream = await backend.connection(number);
      await upstream.until(/\r\n\r\n/);
      client.socket.resetAndDestroy();
      await eventually(() => plain.events.length > before, 'it is recorded');
      await delay(20);
      assert.deepEqual(
        plain.events.slice(before).map((event) => event.rule),
        [rule],
      );
    });
});
