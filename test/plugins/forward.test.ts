/** `forward` in a Fastify app, with and without `relayGuard`. */
import assert from 'node:assert/strict';
import type { AddressInfo } from 'node:net';
import { suite, type TestContext, test } from 'node:test';
import Fastify, { type FastifyInstance } from 'fastify';
import { type ForwardOptions, forward } from '../../plugins/forward.ts';
import { relayGuard } from '../../plugins/relay-guard.ts';
import { exchange } from '../support/raw-client.ts';
import { type RecordedRequest, recordingBackend } from '../support/recording-backend.ts';

const hosts = (request: RecordedRequest): string[] =>
  request.headerLines.filter((line) => /^host:/i.test(line)).map((line) => line.slice(5).trim());

async function proxy(t: TestContext, build: (app: FastifyInstance) => void): Promise<number> {
  const app = Fastify({ forceCloseConnections: true });
  t.after(() => app.close());
  build(app);
  await app.listen({ port: 0, host: '127.0.0.1' });
  return (app.server.address() as AddressInfo).port;
}

const get = (target: string, host = 'www.example.net', ...more: string[]): string =>
  [`GET ${target} HTTP/1.1`, `Host: ${host}`, 'Connection: close', ...more, '', ''].join('\r\n');

suite('forward', () => {
  test('alone: forwards what no route handles, with its own Host', async (t) => {
    const backend = await recordingBackend(t, {});
    const port = await proxy(t, (app) => {
      app.get('/own', async () => 'own');
      app.register(forward, { backend: backend.url });
    });
    assert.equal((await exchange(port, get('/own'))).responses[0]!.body.toString(), 'own');
    assert.equal((await exchange(port, get('/a?b=%2F', 'whatever.example'))).responses[0]!.status, 200);
    assert.equal((await exchange(port, get('/'))).responses[0]!.status, 200);
    assert.deepEqual(
      backend.requests.map(({ requestLine }) => requestLine),
      ['GET /a?b=%2F HTTP/1.1', 'GET / HTTP/1.1'],
    );
    assert.deepEqual(hosts(backend.requests[0]!), [backend.url.replace('http://', '')]);
  });

  test('alone: dials only its backend, whatever the request-target', async (t) => {
    const backend = await recordingBackend(t, {});
    const port = await proxy(t, (app) => app.register(forward, { backend: backend.url }));
    await exchange(port, get('http://www.example.com:25/x', 'www.example.com'));
    assert.equal(backend.requests[0]!.requestLine, 'GET /x HTTP/1.1');
    const connect = 'CONNECT mail.example.com:25 HTTP/1.1\r\nHost: mail.example.com:25\r\n\r\n';
    assert.doesNotMatch((await exchange(port, connect)).text, /^HTTP\/1\.1 2/);
    const odd = 'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n';
    for (let i = 0; i < 5; i++) assert.equal((await exchange(port, odd)).responses[0]!.status, 400);
    await exchange(port, get('/after'));
    assert.deepEqual(
      backend.requests.map(({ requestLine }) => requestLine),
      ['GET /x HTTP/1.1', 'GET /after HTTP/1.1'],
    );
  });

  test('below a prefix: forwards the path unchanged, and leaves other paths to the app', async (t) => {
    const backend = await recordingBackend(t, {});
    const port = await proxy(t, (app) => {
      app.register(forward, { prefix: '/api', backend: backend.url, host: 'api.example.net' });
    });
    for (const path of ['/api', '/api/', '/api/a/b?c']) await exchange(port, get(path));
    assert.equal((await exchange(port, get('/elsewhere'))).responses[0]!.status, 404);
    assert.deepEqual(
      backend.requests.map(({ requestLine }) => requestLine.split(' ')[1]),
      ['/api', '/api/', '/api/a/b?c'],
    );
    assert.deepEqual(hosts(backend.requests[0]!), ['api.example.net']);
  });

  test('registered twice, each below its own prefix', async (t) => {
    const one = await recordingBackend(t, {});
    const two = await recordingBackend(t, {});
    const port = await proxy(t, (app) => {
      app.register(forward, { prefix: '/one', backend: one.url });
      app.register(forward, { prefix: '/two', backend: two.url });
    });
    await exchange(port, get('/one/a'));
    await exchange(port, get('/two/b'));
    assert.deepEqual([one.requests.length, two.requests.length], [1, 1]);
  });

  test('behind relayGuard: forwards the judged Host; refused requests never arrive', async (t) => {
    const backend = await recordingBackend(t, {});
    const port = await proxy(t, (app) => {
      app.register(relayGuard, { hosts: ['www.example.net'] });
      app.register(forward, { backend: backend.url });
    });
    assert.equal((await exchange(port, get('/a', 'www.example.com'))).responses[0]!.status, 421);
    await exchange(port, get('http://www.example.net/a'));
    assert.deepEqual(backend.requests.map(hosts), [['www.example.net']]);
    assert.equal(backend.requests[0]!.requestLine, 'GET /a HTTP/1.1');
  });

  test('carries upgrades below its prefix with `websocket: true`', async (t) => {
    const backend = await recordingBackend(t, {
      answer: () => 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n',
    });
    const port = await proxy(t, (app) => {
      app.register(forward, { prefix: '/ws', backend: backend.url, websocket: true });
    });
    const upgrade = (target: string, host: string): string =>
      `GET ${target} HTTP/1.1\r\nHost: ${host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n`;
    const carried = await exchange(port, upgrade('/ws/chat', 'www.example.net'), { until: 1 });
    assert.match(carried.text, /^HTTP\/1\.1 101 /);
    assert.match((await exchange(port, upgrade('/elsewhere', 'a'))).text, /^HTTP\/1\.1 404 /);
    const withBody = upgrade('/ws/chat', 'www.example.net').replace(/\r\n$/, 'Content-Length: 3\r\n\r\n');
    assert.match((await exchange(port, `${withBody}abc`)).text, /^HTTP\/1\.1 501 /);
    assert.match((await exchange(port, [withBody, 'abc'], { gap: 30 })).text, /^HTTP\/1\.1 501 /);
    assert.equal(backend.requests.length, 1);
  });

  for (const guarded of [false, true])
    test(`a body after a declined upgrade is not parsed as a request (${guarded ? 'guarded' : 'alone'})`, async (t) => {
      const backend = await recordingBackend(t, {});
      const port = await proxy(t, (app) => {
        if (guarded) app.register(relayGuard, { hosts: ['www.example.net'] });
        app.register(forward, { backend: backend.url });
      });
      const host = 'Host: www.example.net\r\n';
      const smuggled = `GET /smuggled HTTP/1.1\r\n${host}\r\n`;
      const first = `GET /a HTTP/1.1\r\n${host}Connection: Upgrade\r\nUpgrade: foo\r\n\r\n`;
      const second = `POST /c HTTP/1.1\r\n${host}Content-Length: ${smuggled.length}\r\n\r\n`;
      const reply = await exchange(port, [first + second, smuggled], { gap: 30 });
      assert.deepEqual([reply.ended, reply.responses.map(({ status }) => status)], ['closed', [200]]);
      assert.deepEqual(
        backend.requests.map(({ requestLine }) => requestLine),
        ['GET /a HTTP/1.1'],
      );
    });

  test('reports all faults of its options', async () => {
    const options = { backend: 'ftp://127.0.0.1', websockets: true, timeouts: { connect: 5 }, host: 'a b' };
    const app = Fastify();
    await assert.rejects(
      async () => app.register(forward, options as unknown as ForwardOptions),
      (error: Error) => {
        const places = error.message.split('\n').map((line) => line.split(':', 1)[0]);
        assert.deepEqual(places, ['websockets', 'host', 'backend', 'timeouts.connect']);
        return true;
      },
    );
  });
});
