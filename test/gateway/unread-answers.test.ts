/**
 * A client that does not read its answers. After the stall timeout its connection is closed: otherwise some hundred such connections
 * hold memory and file descriptors for ever. A slow reader is served to the end.
 */
import assert from 'node:assert/strict';
import type { Socket } from 'node:net';
import { after, suite, type TestContext, test } from 'node:test';
import { connect } from 'node:tls';
import {
  maxWindow,
  preface,
  settingIds,
  settingsAck,
  settingsFrame,
  windowUpdateFrame,
} from '../../src/wire/h2-frames.ts';
import { request } from '../http2/raw-http2.ts';
import { get, hostLine } from '../support/behind-gateway.ts';
import { certificate } from '../support/certificate.ts';
import { eventually } from '../support/eventually.ts';
import { runGateway } from '../support/gateway.ts';
import { http2Session } from '../support/http2-client.ts';
import { rawBackend } from '../support/raw-backend.ts';
import { rawConnection } from '../support/raw-connection.ts';

const crashes: unknown[] = [];
process.on('uncaughtExceptionMonitor', (error) => crashes.push(error));
process.on('warning', (warning) => crashes.push(warning));
after(() => assert.deepEqual(crashes, [], 'nothing crashed or warned'));

const owner = { after };
const host = 'www.example.net';
const limit = 400;
/** A complete answer that fits one read from the backend, so that only the client's side of the exchange remains. */
const page = `HTTP/1.1 200 OK\r\nContent-Length: 60000\r\n\r\n${'x'.repeat(60_000)}`;
/** More than the socket buffers of both sides hold. */
const long = 24 * 1024 * 1024;
const backend = await rawBackend(owner, ({ socket, text }) => {
  let answered = 0;
  socket.on('data', () => {
    const rest = text().slice(answered);
    if (!rest.endsWith('\r\n\r\n')) return;
    answered = text().length;
    if (rest.includes(' /long ')) {
      socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${long}\r\n\r\n`);
      socket.write(Buffer.alloc(long, 'x'));
    } else
      socket.write(rest.includes(' /window ') ? page.replace('60000', '80000') + 'x'.repeat(20_000) : page);
  });
});
const yaml = `
sites: [{ hosts: [${host}], backend: "${backend.url}", websocket: true }]
rateLimit: false
bans: false
timeouts: { headers: 20s, body: ${limit}ms, idle: ${limit}ms, upgrade: ${limit}ms }
limits: { requestHeaders: ${limit}ms }
`;
const plain = await runGateway(owner, yaml);
const { cert, key } = await certificate(owner, [host]);
const secureListener = `listen: [{ address: "127.0.0.1:0", tls: { cert: ${cert}, key: ${key} } }]\n`;
const secure = await runGateway(owner, yaml, secureListener);

/** Only a write shows that the gateway has closed a connection: it is answered with a reset. */
async function cutOff(t: TestContext, bytes: string, trickles = false): Promise<void> {
  const { socket } = await rawConnection(t, plain.port);
  socket.removeAllListeners('data').pause();
  let over = false;
  socket.on('error', () => {
    over = true;
  });
  socket.on('close', () => {
    over = true;
  });
  socket.write(bytes, 'latin1');
  if (!trickles) await new Promise((done) => setTimeout(done, 5 * limit));
  // Empty lines before a request line are ignored.
  await eventually(
    () => {
      if (!over) socket.write('\r\n');
      return over;
    },
    'the gateway lets go of it',
    15 * limit,
  );
}

const post = `POST / HTTP/1.1\r\n${hostLine}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n`;
suite('a client that does not read is cut off', () => {
  for (const [what, bytes] of [
    ['after many small requests', get.repeat(400)],
    ['after many small chunked requests', post.repeat(400)],
    ['within a long answer', get.replace('/ ', '/long ')],
    ['within a long answer to HTTP/1.0', `GET /long HTTP/1.0\r\n${hostLine}\r\n`],
    ['within a long answer to a POST', post.replace('/ ', '/long ')],
    ['with more requests after a long answer', get.replace('/ ', '/long ') + get.repeat(50)],
  ] as const)
    for (const trickles of [false, true])
      test(`${what}${trickles ? ', although it goes on sending' : ''}`, (t) => cutOff(t, bytes, trickles));

  test('many of them: nothing remains', async (t) => {
    await Promise.all(Array.from({ length: 15 }, () => cutOff(t, get.repeat(400))));
    await eventually(() => plain.gateway.backends[0]!.load === 0, 'no exchange is left');
  });

  test('over HTTP/2, although it reads other streams', async (t) => {
    const session = await http2Session(t, `https://127.0.0.1:${secure.port}`);
    const stream = session.request({ ':path': '/long', ':authority': host });
    stream.on('error', () => {}).pause();
    await eventually(() => stream.closed, 'the stream is ended', 15 * limit);
    assert.notEqual(stream.rstCode, 0);
    await eventually(() => secure.gateway.backends[0]!.load === 0, 'no exchange is left');
  });

  test('over HTTP/2, where the backend is done and slightly more than the window remains', async (t) => {
    const session = await http2Session(t, `https://127.0.0.1:${secure.port}`);
    const streams = Array.from({ length: 20 }, () =>
      session.request({ ':path': '/window', ':authority': host }),
    );
    for (const stream of streams) stream.on('error', () => {}).pause();
    await eventually(() => secure.gateway.backends[0]!.load === 0, 'the backend is done');
    await eventually(() => streams.every((stream) => stream.closed), 'the streams are ended', 15 * limit);
  });
});

suite('a client that reads slowly is served to the end', () => {
  /** A pause is far shorter than this limit, on a busy machine too; all of them together are longer. */
  const slowly = 1600;
  const settings = yaml.replaceAll(`${limit}ms`, `${slowly}ms`);
  const half = 512 * 1024;

  /** Pauses after each half MiB. */
  async function readSlowly(t: TestContext, socket: Socket, ask: () => void): Promise<void> {
    let taken = 0;
    let pause = half;
    let ended = false;
    socket.on('data', (piece: Buffer) => {
      taken += piece.length;
      if (taken < pause) return;
      pause += half;
      socket.pause();
    });
    for (const event of ['end', 'close', 'error'])
      socket.on(event, () => {
        ended = true;
      });
    const timer = setInterval(() => socket.resume(), slowly / 16);
    t.after(() => clearInterval(timer));
    ask();
    await eventually(() => taken > long || ended, 'it ends', 90_000);
    assert.ok(taken > long, `${taken} bytes came`);
  }

  test('a piece at a time, each within the limit', async (t) => {
    const gateway = await runGateway(t, settings);
    const { socket } = await rawConnection(t, gateway.port);
    socket.removeAllListeners('data');
    await readSlowly(t, socket, () => socket.write(get.replace('/ ', '/long ')));
  });

  test('over HTTP/2, with the largest windows', async (t) => {
    const gateway = await runGateway(t, settings, secureListener);
    const socket = connect({
      port: gateway.port,
      ALPNProtocols: ['h2'],
      servername: host,
      rejectUnauthorized: false,
    });
    t.after(() => socket.destroy());
    const wide = settingsFrame([[settingIds.initialWindowSize, maxWindow]]) + windowUpdateFrame(0, long * 2);
    const asked = preface + wide + settingsAck + request(1, true, 'GET', '/long');
    await readSlowly(t, socket, () => socket.write(asked, 'latin1'));
  });
});
