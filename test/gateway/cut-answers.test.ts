/** Over HTTP/2 too an answer that breaks off does not look complete (RFC 9113 section 8.1): the stream ends with an error. */
import assert from 'node:assert/strict';
import type { AddressInfo } from 'node:net';
import { after, suite, test } from 'node:test';
import Fastify from 'fastify';
import { forward } from '../../plugins/forward.ts';
import { certificate } from '../support/certificate.ts';
import { runGateway } from '../support/gateway.ts';
import { http2Request, http2Session } from '../support/http2-client.ts';
import { rawBackend } from '../support/raw-backend.ts';

const owner = { after };
const host = 'www.example.net';
let answer = '';
const backend = await rawBackend(owner, async ({ socket, until }) => {
  await until(/\r\n\r\n/);
  socket.write(`HTTP/1.1 200 OK\r\n${answer}`);
  // The head must be sent before it breaks off, or the answer is a clean 502.
  setTimeout(() => socket.end(), 40);
});
const { cert, key } = await certificate(owner, [host]);
const gateway = await runGateway(
  owner,
  `sites: [{ hosts: [${host}], backend: "${backend.url}" }]\nbans: false\nrateLimit: false\n`,
  `listen: [{ address: "127.0.0.1:0", tls: { cert: ${cert}, key: ${key} } }]\n`,
);
const app = Fastify({ http2: true, forceCloseConnections: true });
after(() => app.close());
app.register(forward, { backend: backend.url });
await app.listen({ port: 0, host: '127.0.0.1' });
const gates = {
  gateway: await http2Session(owner, `https://127.0.0.1:${gateway.port}`),
  'an app with `forward`': await http2Session(
    owner,
    `http://127.0.0.1:${(app.server.address() as AddressInfo).port}`,
  ),
};

for (const [where, session] of Object.entries(gates))
  suite(`an answer that breaks off, through ${where}`, () => {
    for (const [what, bytes] of [
      ['of a length', 'Content-Length: 100\r\n\r\nhalf'],
      ['of a length, before its first byte', 'Content-Length: 100\r\n\r\n'],
      ['chunked', 'Transfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n'],
      ['chunked, in the middle of a chunk', 'Transfer-Encoding: chunked\r\n\r\n9\r\nhalf'],
      ['chunked, before its last line', 'Transfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n0\r\n'],
      ['with a malformed chunk', 'Transfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\nXYZ\r\n'],
    ] as const)
      for (const method of ['GET', 'POST'])
        test(`${what}, to a ${method}`, async () => {
          answer = bytes;
          const reply = await http2Request(
            session,
            { ':method': method, ':path': '/', ':authority': host },
            method === 'POST' ? 'body' : undefined,
          );
          // Before its head is sent it can still be a clean 502.
          if (reply.status === 502) assert.match(reply.body.toString(), /Bad Gateway/);
          else assert.equal(reply.code, 'INTERNAL_ERROR', String(reply.status));
        });

    test('does not disturb other streams of the connection', async () => {
      answer = 'Content-Length: 4\r\n\r\nfull';
      const reply = await http2Request(session, { ':path': '/', ':authority': host });
      assert.deepEqual([reply.body.toString(), reply.code], ['full', 'NO_ERROR']);
    });
  });
