/** What an app's hooks change in a request is what `forward` sends: its backend may trust a field that only the app may set. */
import assert from 'node:assert/strict';
import type { AddressInfo } from 'node:net';
import { suite, type TestContext, test } from 'node:test';
import Fastify, { type FastifyInstance, type FastifyRequest, type FastifyServerOptions } from 'fastify';
import { type ForwardOptions, forward } from '../../plugins/forward.ts';
import { relayGuard } from '../../plugins/relay-guard.ts';
import { exchange } from '../support/raw-client.ts';
import { recordingBackend } from '../support/recording-backend.ts';

interface Setup {
  readonly guarded?: boolean;
  readonly server?: FastifyServerOptions;
  readonly options?: Partial<ForwardOptions>;
  readonly build?: (app: FastifyInstance) => unknown;
}

/** Sends one request through `forward`. @returns its status, and the head that the backend got */
async function sent(t: TestContext, request: string, { guarded = true, server, options, build }: Setup) {
  const backend = await recordingBackend(t, {});
  const app = Fastify({ forceCloseConnections: true, ...server });
  t.after(() => app.close());
  if (guarded) await app.register(relayGuard, { hosts: ['www.example.net'] });
  await build?.(app);
  await app.register(forward, { backend: backend.url, websocket: true, ...options });
  await app.listen({ port: 0, host: '127.0.0.1' });
  const { port } = app.server.address() as AddressInfo;
  const { responses, text } = await exchange(port, request, { until: 1 });
  const [got] = backend.requests;
  const fields = (got?.headerLines ?? []).filter(
    (line) => /^(?:x-|cookie|authorization|user-agent)/i.test(line) && !/^x-(?:forwarded|real)/i.test(line),
  );
  return { status: responses[0]?.status, text, line: got?.requestLine, fields };
}

const get = (target: string, ...more: string[]): string =>
  [`GET ${target} HTTP/1.1`, 'Host: www.example.net', ...more, '', ''].join('\r\n');
const handshake = [
  'Connection: Upgrade',
  'Upgrade: websocket',
  'Sec-WebSocket-Version: 13',
  'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
];
const onRequest = (edit: (request: FastifyRequest) => void) => (app: FastifyInstance) => {
  app.addHook('onRequest', async (request) => edit(request));
};
const asUser = onRequest((request) => {
  delete request.headers.authorization;
  request.headers['x-user'] = 'u1';
});

suite('a field that a hook', () => {
  for (const guarded of [true, false])
    for (const [what, more] of [
      ['a request', ['Connection: close']],
      ['an upgrade', handshake],
    ] as const)
      test(`sets and deletes reaches the backend so, ${what}, ${guarded ? 'behind relayGuard' : 'alone'}`, async (t) => {
        const request = get(
          '/a',
          ...more,
          'Authorization: secret',
          'X-User: admin',
          'x-user: root',
          'X-Kept: a',
          'X-KEPT: b',
        );
        const { fields } = await sent(t, request, { guarded, build: asUser });
        assert.deepEqual(fields, ['X-Kept: a', 'X-KEPT: b', 'x-user: u1']);
      });

  test('sets is not removed by a Connection of the client', async (t) => {
    const request = get('/a', 'Connection: close, X-User, X-Hop', 'X-User: admin', 'X-Hop: a');
    assert.deepEqual((await sent(t, request, { build: asUser })).fields, ['x-user: u1']);
    const rewriteRequestHeaders = (_: FastifyRequest, headers: object) => ({ ...headers, 'x-user': 'u2' });
    const options = { replyOptions: { rewriteRequestHeaders } } as Partial<ForwardOptions>;
    assert.deepEqual((await sent(t, request, { options })).fields, ['x-user: u2']);
  });

  test('sets does not bring back what the verdict strips, in inject too', async (t) => {
    const request = get('/a', 'Connection: close', 'X-Host: evil.example', 'X-User: admin');
    assert.deepEqual((await sent(t, request, { build: asUser })).fields, ['x-user: u1']);
    const backend = await recordingBackend(t, {});
    const app = Fastify();
    t.after(() => app.close());
    await app.register(relayGuard, { hosts: ['www.example.net'] });
    asUser(app);
    await app.register(forward, { backend: backend.url });
    await app.inject({ url: '/a', headers: { 'X-Host': 'evil.example', 'X-User': 'admin' } });
    const { headerLines } = backend.requests[0]!;
    assert.deepEqual(
      headerLines.filter((line) => /^x-(?:host|user)/i.test(line)),
      ['x-user: u1'],
    );
  });

  test('spells its own way replaces the one of the client', async (t) => {
    const build = onRequest(({ raw }) => {
      raw.headers['X-User'] = 'u1';
      raw.headers['x-list'] = ['a', 'b'];
      raw.headers['x-none'] = undefined;
    });
    const request = get('/a', 'Connection: close', 'X-User: admin', 'X-List: c', 'X-None: d');
    assert.deepEqual((await sent(t, request, { build })).fields.sort(), [
      'x-list: a',
      'x-list: b',
      'x-user: u1',
    ]);
  });

  test('leaves alone stays as it was sent; of one that may occur once, the backend gets the line that hooks see', async (t) => {
    const lines = [
      'Cookie: a=1',
      'cookie: b=2',
      'X-A: 1',
      'x-a: 2',
      'User-Agent: first',
      'User-Agent: second',
    ];
    const { fields } = await sent(t, get('/a', 'Connection: close', ...lines), {});
    assert.deepEqual(fields, [...lines.slice(0, 4), 'user-agent: first']);
  });

  test('sets with a line break is not sent', async (t) => {
    const build = onRequest(({ headers }) => {
      headers['x-user'] = 'u1\r\nX-Admin: 1';
    });
    const { status, line } = await sent(t, get('/a', 'Connection: close'), { build });
    assert.deepEqual([status, line], [500, undefined]);
  });
});

suite('a path that', () => {
  const close = 'Connection: close';

  test('rewriteUrl changes is the one that hooks see and the backend gets', async (t) => {
    for (const guarded of [true, false]) {
      const server = {
        rewriteUrl: ({ url }: { readonly url?: string | undefined }) => `${url}`.replace('/old', '/new'),
      };
      assert.equal((await sent(t, get('/old?a', close), { guarded, server })).line, 'GET /new?a HTTP/1.1');
      const absolute = get('http://www.example.net/other', close);
      assert.equal((await sent(t, absolute, { guarded })).line, 'GET /other HTTP/1.1');
    }
  });

  test('a hook changes is the one that the backend gets, if it is one', async (t) => {
    const to = (url: string) =>
      onRequest(({ raw }) => {
        raw.url = url;
      });
    assert.equal((await sent(t, get('/a', close), { build: to('/b') })).line, 'GET /b HTTP/1.1');
    for (const url of ['http://evil.example/', '/a b', '/a\r\nX: y', '']) {
      const { status, line } = await sent(t, get('/a', close), { build: to(url) });
      assert.deepEqual([status, line], [500, undefined], url);
    }
  });
});

test('an error in onSend does not keep the reason of the backend', async (t) => {
  const build = (app: FastifyInstance) =>
    app.addHook('onSend', async (_, { statusCode }) => {
      if (statusCode === 200) throw new Error('of the hook');
    });
  const { text } = await sent(t, get('/a', 'Connection: close'), { build });
  assert.match(text, /^HTTP\/1\.1 500 Internal Server Error\r\n/);
});
