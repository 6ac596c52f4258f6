import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import { parseResponses } from './http-response.ts';
import { exchange } from './raw-client.ts';

async function serve(t: TestContext, talk: (socket: Socket) => void): Promise<number> {
  const sockets = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    sockets.add(socket.on('error', () => {}));
    talk(socket);
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  t.after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

test('sends the bytes unchanged, piece by piece', async (t) => {
  const pieces: string[] = [];
  const port = await serve(t, (socket) => {
    socket.on('data', (chunk) => pieces.push(chunk.toString('latin1'))).on('end', () => socket.end());
  });
  const reply = await exchange(port, ['GET /\xff\n', Buffer.from([0, 255])], { halfClose: true, gap: 50 });
  assert.deepEqual(pieces, ['GET /\xff\n', '\x00\xff']);
  assert.deepEqual([reply.text, reply.ended, reply.responses.length], ['', 'closed', 0]);
});

test('stops after the requested number of responses', async (t) => {
  const one = 'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\na';
  const two = 'HTTP/1.1 404 Not Found\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nb\r\n0\r\nX: y\r\n\r\n';
  const port = await serve(t, (socket) => socket.write(one + two));
  const reply = await exchange(port, 'GET / HTTP/1.1\r\n\r\n', { until: 2 });
  assert.equal(reply.ended, 'stopped');
  assert.deepEqual(
    reply.responses.map(({ status, body, trailers }) => [status, String(body), ...trailers]),
    [
      [100, ''],
      [200, 'a'],
      [404, 'b', 'X: y'],
    ],
  );
});

test('distinguishes a close, a reset and silence', async (t) => {
  const closing = await serve(t, (socket) => socket.end('bye'));
  assert.deepEqual((await exchange(closing, 'x')).ended, 'closed');
  const resetting = await serve(t, (socket) => socket.once('data', () => socket.resetAndDestroy()));
  assert.deepEqual((await exchange(resetting, 'x')).ended, 'reset');
  const silent = await serve(t, (socket) => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf'));
  const reply = await exchange(silent, 'x', { timeout: 100 });
  assert.deepEqual([reply.ended, reply.responses.length], ['timeout', 0]);
});

test('no listener: an error with the address', async (t) => {
  const port = await serve(t, () => {});
  await assert.rejects(exchange(port, 'x', { host: '127.9.9.9' }), new RegExp(`127\\.9\\.9\\.9:${port}`));
});

for (const { name, text, methods, closed, expected, rest = '' } of [
  { name: 'no length: to the end', text: '\r\nabc', closed: true, expected: 'abc' },
  { name: 'no length, still open', text: '\r\nabc', closed: false, expected: null },
  { name: 'HEAD', text: 'Content-Length: 5\r\n\r\n', methods: ['HEAD'], expected: '' },
  { name: 'too short', text: 'Content-Length: 5\r\n\r\nabc', closed: true, expected: 'abc (broken)' },
  { name: 'two lengths', text: 'Content-Length: 1\r\nContent-Length: 2\r\n\r\nabc', expected: null },
  { name: 'bytes after', text: 'Content-Length: 1\r\n\r\nabc', expected: 'a', rest: 'bc' },
  { name: 'tunnel', text: '\r\n220 mail', methods: ['CONNECT'], expected: '', rest: '220 mail' },
  { name: 'bad chunk', text: 'Transfer-Encoding: chunked\r\n\r\nzz\r\n', expected: null },
]) {
  test(`reads a response: ${name}`, () => {
    const options = { closed: closed ?? false, ...(methods === undefined ? {} : { methods }) };
    const parsed = parseResponses(Buffer.from(`HTTP/1.1 200 OK\r\n${text}`), options);
    const first = parsed.responses[0];
    const body = first === undefined ? null : `${first.body}${first.complete ? '' : ' (broken)'}`;
    assert.equal(body, expected);
    if (expected !== null) assert.equal(String(parsed.rest), rest);
  });
}
