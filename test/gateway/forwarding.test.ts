/** What a backend gets and what its client gets back, byte by byte. */
import assert from 'node:assert/strict';
import { hostname } from 'node:os';
import { after, suite, test } from 'node:test';
import { runGateway, trustedAddress } from '../support/gateway.ts';
import { rawBackend } from '../support/raw-backend.ts';
import { exchange } from '../support/raw-client.ts';
import { rawConnection } from '../support/raw-connection.ts';
import { type RecordedRequest, recordingBackend } from '../support/recording-backend.ts';

const owner = { after };
const crashes: unknown[] = [];
process.on('uncaughtExceptionMonitor', (error) => crashes.push(error));
process.on('warning', (warning) => crashes.push(warning));

const config = (url: string): string => `
sites: [{ hosts: [www.example.net], backend: "${url}" }]
trustedProxies: [${trustedAddress}]
rateLimit: false
`;
const backend = await recordingBackend(owner);
const gateway = await runGateway(owner, config(backend.url));
const hostLine = 'Host: www.example.net\r\n';

/** Sends one request, returns the answer and what the backend got. */
async function send(bytes: string | readonly string[], answer?: string, options: { from?: string } = {}) {
  backend.answerWith(answer ?? 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
  const before = backend.requests.length;
  const reply = await exchange(gateway.port, bytes, { until: 1, ...options });
  assert.notEqual(reply.ended, 'timeout', reply.text);
  return { reply, response: reply.responses.at(-1)!, seen: backend.requests.slice(before) };
}

const values = ({ headerLines }: RecordedRequest, name: string): string[] =>
  headerLines
    .filter((line) => line.toLowerCase().startsWith(`${name}:`))
    .map((line) => line.slice(name.length + 1).trim());

suite('answers', () => {
  test('the head of a response keeps its order, spelling, repeated fields and reason', async () => {
    const { response } = await send(
      `GET / HTTP/1.1\r\n${hostLine}\r\n`,
      'HTTP/1.1 299 Quite Fine\r\nSet-Cookie: a=1\r\nX-oDD: \xe9\r\nSet-cookie: b=2\r\nDate: then\r\nContent-Length: 2\r\n\r\nok',
    );
    assert.deepEqual(
      [response.status, response.reason, response.headerLines.slice(0, 5)],
      [
        299,
        'Quite Fine',
        ['Set-Cookie: a=1', 'X-oDD: \xe9', 'Set-cookie: b=2', 'Date: then', 'Content-Length: 2'],
      ],
    );
    assert.equal(response.body.toString(), 'ok');
  });

  for (const [what, method, answer, expected] of [
    ['HEAD keeps the length and has no body', 'HEAD', 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n', '5'],
    ['HEAD of a chunked page', 'HEAD', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n', undefined],
    ['204', 'GET', 'HTTP/1.1 204 No Content\r\n\r\n', undefined],
    ['304 with a length', 'GET', 'HTTP/1.1 304 Not Modified\r\nETag: "a"\r\nContent-Length: 5\r\n\r\n', '5'],
    ['304 without one', 'GET', 'HTTP/1.1 304 Not Modified\r\nETag: "a"\r\n\r\n', undefined],
  ] as const)
    test(`${what}: the next answer on the connection is complete`, async () => {
      backend.answerWith(({ requestLine }) =>
        requestLine.includes('/next') ? 'HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nnext' : answer,
      );
      const reply = await exchange(
        gateway.port,
        [`${method} / HTTP/1.1\r\n${hostLine}\r\n`, `GET /next HTTP/1.1\r\n${hostLine}\r\n`],
        { until: 2, methods: [method, 'GET'], gap: 30 },
      );
      const [first, next] = reply.responses;
      assert.deepEqual(first?.headers.get('content-length'), expected === undefined ? undefined : [expected]);
      assert.equal(first?.headers.has('transfer-encoding') && method !== 'HEAD', false);
      assert.equal(next?.body.toString(), 'next');
    });

  test('a response without a length is chunked for HTTP/1.1', async () => {
    const { response } = await send(
      `GET / HTTP/1.1\r\n${hostLine}\r\n`,
      'HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nuntil the end',
    );
    assert.deepEqual(response.headers.get('transfer-encoding'), ['chunked']);
    assert.equal(response.body.toString(), 'until the end');
  });

  test('a chunked response ends with the connection for HTTP/1.0', async () => {
    backend.answerWith(
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2;a=b\r\nab\r\n1\r\nc\r\n0\r\n\r\n',
    );
    const reply = await exchange(gateway.port, `GET / HTTP/1.0\r\n${hostLine}\r\n`);
    assert.equal(reply.ended, 'closed');
    const [response] = reply.responses;
    assert.equal(response?.headers.has('transfer-encoding'), false);
    assert.equal(response?.body.toString(), 'abc');
  });

  test('also for HTTP/1.0 with keep-alive: only the end of the connection ends the body', async () => {
    backend.answerWith('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2;a=b\r\nab\r\n0\r\n\r\n');
    const reply = await exchange(gateway.port, `GET / HTTP/1.0\r\n${hostLine}Connection: keep-alive\r\n\r\n`);
    assert.equal(reply.ended, 'closed');
    assert.equal(reply.responses[0]?.headers.has('transfer-encoding'), false);
    assert.equal(reply.responses[0]?.body.toString(), 'ab');
  });

  for (const version of ['1.0', '1.1'])
    test(`a chunked response in one packet goes to HTTP/${version} with a Content-Length`, async () => {
      backend.answerWith(({ requestLine }) =>
        requestLine.includes('/next')
          ? 'HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nnext'
          : 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n',
      );
      const rest = ` HTTP/${version}\r\n${hostLine}Connection: keep-alive\r\n\r\n`;
      const { responses } = await exchange(gateway.port, [`GET /${rest}`, `GET /next${rest}`], {
        until: 2,
        gap: 30,
      });
      assert.equal(responses[0]?.headers.has('transfer-encoding'), false);
      assert.deepEqual(responses[0]?.headers.get('content-length'), ['3']);
      assert.deepEqual(
        responses.map(({ body }) => body.toString()),
        ['abc', 'next'],
      );
    });

  test('chunks arrive as they are sent, then the trailers', async () => {
    const { response } = await send(
      `GET / HTTP/1.1\r\n${hostLine}TE: trailers\r\n\r\n`,
      'HTTP/1.1 200 OK\r\nTrailer: X-Sum\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n0\r\nX-Sum: 1\r\nContent-Length: 9\r\nX-Sum: 2\r\n\r\n',
    );
    assert.equal(response.body.toString(), 'abc');
    assert.doesNotMatch(response.trailers.join(), /content-length/i);
    assert.match(response.trailers.join(), /x-sum: 1/i);
    assert.match(response.trailers.join(), /2/);
  });

  test('103 comes before the answer to HTTP/1.1, and never to HTTP/1.0', async () => {
    const answer =
      'HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';
    const { reply } = await send(`GET / HTTP/1.1\r\n${hostLine}\r\n`, answer);
    assert.deepEqual(
      reply.responses.map(({ status }) => status),
      [103, 200],
    );
    assert.deepEqual(reply.responses[0]?.headers.get('link'), ['</a.css>']);
    const old = await send(`GET / HTTP/1.0\r\n${hostLine}\r\n`, answer);
    assert.deepEqual(
      old.reply.responses.map(({ status }) => status),
      [200],
    );
  });

  test('hop-by-hop fields and those that Connection lists are removed', async () => {
    const { response } = await send(
      `GET / HTTP/1.1\r\n${hostLine}\r\n`,
      'HTTP/1.1 200 OK\r\nConnection: X-Backend-Only\r\nX-Backend-Only: 1\r\nKeep-Alive: timeout=99\r\nUpgrade: h2c\r\nProxy-Authenticate: Basic\r\nX-Kept: 1\r\nContent-Length: 2\r\n\r\nok',
    );
    for (const name of ['x-backend-only', 'upgrade', 'proxy-authenticate'])
      assert.equal(response.headers.has(name), false, name);
    assert.doesNotMatch(response.headerLines.join(), /timeout=99/);
    assert.ok(response.headers.has('x-kept'));
  });

  test('many small chunks to a slow reader, without a warning', async (t) => {
    const chunks = 20_000;
    const piece = `${'10\r\n'}${'x'.repeat(16)}\r\n`;
    backend.answerWith(
      `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${piece.repeat(chunks)}0\r\n\r\n`,
    );
    const client = await rawConnection(t, gateway.port);
    client.socket.pause();
    client.socket.write(`GET / HTTP/1.1\r\n${hostLine}\r\n`);
    await new Promise((done) => setTimeout(done, 100));
    client.socket.resume();
    const text = await client.until(/\r\n0\r\n\r\n$/);
    assert.equal(text.slice(text.indexOf('\r\n\r\n')).replace(/[^x]/g, '').length, 16 * chunks);
    // The backend connection was paused for it and must be resumed.
    await send(`GET / HTTP/1.1\r\n${hostLine}\r\n`);
  });
});

suite('requests', () => {
  test('chunked bodies are decoded and encoded again, with their trailers', async () => {
    const { seen } = await send([
      `POST / HTTP/1.1\r\n${hostLine}Transfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n5;ext=1\r\nhe`,
      'llo\r\n1\r\n \r\n0',
      '3\r\nyou\r\n0\r\nX-Sum: 9\r\nHost: evil.example\r\n\r\n',
    ]);
    assert.equal(seen.length, 1);
    assert.equal(seen[0]!.body.toString(), 'hello you');
    assert.deepEqual(seen[0]!.trailers, ['X-Sum: 9']);
    assert.deepEqual(values(seen[0]!, 'transfer-encoding'), ['chunked']);
    assert.doesNotMatch(seen[0]!.raw.toString('latin1'), /ext=1/);
  });

  test('a body with a Content-Length keeps it', async () => {
    const { seen } = await send([`PUT /x HTTP/1.1\r\n${hostLine}Content-Length: 6\r\n\r\nabc`, 'd\r\n']);
    assert.equal(seen[0]!.body.toString(), 'abcd\r\n');
    assert.deepEqual(values(seen[0]!, 'content-length'), ['6']);
  });

  test('a Content-Length of zero on POST reaches the backend', async () => {
    const { seen } = await send(`POST / HTTP/1.1\r\n${hostLine}Content-Length: 0\r\n\r\n`);
    assert.deepEqual(values(seen[0]!, 'content-length'), ['0']);
  });

  test('Expect: 100-continue is answered when a backend takes the body', async (t) => {
    const client = await rawConnection(t, gateway.port);
    const before = backend.requests.length;
    backend.answerWith('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
    client.socket.write(`POST / HTTP/1.1\r\n${hostLine}Expect: 100-continue\r\nContent-Length: 4\r\n\r\n`);
    assert.equal(await client.until(/\r\n\r\n/), 'HTTP/1.1 100 Continue\r\n\r\n');
    client.socket.write('body');
    await client.until(/ 200 OK\r\n[\s\S]*ok$/);
    const seen = backend.requests[before]!;
    assert.equal(seen.body.toString(), 'body');
    assert.deepEqual(values(seen, 'expect'), []);
  });

  test('a refused request gets no 100', async () => {
    const reply = await exchange(
      gateway.port,
      'POST http://evil.example/ HTTP/1.1\r\nHost: evil.example\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n',
    );
    assert.deepEqual(
      reply.responses.map(({ status }) => status),
      [421],
    );
  });

  test('another expectation is refused', async () => {
    const reply = await exchange(gateway.port, `GET / HTTP/1.1\r\n${hostLine}Expect: miracles\r\n\r\n`, {
      until: 1,
    });
    assert.equal(reply.responses[0]?.status, 417);
  });

  test('hop-by-hop fields, those that Connection lists, and Proxy are removed', async () => {
    const { seen } = await send(
      `GET / HTTP/1.1\r\n${hostLine}Connection: keep-alive, X-Hop\r\nX-Hop: 1\r\nKeep-Alive: 300\r\nProxy: http://evil.example/\r\nTE: gzip\r\nX-Kept: 1\r\n\r\n`,
    );
    for (const name of ['connection', 'x-hop', 'keep-alive', 'proxy', 'te'])
      assert.deepEqual(values(seen[0]!, name), [], name);
    assert.deepEqual(values(seen[0]!, 'x-kept'), ['1']);
  });

  test('an untrusted peer is forwarded as it is, whatever it claims', async () => {
    const { seen } = await send(
      `GET / HTTP/1.1\r\n${hostLine}X-Forwarded-For: 10.0.0.1\r\nX-Forwarded-Proto: https\r\nForwarded: for=10.0.0.1\r\nX-Forwarded-Host: www.example.net\r\n\r\n`,
    );
    assert.deepEqual(values(seen[0]!, 'x-forwarded-for'), ['127.0.0.1']);
    assert.deepEqual(values(seen[0]!, 'x-forwarded-proto'), ['http']);
    assert.deepEqual(values(seen[0]!, 'x-forwarded-host'), ['www.example.net']);
    assert.deepEqual(values(seen[0]!, 'forwarded'), ['for=127.0.0.1;host=www.example.net;proto=http']);
    assert.deepEqual(values(seen[0]!, 'via'), []);
  });

  test('the forwarding fields of a trusted proxy are kept and extended', async () => {
    const { seen } = await send(
      `GET / HTTP/1.1\r\n${hostLine}X-Forwarded-For: 10.0.0.1\r\nX-Forwarded-For: 10.0.0.2\r\nX-Forwarded-Proto: https\r\nForwarded: for=10.0.0.1\r\n\r\n`,
      undefined,
      { from: trustedAddress },
    );
    assert.deepEqual(values(seen[0]!, 'x-forwarded-for'), [`10.0.0.1, 10.0.0.2, ${trustedAddress}`]);
    assert.deepEqual(values(seen[0]!, 'x-forwarded-proto'), ['https']);
    assert.deepEqual(values(seen[0]!, 'forwarded'), [
      `for=10.0.0.1, for=${trustedAddress};host=www.example.net;proto=http`,
    ]);
  });

  test('Via is written if configured', async (t) => {
    const other = await runGateway(t, `${config(backend.url)}via: true\n`);
    const before = backend.requests.length;
    await exchange(other.port, `GET / HTTP/1.0\r\n${hostLine}Via: 1.1 earlier\r\n\r\n`);
    assert.deepEqual(values(backend.requests[before]!, 'via'), ['1.1 earlier', `1.0 ${hostname()}`]);
  });
});

suite('requests on one connection', () => {
  test('connections are kept alive, to the client and to the backend', async () => {
    const connections = backend.connections;
    const before = backend.requests.length;
    backend.answerWith('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
    const get = `GET / HTTP/1.1\r\n${hostLine}\r\n`;
    const reply = await exchange(gateway.port, [get, get, get], { until: 3, gap: 40 });
    assert.equal(reply.responses.length, 3);
    assert.equal(new Set(backend.requests.slice(before).map(({ connection }) => connection)).size, 1);
    assert.ok(backend.connections <= connections + 1);
  });

  test('HTTP/1.0 connections are kept alive on request', async () => {
    const get = `GET / HTTP/1.0\r\n${hostLine}Connection: keep-alive\r\n\r\n`;
    const reply = await exchange(gateway.port, [get, get], { until: 2, gap: 40 });
    assert.equal(reply.responses.length, 2);
    const once = await exchange(gateway.port, `GET / HTTP/1.0\r\n${hostLine}\r\n`);
    assert.equal(once.ended, 'closed');
  });

  test('pipelined requests are answered in order, however late the first answer is', async () => {
    backend.answerWith(async ({ requestLine }) => {
      const path = requestLine.split(' ')[1]!;
      if (path === '/1') await new Promise((done) => setTimeout(done, 80));
      return `HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n${path}`;
    });
    const all = [1, 2, 3, 4].map((i) => `GET /${i} HTTP/1.1\r\n${hostLine}\r\n`).join('');
    const reply = await exchange(gateway.port, all, { until: 4 });
    assert.deepEqual(
      reply.responses.map(({ body }) => body.toString()),
      ['/1', '/2', '/3', '/4'],
    );
  });

  for (const [what, behind, status] of [
    ['CONNECT', 'CONNECT mail.example.com:25 HTTP/1.1\r\nHost: mail.example.com:25\r\n\r\n', 405],
    ['a foreign target', 'GET http://evil.example/ HTTP/1.1\r\nHost: evil.example\r\n\r\n', 421],
    ['garbage', '\x00\x01garbage\r\n\r\n', 400],
    ['a malformed request', `GET / HTTP/1.1\r\n${hostLine}Bad Header: x\r\n\r\n`, 400],
  ] as const)
    test(`${what} pipelined after a request: both are answered in order, and it is not forwarded`, async () => {
      const before = backend.requests.length;
      backend.answerWith(async () => {
        await new Promise((done) => setTimeout(done, 60));
        return 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nfirst';
      });
      const reply = await exchange(gateway.port, `GET / HTTP/1.1\r\n${hostLine}\r\n${behind}`);
      assert.deepEqual(
        reply.responses.map((response) => response.status),
        [200, status],
        reply.text,
      );
      assert.equal(reply.responses[0]?.body.toString(), 'first');
      assert.notEqual(reply.ended, 'timeout');
      assert.equal(backend.requests.length, before + 1);
    });

  test('CONNECT pipelined by a client that leaves is recorded, and the request before it is cancelled', async (t) => {
    const slow = await rawBackend(t);
    const other = await runGateway(t, config(slow.url));
    const client = await rawConnection(t, other.port);
    client.socket.write(
      `GET / HTTP/1.1\r\n${hostLine}\r\nCONNECT mail.example.com:25 HTTP/1.1\r\nHost: a\r\n\r\n`,
    );
    const upstream = await slow.connection(0);
    await upstream.until(/\r\n\r\n/);
    client.socket.resetAndDestroy();
    await upstream.ended;
    for (let i = 0; i < 300 && other.events.length === 0; i++)
      await new Promise((done) => setTimeout(done, 10));
    assert.deepEqual(
      other.events.map(({ rule }) => rule),
      ['connect'],
    );
  });

  test('a request smuggled into a body stays a body', async () => {
    const before = backend.requests.length;
    backend.answerWith('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
    const smuggled = `GET /admin HTTP/1.1\r\n${hostLine}\r\n`;
    await exchange(
      gateway.port,
      `POST / HTTP/1.1\r\n${hostLine}Content-Length: ${smuggled.length}\r\n\r\n${smuggled}`,
      { until: 1 },
    );
    assert.equal(backend.requests.length, before + 1);
    assert.equal(backend.requests[before]!.body.toString(), smuggled);
  });
});

test('a verdict does not wait for the rest of a body', async (t) => {
  const client = await rawConnection(t, gateway.port);
  client.socket.write(
    'POST http://www.example.com/ HTTP/1.1\r\nHost: www.example.com\r\nContent-Length: 999\r\n\r\nmosConfig_absolute_path=',
  );
  const before = gateway.events.length;
  // The answer arrives before the body is sent.
  await client.until(/^HTTP\/1\.1 421 [\s\S]*\]\.\n$/);
  client.socket.write('http://www.example.org');
  await client.ended;
  const event = gateway.events[before] ?? gateway.events.at(-1)!;
  assert.equal(event.intent, 'third-party-attack');
  assert.match(event.bytes, /mosConfig_absolute_path=http:\/\/www\.example\.org$/);
});

test('a backend that never speaks HTTP sees nothing of a probe', async (t) => {
  const silent = await rawBackend(t);
  const other = await runGateway(t, config(silent.url));
  await exchange(other.port, 'GET http://evil.example/ HTTP/1.1\r\nHost: evil.example\r\n\r\n');
  assert.equal(silent.connections.length, 0);
});

test('the backend never got a malformed request, and nothing crashed or warned', () => {
  assert.deepEqual(backend.faults, []);
  assert.deepEqual(crashes, []);
});
