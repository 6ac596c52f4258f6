/** HTTP/2 backends: requests and answers, with Node's own server as the backend. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Http2Server, type ServerHttp2Session, type ServerHttp2Stream } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { after, suite, type TestContext, test } from 'node:test';
import Fastify, { type FastifyInstance } from 'fastify';
import { forward } from '../../plugins/forward.ts';
import { certificate } from '../support/certificate.ts';
import { eventually } from '../support/eventually.ts';
import { runGateway } from '../support/gateway.ts';
import { http2Request, http2Session } from '../support/http2-client.ts';
import { rawBackend } from '../support/raw-backend.ts';
import { exchange } from '../support/raw-client.ts';

const owner = { after };
const { cert, key } = await certificate(owner, ['www.example.net']);

interface Seen {
  readonly headers: Record<string, unknown>;
  readonly body: Buffer;
  readonly trailers: Record<string, unknown>;
}
async function backend(t: TestContext | typeof owner) {
  const seen: Seen[] = [];
  /** Streams whose request is not complete. */
  const open: ServerHttp2Stream[] = [];
  const sessions: ServerHttp2Session[] = [];
  const server: Http2Server = createServer({ settings: { initialWindowSize: 70_000 } });
  server.on('session', (session) => sessions.push(session));
  server.on('sessionError', () => {});
  server.on('stream', (stream: ServerHttp2Stream, headers) => {
    const pieces: Buffer[] = [];
    let trailers = {};
    open.push(stream);
    stream.on('error', () => {});
    stream.on('trailers', (got) => {
      trailers = got;
    });
    stream.on('data', (piece: Buffer) => pieces.push(piece));
    stream.on('end', () => {
      open.splice(open.indexOf(stream), 1);
      const body = Buffer.concat(pieces);
      seen.push({ headers, body, trailers });
      stream.respond(
        { ':status': 200, 'content-type': 'x/echo', 'alt-svc': 'h2=":1"', 'x-a': ['1', '2'] },
        { waitForTrailers: true },
      );
      stream.on('wantTrailers', () => stream.sendTrailers({ 'x-sum': String(body.length) }));
      stream.end(body);
    });
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  t.after(() => {
    for (const session of sessions) session.destroy();
    server.close();
  });
  return { open, url: `h2c://127.0.0.1:${(server.address() as AddressInfo).port}`, seen, sessions, server };
}
const site = (url: string): string =>
  `sites: [{ hosts: [www.example.net], backend: "${url}" }]\nbans: false\nrateLimit: false\n`;
const listen = `listen: [{ address: "127.0.0.1:0", tls: { cert: "${cert}", key: "${key}" } }]\n`;

suite('an HTTP/2 backend', async () => {
  const { url, seen, sessions, open } = await backend(owner);
  const { port, log } = await runGateway(owner, site(url), listen);

  test('serves HTTP/2 clients, trailers included', async (t) => {
    const session = await http2Session(t, `https://127.0.0.1:${port}`);
    const reply = await http2Request(
      session,
      {
        ':method': 'POST',
        ':path': '/a?b',
        ':authority': 'www.example.net',
        te: 'trailers',
        'x-b': 'c',
        cookie: 'd=e',
      },
      'hello',
    );
    assert.deepEqual([reply.status, reply.body.toString(), reply.trailers['x-sum']], [200, 'hello', '5']);
    assert.equal(reply.headers['x-a'], '1, 2');
    assert.equal(reply.headers['alt-svc'], undefined);
    const { headers, body } = seen.at(-1)!;
    assert.equal(body.toString(), 'hello');
    assert.deepEqual(
      [
        headers[':method'],
        headers[':path'],
        headers[':scheme'],
        headers[':authority'],
        headers.te,
        headers['x-b'],
        headers.cookie,
      ],
      ['POST', '/a?b', 'http', 'www.example.net', 'trailers', 'c', 'd=e'],
    );
    assert.equal(headers['x-forwarded-proto'], 'https');
  });

  test('serves many requests at a time on one connection', async (t) => {
    const session = await http2Session(t, `https://127.0.0.1:${port}`);
    const big = Buffer.alloc(300_000, 'x');
    const replies = await Promise.all(
      Array.from({ length: 40 }, (_, i) =>
        http2Request(session, { ':method': 'POST', ':path': `/${i}`, ':authority': 'www.example.net' }, big),
      ),
    );
    for (const { status, body, trailers } of replies)
      assert.deepEqual([status, body.length, trailers['x-sum']], [200, 300_000, '300000']);
    assert.ok(sessions.length <= 2, `${sessions.length}`);
  });

  test('serves HTTP/1 clients: with a length, chunked, and without a body', async () => {
    const tls = { servername: 'www.example.net' };
    const ask = async (text: string) => (await exchange(port, text, { tls, until: 1 })).responses[0]!;
    const host = 'Host: www.example.net\r\n';
    const sized = await ask(`POST /1 HTTP/1.1\r\n${host}Content-Length: 5\r\n\r\nhello`);
    assert.deepEqual([sized.status, sized.body.toString()], [200, 'hello']);
    const chunked = await ask(
      `POST /2 HTTP/1.1\r\n${host}Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nX-T: 1\r\n\r\n`,
    );
    assert.deepEqual([chunked.status, chunked.body.toString()], [200, 'abc']);
    assert.equal(seen.at(-1)!.trailers['x-t'], '1');
    assert.equal((await ask(`GET /3 HTTP/1.1\r\n${host}\r\n`)).body.length, 0);
    const head = await ask(`HEAD /4 HTTP/1.1\r\n${host}\r\n`);
    assert.equal(head.status, 200);
  });
  test('serves an application with the plugin, over HTTP/1 and HTTP/2', async (t) => {
    for (const http2 of [false, true]) {
      const app: FastifyInstance = http2 ? (Fastify({ http2: true }) as never) : Fastify();
      await app.register(forward, { backend: url, host: 'www.example.net' });
      t.after(() => app.close());
      await app.listen({ port: 0, host: '127.0.0.1' });
      const { port: at } = app.server.address() as AddressInfo;
      if (http2) {
        const session = await http2Session(t, `http://127.0.0.1:${at}`);
        const reply = await http2Request(
          session,
          { ':method': 'POST', ':path': '/', te: 'trailers' },
          'hello',
        );
        assert.deepEqual([reply.status, reply.body.toString(), reply.trailers['x-sum']], [200, 'hello', '5']);
      } else {
        const answer = await fetch(`http://127.0.0.1:${at}/`, { method: 'POST', body: 'hello' });
        assert.deepEqual([answer.status, await answer.text()], [200, 'hello']);
      }
    }
  });

  test('gets a request as it arrives: a client that pauses is not cut off, while before an HTTP/1 backend it is', async (t) => {
    const old = await rawBackend(t);
    const { now } = performance;
    for (const [at, expected] of [
      [url, 200],
      [old.url, 408],
    ] as const) {
      const { port: door } = await runGateway(t, site(at), listen);
      const session = await http2Session(t, `https://127.0.0.1:${door}`);
      const stream = session.request({ ':method': 'POST', ':path': '/', ':authority': 'www.example.net' });
      stream.on('error', () => {});
      const answered = once(stream, 'response') as Promise<[Record<string, unknown>]>;
      stream.write('a');
      if (at === url) await eventually(() => open.length > 0, 'the backend has the incomplete request');
      const mocked = t.mock.method(performance, 'now', () => now.call(performance) + 15_000);
      if (expected === 200) {
        // Long enough for the gateway to look, where it is not busy.
        await new Promise((done) => setTimeout(done, 1200));
        stream.end('b');
      }
      const [headers] = await answered;
      assert.equal(headers[':status'], expected);
      mocked.mock.restore();
    }
  });

  after(() =>
    assert.deepEqual(
      log.filter((line) => JSON.parse(line).level >= 40),
      [],
    ),
  );
});
