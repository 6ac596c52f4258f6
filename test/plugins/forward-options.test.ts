/** The options of `forward` known from `@fastify/http-proxy` and `@fastify/reply-from`. */
import assert from 'node:assert/strict';
import type { AddressInfo } from 'node:net';
import { suite, type TestContext, test } from 'node:test';
import { createGunzip, createGzip, gzipSync } from 'node:zlib';
import Fastify, { type FastifyInstance } from 'fastify';
import { type ForwardOptions, forward } from '../../plugins/forward.ts';
import { relayGuard } from '../../plugins/relay-guard.ts';
import { freePort } from '../support/free-port.ts';
import { exchange } from '../support/raw-client.ts';
import { type RecordedRequest, recordingBackend } from '../support/recording-backend.ts';

async function listening(t: TestContext, build: (app: FastifyInstance) => unknown): Promise<number> {
  const app = Fastify({ forceCloseConnections: true });
  t.after(() => app.close());
  await build(app);
  await app.listen({ port: 0, host: '127.0.0.1' });
  return (app.server.address() as AddressInfo).port;
}

const send = (method: string, target: string, body = '', ...more: string[]): string =>
  [
    `${method} ${target} HTTP/1.1`,
    'Host: www.example.net',
    'Connection: close',
    ...(body === '' ? [] : [`Content-Length: ${body.length}`]),
    ...more,
    '',
    body,
  ].join('\r\n');
const get = (target: string, ...more: string[]): string => send('GET', target, '', ...more);
const line = ({ requestLine }: RecordedRequest): string => requestLine.replace(' HTTP/1.1', '');
const field = ({ headerLines }: RecordedRequest, name: string): string[] =>
  headerLines
    .filter((one) => one.toLowerCase().startsWith(`${name}:`))
    .map((one) => one.slice(name.length + 2));

suite('forward', () => {
  test('rewritePrefix replaces the prefix, and no path escapes it', async (t) => {
    const backend = await recordingBackend(t, {});
    const port = await listening(t, (app) => {
      app.register(forward, { prefix: '/api', backend: backend.url, rewritePrefix: '/v2/' });
      app.register(forward, { prefix: '/bare', backend: backend.url, rewritePrefix: '' });
    });
    for (const path of ['/api', '/api?a', '/api/', '/api/a/b?c=../d', '/bare', '/bare?a', '/bare/a'])
      assert.equal((await exchange(port, get(path))).responses[0]!.status, 200, path);
    assert.deepEqual(backend.requests.map(line), [
      'GET /v2',
      'GET /v2?a',
      'GET /v2/',
      'GET /v2/a/b?c=../d',
      'GET /',
      'GET /?a',
      'GET /a',
    ]);
    for (const path of [
      '/api/..',
      '/api/../admin',
      '/api/%2e%2E/a',
      '/api/a%2f..%2fb',
      '/api/%252e%252e/a',
      '/api/a\\..\\b',
    ])
      assert.equal((await exchange(port, get(path))).responses[0]!.status, 400, path);
    assert.equal((await exchange(port, get('/%61pi/a'))).responses[0]!.status, 404);
    assert.equal(backend.requests.length, 7);
  });

  test("its preValidation and preHandler run after the app's", async (t) => {
    const backend = await recordingBackend(t, {});
    const ran: string[] = [];
    const port = await listening(t, (app) => {
      app.addHook('preHandler', async () => void ran.push('app'));
      app.register(forward, {
        backend: backend.url,
        preValidation: async () => void ran.push('preValidation'),
        preHandler: [
          async () => void ran.push('preHandler'),
          async (request, reply) => {
            if (request.url === '/no') await reply.code(403).send('no');
          },
        ],
      });
    });
    assert.equal((await exchange(port, get('/no'))).responses[0]!.status, 403);
    assert.equal(backend.connections, 0);
    assert.equal((await exchange(port, get('/yes'))).responses[0]!.status, 200);
    assert.deepEqual(ran.slice(0, 3), ['preValidation', 'app', 'preHandler']);
  });

  test('methods not listed are left to the app', async (t) => {
    const backend = await recordingBackend(t, {});
    const port = await listening(t, (app) => {
      app.register(forward, { backend: backend.url, methods: ['GET', 'POST'] });
    });
    const statuses: number[] = [];
    for (const method of ['GET', 'POST', 'DELETE', 'PROPFIND'])
      statuses.push((await exchange(port, send(method, '/a'))).responses[0]!.status);
    assert.deepEqual(statuses, [200, 200, 404, 404]);
  });

  test("the app's onSend hooks see short and long responses", async (t) => {
    const long = 'x'.repeat(300_000);
    const backend = await recordingBackend(t, {
      answer: ({ requestLine }) => {
        const body = requestLine.includes('long') ? long : 'short';
        return `HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
      },
    });
    const port = await listening(t, (app) => {
      app.addHook('onSend', async (_request, reply, payload) => {
        reply.removeHeader('content-length').header('content-encoding', 'gzip');
        return (payload as NodeJS.ReadableStream).pipe(createGzip());
      });
      app.register(forward, { backend: backend.url });
    });
    for (const [path, text] of [
      ['/short', 'short'],
      ['/long', long],
    ] as const) {
      const response = await fetch(`http://127.0.0.1:${port}${path}`);
      assert.equal(response.headers.get('content-encoding'), 'gzip');
      assert.equal(await response.text(), text);
    }
  });

  test("rewriteRequestHeaders changes the backend's headers, but not Host", async (t) => {
    const backend = await recordingBackend(t, {});
    const port = await listening(t, (app) => {
      app.register(relayGuard, { hosts: ['www.example.net'] });
      app.register(forward, {
        backend: backend.url,
        replyOptions: {
          rewriteRequestHeaders: (request, { cookie: _, ...headers }) => ({
            ...headers,
            'x-user': request.url.slice(1),
            host: 'www.example.com',
            'transfer-encoding': 'chunked',
            'content-length': '77',
            ...(request.url === '/split' && { 'x-bad': 'a\r\nX-Evil: b' }),
          }),
        },
      });
    });
    assert.equal((await exchange(port, get('/split'))).responses[0]!.status, 500);
    assert.equal(backend.connections, 0);
    const post = send('POST', '/anna', 'abc', 'Cookie: a=b', 'X-Kept: c');
    assert.equal((await exchange(port, post)).responses[0]!.status, 200);
    const request = backend.requests[0]!;
    assert.deepEqual(
      ['host', 'cookie', 'x-kept', 'x-user', 'content-length', 'transfer-encoding'].map((name) =>
        field(request, name),
      ),
      [['www.example.net'], [], ['c'], ['anna'], ['3'], []],
    );
    assert.equal(request.body.toString(), 'abc');
    assert.deepEqual(backend.faults, []);
  });

  test('rewriteHeaders changes the response headers; onResponse takes over the response', async (t) => {
    const backend = await recordingBackend(t, {
      answer:
        'HTTP/1.1 200 OK\r\nServer: secret\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\nContent-Length: 2\r\n\r\nok',
    });
    const port = await listening(t, (app) => {
      app.register(forward, {
        prefix: '/a',
        backend: backend.url,
        replyOptions: { rewriteHeaders: ({ server: _, ...headers }) => ({ ...headers, 'x-new': 'yes' }) },
      });
      app.register(forward, {
        prefix: '/b',
        backend: backend.url,
        replyOptions: {
          onResponse: (_request, reply, { statusCode, headers, stream }) => {
            reply
              .header('x-seen', `${statusCode} ${headers.server}`)
              .removeHeader('content-length')
              .send(stream);
          },
        },
      });
      app.register(forward, {
        prefix: '/c',
        backend: backend.url,
        replyOptions: {
          rewriteHeaders: () => {
            throw new Error('of the app');
          },
        },
      });
    });
    const [a] = (await exchange(port, get('/a'))).responses;
    assert.deepEqual(
      [a!.headers.get('server'), a!.headers.get('x-new'), a!.headers.get('set-cookie'), a!.body.toString()],
      [undefined, ['yes'], ['a=1', 'b=2'], 'ok'],
    );
    const [b] = (await exchange(port, get('/b'))).responses;
    assert.deepEqual([b!.headers.get('x-seen'), b!.body.toString()], [['200 secret'], 'ok']);
    const [c] = (await exchange(port, get('/c'))).responses;
    assert.deepEqual([c!.status, c!.headers.get('server')], [500, undefined]);
  });

  test('onError answers if no backend does', async (t) => {
    const backend = `http://127.0.0.1:${await freePort()}`;
    const port = await listening(t, (app) => {
      app.register(forward, {
        prefix: '/own',
        backend,
        replyOptions: { onError: (reply, { error }) => reply.code(error.status).send({ own: error.status }) },
      });
      app.register(forward, { backend });
    });
    const [own] = (await exchange(port, get('/own'))).responses;
    assert.deepEqual([own!.status, own!.body.toString()], [502, '{"own":502}']);
    const [plain] = (await exchange(port, send('POST', '/a', 'abc'))).responses;
    assert.deepEqual([plain!.status, plain!.body.toString()], [502, '502 Bad Gateway\n']);
  });

  for (const [retry, connections] of [
    [undefined, 3],
    [false, 2],
  ] as const)
    test(`retry: ${retry}: a request whose connection closes is sent ${retry === false ? 'once' : 'again'}`, async (t) => {
      let asked = 0;
      const backend = await recordingBackend(t, {
        answer: (_request, socket) => {
          if (++asked !== 2) return 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';
          socket.destroy();
          return undefined;
        },
      });
      const port = await listening(t, (app) => {
        app.register(forward, { backend: backend.url, ...(retry === undefined ? {} : { retry }) });
      });
      const statuses: number[] = [];
      for (let i = 0; i < 3; i++) statuses.push((await exchange(port, get('/a'))).responses[0]!.status);
      assert.deepEqual(statuses, retry === false ? [200, 502, 200] : [200, 200, 200]);
      assert.ok(backend.connections <= connections, String(backend.connections));
    });
});

suite('reply.forward', () => {
  const build = (app: FastifyInstance, backend: string): void => {
    app.register(async (scope) => {
      await scope.register(forward, { backend, routes: false });
      scope.post('/as-it-came', (_request, reply) => reply.forward());
      scope.post('/elsewhere', async (_request, reply) =>
        reply.forward('/other?a=b', { rewriteHeaders: (headers) => ({ ...headers, 'x-new': 'yes' }) }),
      );
      scope.get('/bad', (_request, reply) => reply.forward('//evil example/'));
      scope.post('/schema', { schema: { body: { type: 'object', required: ['a'] } } }, (_request, reply) =>
        reply.forward(),
      );
    });
  };
  const json = 'Content-Type: application/json';

  test('forwards a request with the body that the app has parsed', async (t) => {
    const backend = await recordingBackend(t, {});
    const port = await listening(t, (app) => build(app, backend.url));
    assert.equal(
      (await exchange(port, send('POST', '/as-it-came?x', '{ "a": 1 }', json))).responses[0]!.status,
      200,
    );
    const [elsewhere] = (await exchange(port, send('POST', '/elsewhere'))).responses;
    assert.deepEqual([elsewhere!.status, elsewhere!.headers.get('x-new')], [200, ['yes']]);
    assert.equal((await exchange(port, send('POST', '/schema', '{"b":1}', json))).responses[0]!.status, 400);
    assert.equal((await exchange(port, get('/bad'))).responses[0]!.status, 500);
    assert.deepEqual(
      backend.requests.map((request) => [line(request), request.body.toString()]),
      [
        ['POST /as-it-came?x', '{"a":1}'],
        ['POST /other?a=b', ''],
      ],
    );
    assert.deepEqual(backend.faults, []);
  });

  test('forwards a body replaced by a hook, without the removed Content-Encoding', async (t) => {
    const backend = await recordingBackend(t, {});
    const port = await listening(t, (app) => {
      app.addHook('preParsing', async (request, _reply, payload) => {
        delete request.headers['content-encoding'];
        delete request.headers['content-length'];
        return payload.pipe(createGunzip());
      });
      app.register(forward, { backend: backend.url });
    });
    const packed = gzipSync('hello hello').toString('latin1');
    const post = send('POST', '/a', packed, 'Content-Encoding: gzip', 'Content-Type: text/plain');
    assert.equal((await exchange(port, post)).responses[0]!.status, 200);
    const request = backend.requests[0]!;
    assert.deepEqual(
      [request.body.toString(), field(request, 'content-encoding'), field(request, 'transfer-encoding')],
      ['hello hello', [], ['chunked']],
    );
  });

  test('works with inject, with or without a body, and answers refused requests', async (t) => {
    const backend = await recordingBackend(t, {});
    const app = Fastify();
    t.after(() => app.close());
    await app.register(relayGuard, { hosts: ['www.example.net'] });
    app.register(forward, { prefix: '/all', backend: backend.url, websocket: true });
    build(app, backend.url);
    const answers: number[] = [];
    for (const call of [
      { url: '/all/a' },
      { method: 'POST', url: '/all/b', payload: { a: 1 } },
      { method: 'POST', url: '/all/c', payload: 'a,b', headers: { 'content-type': 'text/csv' } },
      { method: 'HEAD', url: '/all/d' },
      { method: 'POST', url: '/as-it-came', payload: { a: 1 } },
      { method: 'POST', url: '/all/a', payload: 'abc', headers: { host: 'www.example.com' } },
    ] as const)
      answers.push((await app.inject(call)).statusCode);
    assert.deepEqual(answers, [200, 200, 200, 200, 200, 421]);
    assert.deepEqual(
      backend.requests.map(({ body }) => body.toString()),
      ['', '{"a":1}', 'a,b', '', '{"a":1}'],
    );
  });
});

test('forward reports all option faults, including those of other packages', async () => {
  const wrong = {
    backend: 'http://127.0.0.1:1',
    rewritePrefix: 'v2',
    methods: ['get'],
    retry: 3,
    preHandler: 'no',
    replyOptions: { rewriteHeader: () => ({}), onError: 1 },
  } as unknown as ForwardOptions;
  await assert.rejects(
    async () => Fastify().register(forward, wrong),
    ({ message }: Error) => {
      assert.deepEqual(
        message.split('\n').map((one) => one.split(':', 1)[0]),
        [
          'rewritePrefix',
          'methods',
          'retry',
          'preHandler',
          'replyOptions.rewriteHeader',
          'replyOptions.onError',
        ],
      );
      return true;
    },
  );
});

test('a client that disconnects, or a backend that does, ends the exchange', async (t) => {
  const gone = Promise.withResolvers<void>();
  const backend = await recordingBackend(t, {
    answer: (_request, socket) => {
      socket.write('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nsome');
      socket.once('close', () => gone.resolve());
      if (_request.requestLine.includes('/broken')) setImmediate(() => socket.destroy());
      return undefined;
    },
  });
  const port = await listening(t, (app) => app.register(forward, { backend: backend.url }));
  const broken = await exchange(port, get('/broken'));
  assert.ok(['closed', 'reset'].includes(broken.ended));
  assert.doesNotMatch(broken.text, /\r\n0\r\n/);
  const controller = new AbortController();
  const response = await fetch(`http://127.0.0.1:${port}/a`, { signal: controller.signal });
  const reader = response.body!.getReader();
  await reader.read();
  controller.abort();
  await gone.promise;
});
