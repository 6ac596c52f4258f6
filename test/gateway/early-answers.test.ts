/**
 * A backend that answers while the client still uploads, and closes: since it has unread bytes, the system resets the connection.
 * The client still gets the answer (RFC 9112 section 9.6).
 */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { after, suite, test } from 'node:test';
import { config, get, hostLine, ok } from '../support/behind-gateway.ts';
import { certificate } from '../support/certificate.ts';
import { runGateway } from '../support/gateway.ts';
import { http2Request, http2Session } from '../support/http2-client.ts';
import { exchange } from '../support/raw-client.ts';

const owner = { after };
const crashes: unknown[] = [];
process.on('uncaughtExceptionMonitor', (error) => crashes.push(error));
process.on('warning', (warning) => crashes.push(warning));
after(() => assert.deepEqual(crashes, [], 'nothing crashed or warned'));

const host = 'www.example.net';
/** How it closes after its answer. */
type Leaving = (socket: Socket, answer: string) => void;
/** Stops reading and closes with unread bytes, as most servers do. */
const closes: Leaving = (socket, answer) => {
  socket.pause();
  socket.write(answer, () => setTimeout(() => socket.destroy(), 20));
};
const resets: Leaving = (socket, answer) => {
  socket.pause();
  socket.write(answer, () => socket.resetAndDestroy());
};
/** Half-closes and reads on for a moment, as nginx does (lingering close). */
const lingers: Leaving = (socket, answer) => {
  socket.end(answer);
  socket.resume();
  setTimeout(() => socket.destroy(), 100);
};

let leave: Leaving = closes;
let answer = '';
const server = createServer({ allowHalfOpen: true }, (socket) => {
  socket.on('error', () => {});
  let text = '';
  const onData = (bytes: Buffer): void => {
    text += bytes.toString('latin1');
    if (!text.includes('\r\n\r\n')) return;
    if (text.startsWith('GET /next ')) socket.end(ok);
    else {
      socket.off('data', onData);
      leave(socket, answer);
    }
  };
  socket.on('data', onData);
});
await once(server.listen(0, '127.0.0.1'), 'listening');
after(() => server.close());
const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
const plain = await runGateway(owner, config(url));
const { cert, key } = await certificate(owner, [host]);
const secure = await runGateway(
  owner,
  config(url),
  `listen: [{ address: "127.0.0.1:0", tls: { cert: ${cert}, key: ${key} } }]\n`,
);

/** More than the buffers of both connections hold. */
const megabytes = Buffer.alloc(12 * 1024 * 1024, 'x');
const lined = Buffer.concat([
  Buffer.from(`POST / HTTP/1.1\r\nHost: ${host}\r\nContent-Length: ${megabytes.length}\r\n\r\n`),
  megabytes,
]);
const chunk = Buffer.concat([Buffer.from('10000\r\n'), Buffer.alloc(65_536, 'x'), Buffer.from('\r\n')]);
const chunked = Buffer.concat([
  Buffer.from(`PUT / HTTP/1.1\r\n${hostLine}Transfer-Encoding: chunked\r\n\r\n`),
  ...Array.from({ length: 180 }, () => chunk),
  Buffer.from('0\r\n\r\n'),
]);
const rounds = 6;

for (const [how, leaving] of Object.entries({ closes, resets, lingers }))
  suite(`a backend that ${how} after an early answer`, () => {
    for (const [what, bytes, status, body] of [
      ['413', 'HTTP/1.1 413 Too Large\r\nConnection: close\r\nContent-Length: 3\r\n\r\nbig', 413, 'big'],
      [
        '401 without Connection: close',
        'HTTP/1.1 401 Who\r\nWWW-Authenticate: Basic\r\nContent-Length: 3\r\n\r\nwho',
        401,
        'who',
      ],
      [
        'a redirect without content',
        'HTTP/1.1 302 There\r\nLocation: /\r\nContent-Length: 0\r\n\r\n',
        302,
        '',
      ],
      [
        'a chunked answer',
        'HTTP/1.1 403 No\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nnono\r\n0\r\n\r\n',
        403,
        'nono',
      ],
    ] as const)
      for (const [framing, request] of [
        ['a length', lined],
        ['chunks', chunked],
      ] as const)
        test(`${what}, to an upload in ${framing}: the answer arrives every time`, async () => {
          leave = leaving;
          answer = bytes;
          const got: unknown[] = [];
          for (let i = 0; i < rounds; i++) {
            const { responses } = await exchange(plain.port, request, { until: 1, timeout: 20_000 });
            got.push([responses[0]?.status, responses[0]?.body.toString()]);
          }
          assert.deepEqual(
            got,
            Array.from({ length: rounds }, () => [status, body]),
          );
        });

    test('over HTTP/2 too', async (t) => {
      leave = leaving;
      answer = 'HTTP/1.1 413 Too Large\r\nConnection: close\r\nContent-Length: 3\r\n\r\nbig';
      const session = await http2Session(t, `https://127.0.0.1:${secure.port}`);
      for (let i = 0; i < rounds; i++) {
        const reply = await http2Request(
          session,
          { ':method': 'POST', ':path': '/', ':authority': host },
          megabytes,
        );
        assert.deepEqual([reply.status, reply.body.toString()], [413, 'big']);
      }
    });

    test('the next request is served', async () => {
      const reply = await exchange(plain.port, get.replace('GET / ', 'GET /next '), { until: 1 });
      assert.equal(reply.responses[0]?.body.toString(), 'ok');
    });
  });

test('an upload that the backend cuts short without an answer: 502', async () => {
  leave = (socket) => socket.resetAndDestroy();
  const { responses } = await exchange(plain.port, lined, { until: 1, timeout: 20_000 });
  assert.equal(responses[0]?.status, 502);
});
