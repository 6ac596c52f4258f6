/** `forward` is an ordinary route: the app's hooks see its requests, including upgrades, before a backend is dialled. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { suite, type TestContext, test } from 'node:test';
import websocket from '@fastify/websocket';
import Fastify, { type FastifyInstance } from 'fastify';
import { WebSocket, WebSocketServer } from 'ws';
import { forward } from '../../plugins/forward.ts';
import { relayGuard } from '../../plugins/relay-guard.ts';
import { exchange } from '../support/raw-client.ts';
import { recordingBackend } from '../support/recording-backend.ts';

async function listening(t: TestContext, build: (app: FastifyInstance) => unknown): Promise<number> {
  const app = Fastify({ forceCloseConnections: true });
  t.after(() => app.close());
  await build(app);
  await app.listen({ port: 0, host: '127.0.0.1' });
  return (app.server.address() as AddressInfo).port;
}

/** A WebSocket backend that echoes every message. */
async function echoing(t: TestContext): Promise<string> {
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1' });
  t.after(() => {
    for (const client of server.clients) client.terminate();
    server.close();
  });
  server.on('connection', (socket) => socket.on('message', (message) => socket.send(`echo ${message}`)));
  await once(server, 'listening');
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const get = (target: string, ...more: string[]): string =>
  [`GET ${target} HTTP/1.1`, 'Host: www.example.net', ...more, '', ''].join('\r\n');
const plain = (target: string): string => get(target, 'Connection: close');
const handshake = (target: string, protocol = 'websocket'): string =>
  get(target, 'Connection: Upgrade', `Upgrade: ${protocol}`);

async function talk(t: TestContext, port: number, path: string): Promise<string> {
  const client = new WebSocket(`ws://127.0.0.1:${port}${path}`, { headers: { Host: 'www.example.net' } });
  t.after(() => client.terminate());
  const answer = Promise.withResolvers<string>();
  client.on('open', () => client.send('hello'));
  client.on('message', (message) => answer.resolve(String(message)));
  client.on('close', (code) => answer.resolve(`closed ${code}`));
  client.on('error', (error) => answer.resolve(error.message));
  return answer.promise;
}

suite('forward and hooks:', () => {
  for (const guarded of [false, true]) {
    for (const hook of ['onRequest', 'preParsing', 'preValidation', 'preHandler'] as const) {
      test(`${guarded ? 'behind relayGuard' : 'alone'}: a request or upgrade refused by ${hook} dials no backend`, async (t) => {
        const backend = await recordingBackend(t, {});
        const port = await listening(t, (app) => {
          if (guarded) app.register(relayGuard, { hosts: ['www.example.net'] });
          app.addHook(hook as 'onRequest', async (_request, reply) => reply.code(401).send('no'));
          app.register(forward, { backend: backend.url, websocket: true });
        });
        for (const request of [plain('/a'), handshake('/a'), handshake('/a', 'h2c')]) {
          const { responses, ended } = await exchange(port, request);
          assert.deepEqual(
            [responses[0]!.status, responses[0]!.body.toString(), ended],
            [401, 'no', 'closed'],
          );
        }
        assert.equal(backend.connections, 0);
      });
    }
  }

  test("leaves a handshake to the app's own route", async (t) => {
    const backend = await recordingBackend(t, {});
    const port = await listening(t, (app) => {
      app.get('/api/own', async () => 'own');
      app.register(forward, { prefix: '/api', backend: backend.url, websocket: true });
    });
    const { responses } = await exchange(port, handshake('/api/own'));
    assert.deepEqual([responses[0]!.status, responses[0]!.body.toString()], [200, 'own']);
    assert.equal((await exchange(port, handshake('/elsewhere'))).responses[0]!.status, 404);
    assert.equal(backend.connections, 0);
  });

  test('each of two registrations takes only its own handshakes', async (t) => {
    const [one, two] = [await echoing(t), await echoing(t)];
    const routed: string[] = [];
    const port = await listening(t, (app) => {
      app.addHook('onRequest', async ({ url }) => void routed.push(url));
      app.register(forward, { prefix: '/one', backend: one, websocket: true });
      app.register(forward, { prefix: '/two', backend: two, websocket: true });
    });
    assert.equal(await talk(t, port, '/one/a'), 'echo hello');
    assert.equal(await talk(t, port, '/two/b'), 'echo hello');
    assert.deepEqual(routed, ['/one/a', '/two/b']);
  });

  test('forwards an answer other than 101 to a handshake', async (t) => {
    const backend = await recordingBackend(t, {
      answer: 'HTTP/1.1 403 Forbidden\r\nContent-Length: 3\r\nConnection: close\r\n\r\nno!',
    });
    const port = await listening(t, (app) => {
      app.register(forward, { backend: backend.url, websocket: true });
    });
    assert.equal((await exchange(port, handshake('/a'))).responses[0]!.status, 403);
  });

  test('forwards an upgrade to another protocol as a plain request, unless it has a body', async (t) => {
    const backend = await recordingBackend(t, {});
    const port = await listening(t, (app) => {
      app.register(forward, { backend: backend.url, websocket: true });
    });
    assert.equal((await exchange(port, handshake('/a', 'h2c'))).responses[0]!.status, 200);
    assert.doesNotMatch(backend.requests[0]!.headerLines.join('\n'), /^upgrade/im);
    const withBody =
      'POST /a HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: x\r\nContent-Length: 2\r\n\r\nab';
    assert.equal((await exchange(port, withBody)).responses[0]!.status, 501);
    assert.equal(backend.requests.length, 1);
  });

  for (const first of ['websocket', 'forward'] as const) {
    test(`with @fastify/websocket, ${first} first: each takes its own connections`, async (t) => {
      const backend = await echoing(t);
      const refused: string[] = [];
      const port = await listening(t, async (app) => {
        app.addHook('preHandler', async (request, reply) => {
          if (!request.url.endsWith('/secret')) return;
          refused.push(request.url);
          await reply.code(403).send('no');
        });
        const ours = () => app.register(forward, { prefix: '/api', backend, websocket: true });
        if (first === 'forward') await ours();
        await app.register(websocket);
        app.get('/room', { websocket: true }, (socket) => {
          socket.on('message', (message) => socket.send(`room ${message}`));
        });
        if (first === 'websocket') await ours();
      });
      assert.equal(await talk(t, port, '/room'), 'room hello');
      assert.equal(await talk(t, port, '/api/a'), 'echo hello');
      assert.equal(await talk(t, port, '/api/secret'), 'Unexpected server response: 403');
      assert.deepEqual(refused, ['/api/secret']);
    });
  }

  test('leaves handshakes outside its prefix to other listeners', async (t) => {
    const backend = await echoing(t);
    const port = await listening(t, (app) => {
      const live = new WebSocketServer({ noServer: true });
      live.on('connection', (socket) => socket.send('live'));
      app.addHook('preClose', async () => {
        for (const client of live.clients) client.terminate();
      });
      app.server.on('upgrade', (req, socket, rest) => {
        if (req.url === '/live') live.handleUpgrade(req, socket, rest, (ws) => live.emit('connection', ws));
      });
      app.register(forward, { prefix: '/api', backend, websocket: true });
    });
    assert.equal(await talk(t, port, '/live'), 'live');
    assert.equal(await talk(t, port, '/api/a'), 'echo hello');
  });

  test('keeps response headers set by hooks, and forwards the body unchanged', async (t) => {
    const backend = await recordingBackend(t, {});
    const responses: number[] = [];
    const port = await listening(t, (app) => {
      app.addHook('onRequest', async (_request, reply) => void reply.header('x-of-the-app', 'yes'));
      app.addHook('preHandler', async (request, reply) => {
        // An asynchronous hook: the body must wait for it.
        await new Promise(setImmediate);
        reply.header('x-length', String(request.headers['content-length']));
      });
      app.addHook('onResponse', async (_request, reply) => void responses.push(reply.raw.statusCode));
      app.register(forward, { backend: backend.url });
    });
    const body = '{"a":';
    const post = `POST /a HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 5\r\nConnection: close\r\n\r\n${body}`;
    const reply = (await exchange(port, post)).responses[0]!;
    assert.deepEqual(
      [reply.status, reply.headers.get('x-of-the-app'), reply.headers.get('x-length')],
      [200, ['yes'], ['5']],
    );
    assert.equal(backend.requests[0]!.body.toString(), body);
    assert.deepEqual(responses, [200]);
  });

  test('open upgraded connections do not keep the app from closing', async (t) => {
    const app = Fastify();
    app.register(forward, { backend: await echoing(t), websocket: true });
    await app.listen({ port: 0, host: '127.0.0.1' });
    const client = new WebSocket(`ws://127.0.0.1:${(app.server.address() as AddressInfo).port}/a`);
    t.after(() => client.terminate());
    await once(client, 'open');
    const gone = once(client, 'close');
    await app.close();
    await gone;
  });
});
