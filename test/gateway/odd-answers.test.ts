/**
 * Answers that Node's writing side would reject: a field sent twice, odd statuses, hop-by-hop trailers. The client gets an answer, the
 * next request gets one too, and the process does not crash.
 */
import assert from 'node:assert/strict';
import { after, beforeEach, suite, test } from 'node:test';
import { get, hostLine, ok } from '../support/behind-gateway.ts';
import { certificate } from '../support/certificate.ts';
import { runGateway } from '../support/gateway.ts';
import { type Http2Reply, http2Request, http2Session } from '../support/http2-client.ts';
import { rawBackend } from '../support/raw-backend.ts';
import { exchange } from '../support/raw-client.ts';

const owner = { after };
const crashes: unknown[] = [];
process.on('uncaughtExceptionMonitor', (error) => crashes.push(error));
process.on('warning', (warning) => crashes.push(warning));
beforeEach(() => {
  crashes.length = 0;
});

const host = 'www.example.net';
/** The backend's answer to every request except those for /next. */
let answer = ok;
const backend = await rawBackend(owner, ({ socket, text }) => {
  let answered = 0;
  socket.on('data', () => {
    const rest = text().slice(answered);
    if (!/\r\n\r\n$/.test(rest) && !rest.endsWith('body')) return;
    if (/^transfer-encoding: chunked/im.test(rest) && !rest.endsWith('0\r\n\r\n')) return;
    answered = text().length;
    socket.write(rest.startsWith('GET /next ') ? ok : answer, 'latin1');
  });
});
const { cert, key } = await certificate(owner, [host]);
const sites = `sites: [{ hosts: [${host}], backend: "${backend.url}", connections: { max: 1, wait: 2s } }]\nbans: false\nrateLimit: false\n`;
const plain = await runGateway(owner, sites);
const secure = await runGateway(
  owner,
  sites,
  `listen: [{ address: "127.0.0.1:0", tls: { cert: ${cert}, key: ${key} } }]\n`,
);
const session = await http2Session(owner, `https://127.0.0.1:${secure.port}`);

const ask = (method = 'GET', path = '/', body?: string): Promise<Http2Reply> =>
  http2Request(session, { ':method': method, ':path': path, ':authority': host }, body);
const head = (...fields: string[]): string =>
  ['HTTP/1.1 200 OK', 'Content-Length: 2', ...fields, '', 'ok'].join('\r\n');
/** No crash, and the one backend connection is free again and works. */
async function goesOn(): Promise<void> {
  assert.deepEqual(crashes, [], 'nothing crashed or warned');
  const next = await ask('GET', '/next');
  assert.deepEqual([next.status, next.body.toString()], [200, 'ok']);
  const plainNext = await exchange(plain.port, get.replace('GET / ', 'GET /next '), { until: 1 });
  assert.equal(plainNext.responses[0]?.status, 200);
}

suite('over HTTP/2, a field that Node allows once, sent twice by the backend:', () => {
  for (const [name, one, two] of [
    ['X-Content-Type-Options', 'nosniff', 'nosniff'],
    ['Date', 'Sun, 06 Nov 1994 08:49:37 GMT', 'Sun, 06 Nov 1994 08:49:38 GMT'],
    ['ETag', '"a"', '"b"'],
    ['Last-Modified', 'Sun, 06 Nov 1994 08:49:37 GMT', 'Sun, 06 Nov 1994 08:49:37 GMT'],
    ['Age', '1', '2'],
    ['Location', '/a', '/b'],
    ['Content-Type', 'text/plain', 'text/html'],
    ['Access-Control-Allow-Credentials', 'true', 'true'],
    ['Retry-After', '1', '2'],
  ] as const)
    test(`${name}: the answer arrives`, async () => {
      answer = head(`${name}: ${one}`, `${name}: ${two}`);
      const reply = await ask();
      assert.deepEqual([reply.status, reply.body.toString(), reply.code], [200, 'ok', 'NO_ERROR']);
      assert.ok(String(reply.headers[name.toLowerCase()]).startsWith(one), JSON.stringify(reply.headers));
      await goesOn();
    });

  test('two cookies stay two', async () => {
    answer = head('Set-Cookie: a=1', 'Set-Cookie: b=2', 'ETag: "a"', 'ETag: "b"');
    const reply = await ask();
    assert.deepEqual(reply.headers['set-cookie'], ['a=1', 'b=2']);
    await goesOn();
  });
});

suite('over HTTP/2, connection-specific fields are dropped:', () => {
  for (const field of [
    'HTTP2-Settings: AAMAAABk',
    'HTTP2-Settings: AAMAAABk\r\nHTTP2-Settings: AAMAAABk',
    'Keep-Alive: timeout=5',
    'Upgrade: h2,h2c',
    'Proxy-Connection: keep-alive',
    'TE: gzip',
    'Trailer: X-Sum',
  ])
    test(JSON.stringify(field), async () => {
      answer = head(field);
      const reply = await ask();
      assert.deepEqual([reply.status, reply.body.toString()], [200, 'ok']);
      await goesOn();
    });

  for (const trailer of [
    'Keep-Alive: timeout=5',
    'Upgrade: h2c',
    'Proxy-Connection: close',
    'Proxy-Authenticate: Basic',
    'HTTP2-Settings: AAMAAABk',
    'Connection: close',
    'TE: gzip',
    'ETag: "a"\r\nETag: "b"',
    'X-Sum: 1\r\nX-Sum: 2',
  ])
    for (const method of ['GET', 'POST'])
      test(`the trailer ${JSON.stringify(trailer)}, to a ${method}`, async () => {
        answer = `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n${trailer}\r\n\r\n`;
        const reply = await ask(method, '/', method === 'POST' ? 'body' : undefined);
        assert.deepEqual([reply.status, reply.body.toString(), reply.code], [200, 'ok', 'NO_ERROR']);
        const passed = /^(X-Sum|ETag)/.exec(trailer)?.[1]?.toLowerCase();
        assert.deepEqual(Object.keys(reply.trailers), passed === undefined ? [] : [passed]);
        await goesOn();
      });
});

suite('over HTTP/2, an informational answer', () => {
  for (const fields of [
    'ETag: "a"\r\nETag: "b"',
    'Date: x\r\nDate: y',
    'HTTP2-Settings: AAMAAABk',
    'Link: </a>; rel=preload\r\nLink: </b>; rel=preload',
    'Content-Length: 2\r\nContent-Length: 2',
  ])
    for (const status of [103, 102, 199])
      test(`${status} with ${JSON.stringify(fields)} does not disturb the answer`, async () => {
        answer = `HTTP/1.1 ${status} Early\r\n${fields}\r\n\r\n${ok}`;
        const reply = await ask();
        assert.deepEqual([reply.status, reply.body.toString()], [200, 'ok']);
        assert.equal(reply.information[0]?.[':status'], status);
        await goesOn();
      });
});

suite('over HTTP/2, a status', () => {
  for (const [status, body] of [
    [205, ''],
    [206, 'ok'],
    [299, 'ok'],
    [304, ''],
    [599, 'ok'],
    [600, 'ok'],
    [999, 'ok'],
  ] as const)
    test(`${status} with the body ${JSON.stringify(body)} passes`, async () => {
      answer = `HTTP/1.1 ${status} Odd\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
      const reply = await ask();
      assert.equal(reply.status, status);
      await goesOn();
    });

  for (const framing of [
    'Content-Length: 2\r\n\r\nok',
    'Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n',
  ])
    test(`205 with ${JSON.stringify(framing)}: forbidden content passes, as over HTTP/1`, async () => {
      answer = `HTTP/1.1 205 Reset\r\n${framing}`;
      const reply = await ask();
      assert.deepEqual([reply.status, reply.body.toString(), reply.code], [205, 'ok', 'NO_ERROR']);
      await goesOn();
    });

  test('204 with a Content-Length passes without it', async () => {
    answer = 'HTTP/1.1 204 Done\r\nContent-Length: 2\r\n\r\n';
    const reply = await ask();
    assert.deepEqual([reply.status, reply.code], [204, 'NO_ERROR']);
    await goesOn();
  });
});

suite('over HTTP/1', () => {
  // Chunked, so that they do not take the fast path past node:http.
  const post = `POST / HTTP/1.1\r\n${hostLine}Transfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\n\r\n`;
  const old = `GET / HTTP/1.0\r\n${hostLine}\r\n`;

  for (const [what, request] of [
    ['HTTP/1.0', old],
    ['a POST', post],
    ['a GET', get],
  ] as const) {
    for (const [kind, bytes] of [
      ['Content-Length', head('Trailer: X-Sum')],
      [
        'chunks',
        'HTTP/1.1 200 OK\r\nTrailer: X-Sum\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nX-Sum: 1\r\n\r\n',
      ],
    ] as const)
      test(`Trailer beside ${kind} passes to ${what}`, async () => {
        answer = bytes;
        const reply = await exchange(plain.port, request, { until: 1 });
        assert.deepEqual(
          reply.responses.map(({ status, body }) => [status, body.toString()]),
          [[200, 'ok']],
        );
        await goesOn();
      });

    for (const status of [600, 999])
      test(`${status} passes to ${what}`, async () => {
        answer = `HTTP/1.1 ${status} Odd\r\nContent-Length: 2\r\n\r\nok`;
        const reply = await exchange(plain.port, request, { until: 1 });
        assert.equal(reply.responses[0]?.status, status);
        await goesOn();
      });

    for (const trailer of ['Keep-Alive: timeout=5', 'Upgrade: h2c', 'Proxy-Connection: close', 'Trailer: X'])
      test(`the trailer ${trailer} is not passed to ${what}`, async () => {
        answer = `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n${trailer}\r\n\r\n`;
        const reply = await exchange(plain.port, request, { until: 1 });
        assert.equal(reply.responses[0]?.body.toString(), 'ok');
        assert.doesNotMatch(reply.text, /timeout=5|h2c|proxy-connection|trailer: x/i);
        await goesOn();
      });
  }
});
