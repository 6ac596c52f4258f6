/** `forward` in an http2 app: responses that node:http2 refuses to write do not crash the process. */
import assert from 'node:assert/strict';
import type { AddressInfo } from 'node:net';
import { after, suite, test } from 'node:test';
import Fastify from 'fastify';
import { forward } from '../../plugins/forward.ts';
import { http2Request, http2Session } from '../support/http2-client.ts';
import { rawBackend } from '../support/raw-backend.ts';

const crashes: unknown[] = [];
process.on('uncaughtExceptionMonitor', (error) => crashes.push(error));
after(() => assert.deepEqual(crashes, []));

const owner = { after };
let answer = '';
const backend = await rawBackend(owner, ({ socket }) => {
  socket.on('data', () => socket.write(answer, 'latin1'));
});
const app = Fastify({ http2: true, forceCloseConnections: true });
after(() => app.close());
app.register(forward, { backend: backend.url, connections: { max: 1, wait: '2s' } });
await app.listen({ port: 0, host: '127.0.0.1' });
const session = await http2Session(owner, `http://127.0.0.1:${(app.server.address() as AddressInfo).port}`);

suite('forward in an http2 app serves the next request after', () => {
  for (const [what, bytes, status] of [
    [
      'a field twice',
      'HTTP/1.1 200 OK\r\nX-Content-Type-Options: nosniff\r\nX-Content-Type-Options: nosniff\r\nETag: "a"\r\nETag: "b"\r\nContent-Length: 0\r\n\r\n',
      200,
    ],
    ['a status of its own', 'HTTP/1.1 999 Odd\r\nETag: "a"\r\nContent-Length: 0\r\n\r\n', 502],
    [
      'a hop-by-hop trailer',
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nKeep-Alive: timeout=5\r\nUpgrade: h2c\r\n\r\n',
      200,
    ],
    [
      'early hints twice',
      'HTTP/1.1 103 Early\r\nDate: a\r\nDate: b\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n',
      200,
    ],
  ] as const)
    test(what, async () => {
      answer = bytes;
      const reply = await http2Request(session, { ':path': '/' });
      assert.deepEqual([reply.status, reply.code], [status, 'NO_ERROR']);
      if (status === 502)
        assert.equal(reply.headers.etag, undefined, 'no header of the refused response is in the 502');
      answer = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';
      assert.equal((await http2Request(session, { ':path': '/' })).body.toString(), 'ok');
    });
});
