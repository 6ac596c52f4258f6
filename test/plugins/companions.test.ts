/** The guard together with common Fastify plugins, and on every kind of server. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { type ClientHttp2Session, connect, type OutgoingHttpHeaders } from 'node:http2';
import { suite, type TestContext, test } from 'node:test';
import cors from '@fastify/cors';
import helmet from '@fastify/helmet';
import httpProxy from '@fastify/http-proxy';
import rateLimit from '@fastify/rate-limit';
import websocket from '@fastify/websocket';
import { WebSocket } from 'ws';
import { bans } from '../../plugins/bans.ts';
import { certificate } from '../support/certificate.ts';
import { guardedApp } from '../support/guarded-app.ts';
import { exchange } from '../support/raw-client.ts';
import { recordingBackend } from '../support/recording-backend.ts';

const request = (line: string, host: string, ...more: string[]): string =>
  [`${line} HTTP/1.1`, `Host: ${host}`, 'Connection: close', ...more, '', ''].join('\r\n');
const own = 'www.example.net';

suite('relayGuard with', () => {
  test('@fastify/cors: a preflight is answered, one for a foreign host is not', async (t) => {
    const { port } = await guardedApp(t, {
      build: async (app) => {
        await app.register(cors, { origin: 'https://shop.example.net' });
        app.get('/a', async () => 'a');
      },
    });
    const preflight = (host: string) =>
      request('OPTIONS /a', host, 'Origin: https://shop.example.net', 'Access-Control-Request-Method: GET');
    const reply = (await exchange(port, preflight(own))).responses[0]!;
    assert.equal(reply.status, 204);
    assert.match(
      reply.headers.get('access-control-allow-origin')?.[0] ?? '',
      /^https:\/\/shop\.example\.net$/,
    );
    assert.equal((await exchange(port, preflight('www.example.com'))).responses[0]!.status, 421);
  });

  test("@fastify/helmet: responses keep helmet's headers", async (t) => {
    const { port } = await guardedApp(t, {
      build: async (app) => {
        await app.register(helmet);
        app.get('/a', async () => 'a');
      },
    });
    assert.match((await exchange(port, request('GET /a', own))).text, /content-security-policy: /i);
  });

  test('@fastify/websocket: connections for own hosts work, those for foreign hosts are refused', async (t) => {
    const { port, told } = await guardedApp(t, {
      build: async (app) => {
        await app.register(websocket);
        app.get('/chat', { websocket: true }, (socket) => {
          socket.on('message', (message) => socket.send(`echo ${message}`));
        });
      },
    });
    const talk = async (host: string): Promise<string> => {
      const client = new WebSocket(`ws://127.0.0.1:${port}/chat`, { headers: { Host: host } });
      t.after(() => client.terminate());
      const answer = Promise.withResolvers<string>();
      client.on('open', () => client.send('hello'));
      client.on('message', (message) => answer.resolve(String(message)));
      client.on('error', (error) => answer.resolve(error.message));
      return answer.promise;
    };
    assert.equal(await talk(own), 'echo hello');
    assert.equal(await talk('www.example.com'), 'Unexpected server response: 421');
    assert.deepEqual(await told(1), ['block host-foreign']);
  });

  test('@fastify/websocket: injectWS is answered for any host', async (t) => {
    const { app } = await guardedApp(t, {
      build: async (app) => {
        await app.register(websocket);
        app.get('/chat', { websocket: true }, (socket) => socket.send('hello'));
      },
    });
    const greeting = Promise.withResolvers<string>();
    const own = await app.injectWS(
      '/chat',
      {},
      {
        onInit: (ws: WebSocket) => ws.on('message', (message) => greeting.resolve(String(message))),
      },
    );
    assert.equal(await greeting.promise, 'hello');
    own.terminate();
    await assert.rejects(app.injectWS('/chat', { headers: { host: 'www.example.com' } }), /421/);
  });

  test('@fastify/http-proxy: only requests that passed the guard are forwarded', async (t) => {
    const backend = await recordingBackend(t, {});
    const { port } = await guardedApp(t, {
      build: async (app) => {
        await app.register(httpProxy, { upstream: backend.url, prefix: '/api' });
      },
    });
    assert.equal((await exchange(port, request('GET /api/a', own))).responses[0]!.status, 200);
    assert.equal((await exchange(port, request(`GET http://${own}/api/b`, own))).responses[0]!.status, 200);
    for (const [line, host] of [
      ['GET /api/c', 'www.example.com'],
      ['GET http://www.example.com/api/d', 'www.example.com'],
    ] as const)
      assert.equal((await exchange(port, request(line, host))).responses[0]!.status, 421);
    assert.deepEqual(
      backend.requests.map(({ requestLine }) => requestLine),
      ['GET /a HTTP/1.1', 'GET /b HTTP/1.1'],
    );
  });

  test('@fastify/rate-limit: refused requests are not counted', async (t) => {
    const { port } = await guardedApp(t, {
      build: async (app) => {
        await app.register(rateLimit, { max: 1 });
        app.get('/a', async () => 'a');
      },
    });
    const statuses: number[] = [];
    for (const host of ['www.example.com', own, own])
      statuses.push((await exchange(port, request('GET /a', host))).responses[0]!.status);
    assert.deepEqual(statuses, [421, 200, 429]);
  });

  test('bans: repeated probes lead to a ban, in either order of registration', async (t) => {
    const { port, told } = await guardedApp(t, {
      build: async (app) => {
        await app.register(bans, { after: 2 });
        app.get('/a', async () => 'a');
      },
    });
    for (let i = 0; i < 2; i++) await exchange(port, request('GET /a', 'www.example.com'));
    await told(2);
    assert.equal((await exchange(port, request('GET /a', own))).responses[0]!.status, 403);
  });
});

async function h2(t: TestContext, url: string): Promise<ClientHttp2Session> {
  const session = connect(url, { rejectUnauthorized: false });
  session.on('error', () => {});
  t.after(() => session.destroy());
  await once(session, 'connect');
  return session;
}

async function selfSigned(t: TestContext): Promise<{ cert: Buffer; key: Buffer }> {
  const { cert, key } = await certificate(t, [own]);
  return { cert: readFileSync(cert), key: readFileSync(key) };
}

async function status(t: TestContext, url: string, headers: OutgoingHttpHeaders): Promise<unknown> {
  const stream = (await h2(t, url)).request(headers);
  const [head] = await once(stream, 'response');
  stream.resume();
  return head[':status'];
}

suite('relayGuard on', () => {
  test('HTTP/2 without TLS', async (t) => {
    const { port, told } = await guardedApp(t, {
      server: { http2: true },
      build: (app) => void app.get('/a', async (req) => req.relayVerdict.action),
    });
    const url = `http://127.0.0.1:${port}`;
    assert.equal(await status(t, url, { ':path': '/a', ':authority': own }), 200);
    assert.equal(await status(t, url, { ':path': '/a', ':authority': 'www.example.com' }), 421);
    assert.equal(await status(t, url, { ':method': 'CONNECT', ':authority': 'mail.example.com:25' }), 405);
    assert.deepEqual(await told(2), ['block host-foreign', 'block connect']);
  });

  test('TLS with HTTP/2 and HTTP/1', async (t) => {
    const https = { ...(await selfSigned(t)), allowHTTP1: true };
    const { port, told } = await guardedApp(t, {
      server: { http2: true, https },
      build: (app) => void app.get('/a', async (req) => req.relayVerdict.action),
    });
    const url = `https://127.0.0.1:${port}`;
    assert.equal(await status(t, url, { ':path': '/a', ':authority': own }), 200);
    assert.equal(await status(t, url, { ':path': '/a', ':authority': 'www.example.com' }), 421);
    const tls = { ALPNProtocols: ['http/1.1'] };
    assert.equal((await exchange(port, request('GET /a', own), { tls })).responses[0]!.status, 200);
    const connect = request('CONNECT mail.example.com:25', 'mail.example.com:25');
    assert.equal((await exchange(port, connect, { tls })).responses[0]!.status, 405);
    assert.deepEqual(await told(2), ['block host-foreign', 'block connect']);
  });

  test('TLS with HTTP/1 alone', async (t) => {
    const { port, events, told } = await guardedApp(t, {
      server: { https: await selfSigned(t) },
      build: (app) => void app.get('/a', async () => 'a'),
    });
    assert.equal((await exchange(port, request('GET /a', own), { tls: {} })).responses[0]!.status, 200);
    const foreign = request('GET http://www.example.com/', 'www.example.com');
    assert.equal((await exchange(port, foreign, { tls: {} })).responses[0]!.status, 421);
    assert.deepEqual(await told(1), ['block absolute-form-foreign']);
    assert.match(events[0]!.listener, /^https /);
  });
});
