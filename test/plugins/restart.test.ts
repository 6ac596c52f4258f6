/** An app that is restarted on its server, as `@fastify/restartable` does it: the next guard takes over once its app is ready. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { suite, type TestContext, test } from 'node:test';
import Fastify, { type FastifyInstance } from 'fastify';
import { forward } from '../../plugins/forward.ts';
import { guard } from '../../plugins/guard.ts';
import { relayGuard } from '../../plugins/relay-guard.ts';
import { solicited } from '../../src/guard/server-events.ts';
import { exchange } from '../support/raw-client.ts';
import { recordingBackend } from '../support/recording-backend.ts';

const [first, second] = ['first.example.net', 'second.example.net'];

/** A server that outlives its apps; each owns one host. */
async function restartable(t: TestContext) {
  const server = createServer();
  await once(server.listen(0, '127.0.0.1'), 'listening');
  t.after(() => server.close());
  let serve: RequestListener | null = null;
  const { port } = server.address() as AddressInfo;
  const app = async (host: string, build: (app: FastifyInstance) => unknown = () => {}) => {
    let handler: RequestListener | null = null;
    const made = Fastify({
      serverFactory: (listener) => {
        handler = listener;
        return server;
      },
    });
    await made.register(relayGuard, { hosts: [host] });
    made.get('/', async () => `hello of ${host}`);
    await build(made);
    await made.ready();
    if (serve !== null) server.off('request', serve);
    serve = handler;
    server.on('request', handler!);
    return made;
  };
  /** Only the part of closing that concerns plugins: the server goes on. */
  const close = async (app: FastifyInstance) => {
    const [listening, closeServer] = [server.listening, server.close];
    server.close = (done) => {
      if (done !== undefined) setImmediate(done);
      return server;
    };
    await app.close();
    server.close = closeServer;
    assert.equal(server.listening, listening);
  };
  const ask = async (host: string) => {
    const { responses } = await exchange(
      port,
      `GET / HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`,
    );
    return responses[0]?.status;
  };
  const both = async () => [await ask(first), await ask(second)];
  const tunnel = async () =>
    (await exchange(port, 'CONNECT mail.example.com:25 HTTP/1.1\r\nHost: mail.example.com:25\r\n\r\n'))
      .responses[0]?.status;
  return { server, app, close, both, tunnel };
}

suite('a restarted app', () => {
  test('judges by its own options, and leaves nothing of the app before it', async (t) => {
    const { server, app, close, both, tunnel } = await restartable(t);
    let running = await app(first);
    const own = server.emit;
    assert.deepEqual(await both(), [200, 421]);
    for (const host of [second, first, second]) {
      const before = running;
      running = await app(host);
      await close(before);
      assert.deepEqual(await both(), host === first ? [200, 421] : [421, 200]);
      assert.equal(await tunnel(), 405);
    }
    assert.equal(server.emit, own);
    assert.deepEqual(
      solicited.map((event) => server.listenerCount(event)),
      [1, 1, 1],
    );
  });

  test('that fails to start leaves the guard of the app before it in force', async (t) => {
    const { app, close, both, tunnel } = await restartable(t);
    const running = await app(first);
    let failed: FastifyInstance | null = null;
    await assert.rejects(
      app(second, (made) => {
        failed = made;
        made.addHook('onReady', async () => {
          throw new Error('of the app');
        });
      }),
      /of the app/,
    );
    await close(failed!);
    assert.deepEqual(await both(), [200, 421]);
    assert.equal(await tunnel(), 405);
    // Closed, but its server still serves: no moment is without a guard.
    await close(running);
    assert.equal(await tunnel(), 405);
    await app(second);
    assert.equal((await both())[0], 421);
  });

  test('does not take over from guard(), nor a second relayGuard from the first of its app', async (t) => {
    const { server, app } = await restartable(t);
    const standing = guard(server, { hosts: [first] });
    await assert.rejects(app(second), { code: 'SEKISHO_ERR_GUARDED_ALREADY' });
    standing.detach();
    const twice = app(second, async (made) => {
      await made.register(async (inner) => void (await inner.register(relayGuard, { hosts: [first] })));
    });
    await assert.rejects(twice, { code: 'SEKISHO_ERR_GUARDED_ALREADY' });
  });

  test('takes the handshakes of forward over, also after a restart that failed', async (t) => {
    const { server, app, close } = await restartable(t);
    const answer = 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n';
    const backends = [await recordingBackend(t, { answer }), await recordingBackend(t, { answer })];
    const counts = () => backends.map(({ requests }) => requests.length);
    const build = (number: number) => (made: FastifyInstance) =>
      made.register(forward, { prefix: '/chat', backend: backends[number]!.url, websocket: true });
    const { port } = server.address() as AddressInfo;
    const talk = async () => {
      const head = ['GET /chat HTTP/1.1', `Host: ${first}`, 'Connection: Upgrade', 'Upgrade: websocket'];
      const key = ['Sec-WebSocket-Version: 13', 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=='];
      return (await exchange(port, `${[...head, ...key].join('\r\n')}\r\n\r\n`, { until: 1 })).responses[0]
        ?.status;
    };
    const before = await app(first, build(0));
    assert.deepEqual([await talk(), counts()], [101, [1, 0]]);
    const failing = app(first, async (made) => {
      await build(1)(made);
      throw new Error('of the app');
    });
    await assert.rejects(failing, /of the app/);
    assert.deepEqual([await talk(), counts()], [101, [2, 0]]);
    await app(first, build(1));
    await close(before);
    assert.deepEqual([await talk(), counts()], [101, [2, 1]]);
    assert.equal(server.listenerCount('upgrade'), 1);
  });
});
