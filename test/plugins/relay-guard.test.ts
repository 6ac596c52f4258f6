/** `relayGuard` in a Fastify app. */
import assert from 'node:assert/strict';
import dns from 'node:dns';
import { createServer, IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type Duplex, Readable } from 'node:stream';
import { suite, test } from 'node:test';
import Fastify, { type FastifyInstance, type FastifyRequest, type InjectOptions } from 'fastify';
import { guard } from '../../plugins/guard.ts';
import { relayGuard } from '../../plugins/relay-guard.ts';
import type { ProbeEvent } from '../../src/events/event.ts';
import { guardedApp } from '../support/guarded-app.ts';
import { exchange } from '../support/raw-client.ts';

const head = (...lines: string[]): string => `${lines.join('\r\n')}\r\n\r\n`;
const get = (target: string, host = 'www.example.net', ...more: string[]): string =>
  head(`GET ${target} HTTP/1.1`, `Host: ${host}`, 'Connection: close', ...more);

/** Answers with the request as a handler sees it. */
const echo = async (request: FastifyRequest) => ({
  url: request.url,
  originalUrl: request.originalUrl,
  host: request.host,
  verdict: request.relayVerdict.action,
});
const withEcho = (app: FastifyInstance): void => {
  app.get('/a', echo);
  app.post('/a', echo);
};

suite('relayGuard: requests', () => {
  test('for an own host are served unchanged', async (t) => {
    const { port, events } = await guardedApp(t, { build: withEcho });
    const reply = await exchange(port, get('/a?b=c'));
    assert.equal(reply.responses[0]!.status, 200);
    assert.deepEqual(JSON.parse(reply.responses[0]!.body.toString()), {
      url: '/a?b=c',
      originalUrl: '/a?b=c',
      host: 'www.example.net',
      verdict: 'allow',
    });
    assert.deepEqual(events, []);
  });

  test('for a foreign host are refused before any hook, route or 404 handler runs', async (t) => {
    const ran: string[] = [];
    const { port, told } = await guardedApp(t, {
      build: (app) => {
        app.addHook('onRequest', async () => void ran.push('hook'));
        app.setNotFoundHandler(async () => void ran.push('404'));
        withEcho(app);
      },
    });
    for (const target of ['/a', '/nowhere', '/%zz']) {
      const reply = await exchange(port, get(target, 'www.example.com'));
      assert.equal(reply.responses[0]!.status, 421, target);
      assert.equal(reply.ended, 'closed');
    }
    assert.deepEqual(ran, []);
    assert.deepEqual(await told(3), Array(3).fill('block host-foreign'));
  });

  test('with duplicate slashes are paths if the app ignores those, but not if a URL follows', async (t) => {
    const { port, told } = await guardedApp(t, {
      server: { routerOptions: { ignoreDuplicateSlashes: true } },
      guard: { policy: { preset: 'strict' } },
      build: withEcho,
    });
    for (const target of ['//a', '///a'])
      assert.equal((await exchange(port, get(target))).responses[0]!.status, 200, target);
    for (const target of ['/http://www.example.com/', '//http://www.example.com/'])
      assert.equal((await exchange(port, get(target))).responses[0]!.status, 400, target);
    assert.deepEqual(await told(2), Array(2).fill('block url-in-path'));
  });

  test('without a route still get 404', async (t) => {
    const { port } = await guardedApp(t);
    assert.equal((await exchange(port, get('/nowhere'))).responses[0]!.status, 404);
  });

  test('in absolute-form for an own host are routed in origin-form; originalUrl keeps the original', async (t) => {
    const { port, events } = await guardedApp(t, { build: withEcho });
    const target = `http://www.example.net:${port}/a?b=c`;
    const reply = await exchange(port, head(`GET ${target} HTTP/1.0`));
    assert.equal(reply.responses[0]!.status, 200);
    assert.deepEqual(JSON.parse(reply.responses[0]!.body.toString()), {
      url: '/a?b=c',
      originalUrl: target,
      host: `www.example.net:${port}`,
      verdict: 'allow',
    });
    assert.deepEqual(events, []);
  });

  test('in absolute-form for another host are refused', async (t) => {
    const { port, events, told } = await guardedApp(t, { build: withEcho });
    const reply = await exchange(port, get('http://www.example.com/a', 'www.example.com'));
    assert.equal(reply.responses[0]!.status, 421);
    assert.deepEqual(await told(1), ['block absolute-form-foreign']);
    assert.equal(events[0]!.destination, 'http://www.example.com/a');
  });

  test('with Expect: 100-continue are judged before the 100', async (t) => {
    const { port } = await guardedApp(t, { build: withEcho });
    const post = (host: string) =>
      head(
        'POST /a HTTP/1.1',
        `Host: ${host}`,
        'Expect: 100-continue',
        'Content-Length: 2',
        'Content-Type: text/plain',
        'Connection: close',
      );
    assert.deepEqual(
      (await exchange(port, [post('www.example.com'), 'ab'])).responses.map(({ status }) => status),
      [421],
    );
    assert.deepEqual(
      (await exchange(port, [post('www.example.net'), 'ab'])).responses.map(({ status }) => status),
      [100, 200],
    );
  });

  test('lose a foreign X-Forwarded-Host before they reach an app that trusts its proxy', async (t) => {
    const { port, told } = await guardedApp(t, { server: { trustProxy: true }, build: withEcho });
    const reply = await exchange(port, get('/a', 'www.example.net', 'X-Forwarded-Host: www.example.com'));
    assert.equal(JSON.parse(reply.responses[0]!.body.toString()).host, 'www.example.net');
    assert.deepEqual(await told(1), ['flag host-override']);
  });

  test('from a trusted proxy count for the client that it names', async (t) => {
    const { port, events } = await guardedApp(t, {
      server: { trustProxy: true },
      guard: { trustedProxies: ['127.0.0.1'] },
      build: withEcho,
    });
    await exchange(port, get('/a', 'www.example.com', 'X-Forwarded-For: 192.0.2.7'));
    assert.equal(events[0]!.client, '192.0.2.7');
  });
});

suite('relayGuard: CONNECT', () => {
  test("is refused, and the app's own listener is never called", async (t) => {
    let called = false;
    const { port, told } = await guardedApp(t, {
      build: (app) => {
        app.server.on('connect', (_req, socket: Duplex) => {
          called = true;
          socket.end('HTTP/1.1 200 OK\r\n\r\n');
        });
      },
    });
    const reply = await exchange(
      port,
      head('CONNECT mail.example.com:25 HTTP/1.1', 'Host: mail.example.com:25'),
    );
    assert.equal(reply.responses[0]!.status, 405);
    assert.equal(called, false);
    assert.deepEqual(await told(1), ['block connect']);
  });
});

suite('relayGuard: upgrades', () => {
  const upgrade = (target: string, host: string, protocol = 'websocket') =>
    head(`GET ${target} HTTP/1.1`, `Host: ${host}`, 'Connection: Upgrade', `Upgrade: ${protocol}`);
  const listening = (app: FastifyInstance): void => {
    app.server.on('upgrade', (req, socket: Duplex) => {
      socket.end(
        `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: ${req.headers.upgrade}\r\nX-Url: ${req.url}\r\n\r\n`,
      );
    });
  };

  test("reach the app's listener in origin-form", async (t) => {
    const { port, events } = await guardedApp(t, { build: listening });
    assert.match((await exchange(port, upgrade('/chat', 'www.example.net'))).text, /^HTTP\/1\.1 101 /);
    assert.match(
      (await exchange(port, upgrade('http://www.example.net/chat', 'www.example.net'))).text,
      /X-Url: \/chat/,
    );
    assert.deepEqual(events, []);
  });

  test('for a foreign host, in either form, are refused', async (t) => {
    const { port, told } = await guardedApp(t, { build: listening });
    for (const target of ['/chat', 'http://www.example.com/chat']) {
      assert.equal((await exchange(port, upgrade(target, 'www.example.com'))).responses[0]!.status, 421);
    }
    assert.deepEqual(await told(2), ['block host-foreign', 'block absolute-form-foreign']);
  });

  test('are ordinary requests if the app has no upgrade listener', async (t) => {
    const { port, told } = await guardedApp(t, { build: withEcho });
    const reply = await exchange(port, get('/a', 'www.example.net', 'Upgrade: h2c'));
    assert.equal(reply.responses[0]!.status, 200);
    assert.deepEqual(await told(1), ['flag upgrade-unknown']);
  });
});

suite('relayGuard: bytes that are not a request', () => {
  const own = (error: NodeJS.ErrnoException, socket: Duplex): void => {
    socket.end(`HTTP/1.1 400 Of The App\r\nX-Code: ${error.code}\r\nContent-Length: 0\r\n\r\n`);
  };

  test("are refused and recorded; the app's clientErrorHandler is not called", async (t) => {
    const { port, told } = await guardedApp(t, { server: { clientErrorHandler: own } });
    const socks = await exchange(port, Buffer.from([5, 1, 0]));
    assert.equal(socks.text, '');
    const broken = await exchange(port, 'GET / HTTP/1.1\r\nHost: www.example.net\r\nA b: c\r\n\r\n');
    assert.match(broken.text, /^HTTP\/1\.1 400 Bad Request\r\n/);
    assert.deepEqual(await told(2), ['block socks5', 'block framing']);
  });

  test("that are merely too long go to the app's clientErrorHandler, and are recorded", async (t) => {
    const { port, told } = await guardedApp(t, { server: { clientErrorHandler: own } });
    const reply = await exchange(port, get('/', 'www.example.net', `X: ${'x'.repeat(20_000)}`));
    assert.match(reply.text, /^HTTP\/1\.1 400 Of The App\r\nX-Code: HPE_HEADER_OVERFLOW/);
    assert.deepEqual(await told(1), ['block header-overflow']);
  });

  test("that time out go to the app's clientErrorHandler, and are not recorded", async (t) => {
    const { port, events } = await guardedApp(t, {
      server: {
        clientErrorHandler: own,
        http: { headersTimeout: 100, requestTimeout: 100, connectionsCheckingInterval: 20 },
        requestTimeout: 100,
      },
    });
    const reply = await exchange(port, 'GET / HTTP/1.1\r\n');
    assert.match(reply.text, /^HTTP\/1\.1 400 Of The App\r\nX-Code: ERR_HTTP_REQUEST_TIMEOUT/);
    assert.deepEqual(events, []);
  });

  test("are left to Fastify's clientErrorHandler if the app has none", async (t) => {
    const { port } = await guardedApp(t);
    const reply = await exchange(port, get('/', 'www.example.net', `X: ${'x'.repeat(20_000)}`));
    assert.equal(reply.responses[0]!.status, 431);
    assert.match(reply.responses[0]!.body.toString(), /"statusCode":431/);
  });
});

suite('relayGuard: servers', () => {
  test('of an app that listens on localhost are all covered', async (t) => {
    // Works on machines with and without IPv6.
    const lookup = dns.lookup as (...args: unknown[]) => unknown;
    t.mock.method(dns, 'lookup', (...args: unknown[]) => {
      const [name, options, done] = args as [string, { all?: boolean }, (...found: unknown[]) => void];
      if (name !== 'localhost') return lookup(...args);
      if (!options.all) return lookup('127.0.0.1', ...args.slice(1));
      const both = ['127.0.0.1', '127.0.0.2'].map((address) => ({ address, family: 4 }));
      return process.nextTick(done, null, both);
    });
    const { app, port } = await guardedApp(t, { host: 'localhost' });
    const addresses = (app.addresses() as AddressInfo[]).map(({ address }) => address).sort();
    assert.deepEqual(addresses, ['127.0.0.1', '127.0.0.2']);
    for (const host of addresses) {
      const reply = await exchange(port, head('CONNECT mail.example.com:25 HTTP/1.1', 'Host: x'), { host });
      assert.equal(reply.responses[0]?.status, 405, host);
    }
  });

  test('made by serverFactory are covered', async (t) => {
    const { port } = await guardedApp(t, {
      server: { serverFactory: (handler: Parameters<typeof createServer>[1]) => createServer(handler) },
      build: withEcho,
    });
    assert.equal((await exchange(port, get('/a'))).responses[0]!.status, 200);
    const reply = await exchange(port, head('CONNECT mail.example.com:25 HTTP/1.1', 'Host: x'));
    assert.equal(reply.responses[0]!.status, 405);
  });

  test('accept only one guard', async (t) => {
    const { app } = await guardedApp(t);
    assert.throws(
      () => guard(app.server, { hosts: ['www.example.org'] }),
      /this server has a checkpoint already/,
    );
  });

  test('close at once with forceCloseConnections, refused connections included', async (t) => {
    const { app, port } = await guardedApp(t);
    const reply = exchange(port, head('POST / HTTP/1.1', 'Host: www.example.com', 'Content-Length: 10'));
    await new Promise((done) => app.server.once('connection', done));
    await app.close();
    await reply;
  });
});

suite('a guard registered inside a prefix', () => {
  test('guards the whole server; its decorators exist only within the prefix', async (t) => {
    const app = Fastify({ forceCloseConnections: true });
    t.after(() => app.close());
    app.get('/outside', async (request) => ({ known: 'relayVerdict' in request }));
    app.register(
      async (inside) => {
        inside.register(relayGuard, { hosts: ['www.example.net'] });
        inside.get('/a', echo);
      },
      { prefix: '/inside' },
    );
    await app.listen({ port: 0, host: '127.0.0.1' });
    const { port } = app.server.address() as { port: number };
    assert.equal((await exchange(port, get('/outside', 'www.example.com'))).responses[0]!.status, 421);
    assert.equal((await exchange(port, get('/outside'))).responses[0]!.body.toString(), '{"known":false}');
    assert.equal((await exchange(port, get('/inside/a'))).responses[0]!.status, 200);
  });
});

suite('relayGuard: inject', () => {
  test("without a host is served: an app's tests need not know about the guard", async (t) => {
    const { app, events } = await guardedApp(t, { build: withEcho });
    for (const call of ['/a', { method: 'POST', url: '/a', payload: { a: 1 } }] as const) {
      const reply = await app.inject(call);
      assert.equal(reply.statusCode, 200);
      assert.equal(reply.json().verdict, 'allow');
    }
    assert.deepEqual(events, []);
  });

  test('with a foreign host is refused', async (t) => {
    const { app, told } = await guardedApp(t, { build: withEcho });
    const reply = await app.inject({ url: '/a', headers: { host: 'www.example.com' } });
    assert.equal(reply.statusCode, 421);
    assert.equal((await app.inject('http://www.example.com/nowhere')).statusCode, 421);
    assert.deepEqual(await told(2), ['block host-foreign', 'block host-foreign']);
  });

  test('with an own host and a foreign port is refused', async (t) => {
    const { app, told } = await guardedApp(t, { build: withEcho });
    const reply = await app.inject({ url: '/a', headers: { host: 'www.example.net:25' } });
    assert.equal(reply.statusCode, 421);
    assert.deepEqual(await told(1), ['block host-port']);
  });

  for (const [name, options] of [
    ['a text', { payload: 'abc' }],
    ['a stream', { payload: Readable.from(['a', 'b']), headers: { 'transfer-encoding': 'chunked' } }],
    ['a body that never ends', { payload: 'abc', simulate: { end: false } }],
    ['a class of its own', { payload: 'abc', Request: IncomingMessage }],
  ] as const)
    test(`refused with a body (${name}) is answered without harm to the process`, async (t) => {
      const { app, told } = await guardedApp(t, { build: withEcho });
      t.mock.timers.enable({ apis: ['setTimeout'] });
      const headers = { host: 'www.example.com', ...('headers' in options ? options.headers : {}) };
      const reply = app.inject({ method: 'POST', url: '/a', ...options, headers } as InjectOptions);
      await new Promise(setImmediate);
      await new Promise(setImmediate);
      // Wait past the lingering close, which would destroy a connection; here there is none.
      t.mock.timers.tick(2000);
      assert.equal((await reply).statusCode, 421);
      t.mock.timers.tick(2000);
      t.mock.timers.reset();
      assert.deepEqual(await told(1), ['block host-foreign']);
    });

  test('with a Content-Length of null is sent without one', async (t) => {
    const { app, events } = await guardedApp(t, { build: withEcho });
    const headers = { 'content-length': null } as unknown as Record<string, string>;
    assert.equal((await app.inject({ url: '/a', headers })).statusCode, 200);
    assert.deepEqual(events, []);
  });

  test('fails like a network request if the answer is drop', async (t) => {
    const rules = { 'host-foreign': { answer: 'drop' } };
    const { app, told } = await guardedApp(t, { build: withEcho, guard: { policy: { rules } } });
    for (const payload of [undefined, 'abc'])
      await assert.rejects(
        app.inject({
          method: 'POST',
          url: '/a',
          headers: { host: 'www.example.com' },
          ...(payload && { payload }),
        }),
        { code: 'LIGHT_ECONNRESET' },
      );
    assert.deepEqual(await told(2), ['block host-foreign', 'block host-foreign']);
  });

  test('over the network, the default host of inject is refused', async (t) => {
    const { port } = await guardedApp(t, { build: withEcho });
    assert.equal((await exchange(port, get('/a', 'localhost:80'))).responses[0]!.status, 421);
  });
});

suite('relayGuard: an exempt route', () => {
  const build = (app: FastifyInstance): void => {
    app.get('/hooks/*', { config: { relayGuard: false } }, echo);
    app.get('/hooks/admin', echo);
    withEcho(app);
  };

  test('is reached despite rules whose action can be allow, without an event', async (t) => {
    const { port, events } = await guardedApp(t, { build });
    for (const request of [
      get('/hooks/a', 'shop.example.com'),
      get('http://shop.example.com/hooks/a', 'shop.example.com'),
      get('/hooks/a', 'www.example.net', 'Proxy-Connection: keep-alive'),
    ]) {
      const reply = await exchange(port, request);
      assert.equal(reply.responses[0]!.status, 200);
      const { url, verdict } = JSON.parse(reply.responses[0]!.body.toString());
      assert.deepEqual({ url, verdict }, { url: '/hooks/a', verdict: 'allow' });
    }
    assert.deepEqual(events, []);
  });

  test('is not reached by a tunnel, bad framing or a path that others read as a host', async (t) => {
    const { port, told } = await guardedApp(t, { build });
    const refused = [
      head('CONNECT /hooks/a HTTP/1.1', 'Host: www.example.net'),
      get('/hooks/a', 'www.example.net', 'Content-Length: 1', 'Transfer-Encoding: chunked'),
      get('/hooks/a', 'a b'),
    ];
    for (const request of refused) {
      assert.match((await exchange(port, request)).text, /^HTTP\/1\.1 4/, request);
    }
    assert.equal((await told(refused.length)).length, refused.length);
  });

  test('does not exempt the routes beside it', async (t) => {
    const { port } = await guardedApp(t, { build });
    for (const path of ['/a', '/hooks/admin', '/hooks/%61dmin', '/hooks/../a', '/hooks']) {
      assert.equal(
        (await exchange(port, get(path, 'shop.example.com'))).responses[0]!.status,
        path === '/hooks/../a' ? 200 : 421,
        path,
      );
    }
  });

  test('is exempt in inject too', async (t) => {
    const { app } = await guardedApp(t, { build });
    assert.equal((await app.inject('http://shop.example.com/hooks/a')).statusCode, 200);
  });
});

suite('relayGuard: options', () => {
  async function faults(options: object): Promise<string[]> {
    const error = await Promise.resolve(Fastify().register(relayGuard, options as never)).then(
      () => assert.fail('accepted'),
      (error: Error) => error,
    );
    assert.equal(error.name, 'ConfigError');
    return error.message.split('\n');
  }

  test('with several faults report them all at once', async () => {
    const lines = await faults({
      hosts: ['http://www.example.net/', '*'],
      trustedProxies: ['0.0.0.0/0'],
      allow: ['here'],
      policy: { preset: 'lax', rules: { connect: 'allow', 'host-foreign': { answer: 200 }, teapot: 'flag' } },
      onprobe: () => {},
      onError: 'log',
    });
    assert.deepEqual(
      lines.map((line) => line.split(/: | is /, 1)[0]),
      [
        'onprobe',
        'onError',
        'hosts[0]',
        'hosts[1]',
        'allow[0]',
        'policy.preset',
        'policy.rules.teapot',
        'policy.rules.connect',
        'policy.rules.host-foreign.answer',
        'trustedProxies[0]',
      ],
    );
  });

  test('without hosts are refused', async () => {
    assert.deepEqual(await faults({}), ['hosts: is missing. write it.']);
  });

  test('of the wrong type are refused', async () => {
    assert.deepEqual(await faults({ hosts: 'www.example.net', policy: 'strict', websocket: 'yes' }), [
      'hosts: "www.example.net" is text, not a list. list one host or more.',
      'websocket: "yes" is text, not true or false. write true or false.',
      'policy: "strict" is text, not a map. write a map.',
    ]);
  });

  test('set the action of a rule', async (t) => {
    const { port, told } = await guardedApp(t, {
      guard: { policy: { rules: { 'host-foreign': { answer: 'drop' }, 'proxy-connection': 'flag' } } },
      build: withEcho,
    });
    assert.equal((await exchange(port, get('/a', 'www.example.com'))).text, '');
    const reply = await exchange(port, get('/a', 'www.example.net', 'Proxy-Connection: close'));
    assert.equal(reply.responses[0]!.status, 200);
    assert.deepEqual(await told(2), ['block host-foreign', 'flag proxy-connection']);
  });

  test('with a hook that throws break neither request nor process', async (t) => {
    const errors: unknown[] = [];
    const { port } = await guardedApp(t, {
      guard: {
        onProbe: () => {
          throw new Error('of the hook');
        },
        onError: (error: unknown) => errors.push(error),
      },
      build: withEcho,
    });
    assert.equal((await exchange(port, get('/a', 'www.example.com'))).responses[0]!.status, 421);
    assert.match(String(errors[0]), /of the hook/);
  });
});

suite('relayGuard: the body of a refusal', () => {
  const told: unknown[] = [];
  const shapes: Record<string, (event: ProbeEvent) => unknown> = {
    '/text': ({ rule }) => `Not here: ${rule} über\n`,
    '/json': ({ rule, answer }) => ({ type: 'application/json', body: JSON.stringify({ rule, answer }) }),
    '/usual': () => undefined,
    '/throws': () => {
      throw new Error('of the app');
    },
    '/long': () => 'x'.repeat(70_000),
    '/banner': () => 'mail us: smtp',
    '/split': () => ({ type: 'text/plain\r\nX-Evil: a', body: 'a' }),
  };
  const answer = (event: ProbeEvent) => shapes[event.request.split(' ')[1]!]!(event);

  test("is the app's; status and headers stay, and what can't be sent is replaced", async (t) => {
    const onError = (error: unknown) => void told.push(error);
    const { app, port } = await guardedApp(t, { build: withEcho, guard: { answer, onError } });
    const reply = async (path: string) => (await exchange(port, get(path, 'www.example.com'))).responses[0]!;
    const text = await reply('/text');
    assert.deepEqual([text.status, text.body.toString()], [421, 'Not here: host-foreign über\n']);
    const json = await reply('/json');
    assert.deepEqual(
      [json.headers.get('content-type'), json.body.toString()],
      [['application/json'], '{"rule":"host-foreign","answer":421}'],
    );
    assert.deepEqual(json.headers.get('connection'), ['close']);
    for (const path of ['/usual', '/throws', '/long', '/banner', '/split'])
      assert.match((await reply(path)).body.toString(), /^421 .*\nRefused: .*\[host-foreign\]/, path);
    assert.equal(told.length, 4);
    const injected = await app.inject({ url: '/json', headers: { host: 'www.example.com' } });
    assert.deepEqual([injected.statusCode, injected.json()], [421, { rule: 'host-foreign', answer: 421 }]);
  });
});
