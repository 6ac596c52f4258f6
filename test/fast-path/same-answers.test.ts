/** A request that goes past Node's server gets the answer that it gets by way of it, and the backend the same request. */
import assert from 'node:assert/strict';
import { after, suite, test } from 'node:test';
import { runGateway, trustedAddress } from '../support/gateway.ts';
import { exchange } from '../support/raw-client.ts';
import { recordingBackend } from '../support/recording-backend.ts';

const owner = { after };
const backend = await recordingBackend(owner);
const gateway = await runGateway(
  owner,
  `
sites: [{ hosts: [www.example.net], backend: "${backend.url}" }]
trustedProxies: [${trustedAddress}]
rateLimit: false
via: true
`,
);
const host = 'Host: www.example.net\r\n';
const ok = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';
const big = 'x'.repeat(200_000);

/** Node's server writes these; nobody needs them with HTTP/1.1. */
const ofServer = /^(?:date:|connection: keep-alive|keep-alive:)/i;

/** An empty line before a request is nothing to a server (RFC 9112 section 2.2), and enough for it not to be plain. */
async function ask(bytes: string, answer: string, from?: string) {
  backend.answerWith(answer);
  const before = backend.requests.length;
  const reply = await exchange(gateway.port, bytes, {
    until: 1,
    methods: [/[A-Z]+/.exec(bytes)![0]],
    ...(from ? { from } : {}),
  });
  const response = reply.responses.at(-1)!;
  const [seen] = backend.requests.slice(before);
  return {
    server: response.headers.has('keep-alive') || response.headers.get('connection')?.[0] === 'keep-alive',
    answer: {
      all: reply.responses.length,
      status: response.status,
      reason: response.reason,
      head: response.headerLines.filter((line) => !ofServer.test(line)).sort(),
      body: response.body.toString('latin1'),
      trailers: response.trailers.map((line) => line.toLowerCase()),
      dated: response.headers.has('date'),
      rest: reply.rest.length,
    },
    seen: [seen?.requestLine, seen?.headerLines, seen?.body.toString()],
  };
}

suite('the same by both ways', () => {
  for (const [what, request, answer, from] of [
    ['a small answer', `GET /a?b HTTP/1.1\r\n${host}\r\n`, ok],
    ['many fields', `GET / HTTP/1.1\r\n${host}Cookie: a\r\nX-A:\tb \r\ncookie: c\r\nX-B: \xe9\r\n\r\n`, ok],
    [
      'a Date of the backend',
      `GET / HTTP/1.1\r\n${host}\r\n`,
      ok.replace('Content', 'Date: then\r\nContent'),
    ],
    ['a body', `POST /p HTTP/1.1\r\n${host}Content-Length: 5\r\n\r\nhello`, ok],
    ['an empty body', `POST /p HTTP/1.1\r\n${host}Content-Length: 0\r\n\r\n`, ok],
    ['HEAD', `HEAD / HTTP/1.1\r\n${host}\r\n`, 'HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n'],
    ['204', `DELETE /a HTTP/1.1\r\n${host}\r\n`, 'HTTP/1.1 204 No Content\r\nX-A: b\r\n\r\n'],
    ['304', `GET / HTTP/1.1\r\n${host}\r\n`, 'HTTP/1.1 304 Not Modified\r\nETag: "a"\r\n\r\n'],
    ['no reason', `GET / HTTP/1.1\r\n${host}\r\n`, 'HTTP/1.1 299 \r\nContent-Length: 0\r\n\r\n'],
    [
      'a large answer',
      `GET / HTTP/1.1\r\n${host}\r\n`,
      `HTTP/1.1 200 OK\r\nContent-Length: 200000\r\n\r\n${big}`,
    ],
    [
      'a chunked answer with trailers',
      `GET / HTTP/1.1\r\n${host}TE: trailers\r\n\r\n`,
      'HTTP/1.1 200 OK\r\nTrailer: X-Sum\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n2\r\nde\r\n0\r\nX-Sum: 1\r\nContent-Length: 9\r\n\r\n',
    ],
    [
      'an answer to the end',
      `GET / HTTP/1.1\r\n${host}\r\n`,
      'HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nall',
    ],
    [
      'hop-by-hop fields',
      `GET / HTTP/1.1\r\n${host}Keep-Alive: 5\r\nProxy: a\r\nTE: trailers\r\nX-Forwarded-For: 192.0.2.9\r\n\r\n`,
      'HTTP/1.1 200 OK\r\nConnection: X-Hop\r\nX-Hop: a\r\nKeep-Alive: timeout=5\r\nContent-Length: 2\r\n\r\nok',
    ],
    [
      'a trusted proxy',
      `GET / HTTP/1.1\r\n${host}X-Forwarded-For: 192.0.2.9\r\nX-Forwarded-Proto: https\r\nForwarded: for=192.0.2.9\r\n\r\n`,
      ok,
      trustedAddress,
    ],
    [
      'methods that do not pass',
      `OPTIONS /a HTTP/1.1\r\n${host}\r\n`,
      'HTTP/1.1 200 OK\r\nAllow: GET, TRACE, CONNECT\r\nContent-Length: 0\r\n\r\n',
    ],
    [
      'news before the answer',
      `GET / HTTP/1.1\r\n${host}\r\n`,
      `HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n${ok}`,
    ],
    ['nonsense', `GET / HTTP/1.1\r\n${host}\r\n`, 'HTTP/1.1 2000 OK\r\n\r\n'],
    ['nonsense for HEAD', `HEAD / HTTP/1.1\r\n${host}\r\n`, 'HTTP/1.1 2000 OK\r\n\r\n'],
  ] as const) {
    test(what, async () => {
      const fast = await ask(request, answer, from);
      const slow = await ask(`\r\n${request}`, answer, from);
      assert.deepEqual([fast.server, slow.server], [false, true], 'one way each');
      assert.deepEqual(fast.answer, slow.answer);
      assert.deepEqual(fast.seen, slow.seen);
      assert.ok(fast.answer.dated && fast.answer.rest === 0);
    });
  }

  test('content on a method that has none goes by way of the server', async () => {
    const { server, seen } = await ask(`DELETE /p HTTP/1.1\r\n${host}Content-Length: 5\r\n\r\nhello`, ok);
    assert.equal(server, true);
    assert.deepEqual([seen[2], seen[1]?.includes('Connection: close')], ['hello', true]);
  });

  test('and Connection: close', async () => {
    backend.answerWith(ok);
    const request = `GET / HTTP/1.1\r\n${host}Connection: close\r\n\r\n`;
    for (const bytes of [request, `\r\n${request}`]) {
      const reply = await exchange(gateway.port, bytes, { methods: ['GET'] });
      assert.deepEqual([reply.ended, reply.responses[0]?.headers.get('connection')], ['closed', ['close']]);
      assert.equal(reply.responses[0]?.body.toString(), 'ok');
    }
  });
});
