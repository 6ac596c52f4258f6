import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startCanary } from './canary.ts';
import { exchange } from './raw-client.ts';
import { recordingBackend } from './recording-backend.ts';

test('records the exact bytes of each request', async (t) => {
  const backend = await recordingBackend(t);
  const first = 'POST /a?b HTTP/1.1\r\nhOsT:  a.example \r\nX: 1\r\nx: 2\r\nContent-Length: 3\r\n\r\nabc';
  const second =
    'PUT / HTTP/1.1\r\nHost: b\r\nTransfer-Encoding: chunked\r\n\r\n2;ext\r\nde\r\n0\r\nT: u\r\n\r\n';
  const reply = await exchange(backend.port, [first + second.slice(0, 70), second.slice(70)], { until: 2 });
  assert.deepEqual(
    reply.responses.map(({ status, body }) => [status, String(body)]),
    [
      [200, 'ok'],
      [200, 'ok'],
    ],
  );
  assert.deepEqual(
    backend.requests.map(({ raw }) => raw.toString('latin1')),
    [first, second],
  );
  const [one, two] = backend.requests;
  assert.deepEqual(one?.headerLines, ['hOsT:  a.example ', 'X: 1', 'x: 2', 'Content-Length: 3']);
  assert.deepEqual([one?.requestLine, String(one?.body), one?.connection], ['POST /a?b HTTP/1.1', 'abc', 0]);
  assert.deepEqual([String(two?.body), two?.trailers, two?.connection], ['de', ['T: u'], 0]);
  assert.deepEqual([backend.faults, backend.connections], [[], 1]);
});

test('answers with the given bytes, and closes where they say so', async (t) => {
  const backend = await recordingBackend(t, { answer: 'HTTP/1.0 204 Fine\r\nconnection: close\r\n\r\n' });
  const reply = await exchange(backend.port, 'GET / HTTP/1.1\r\nHost: a\r\n\r\n');
  assert.deepEqual([reply.text, reply.ended], ['HTTP/1.0 204 Fine\r\nconnection: close\r\n\r\n', 'closed']);
  backend.answerWith((request, socket) => {
    socket.end(`raw ${request.requestLine}`);
    return undefined;
  });
  assert.equal(
    (await exchange(backend.port, 'GET /b HTTP/1.1\r\nHost: a\r\n\r\n')).text,
    'raw GET /b HTTP/1.1',
  );
});

for (const [name, bytes, fault] of [
  ['a bare LF', 'GET / HTTP/1.1\nHost: a\r\n\r\n', /bare CR or LF/],
  [
    'two framings',
    'POST / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n',
    /more than one/,
  ],
  ['a space in the target', 'GET /a b HTTP/1.1\r\nHost: a\r\n\r\n', /bad request line/],
  ['a folded line', 'GET / HTTP/1.1\r\nHost: a\r\n b\r\n\r\n', /bad header line/],
] as const) {
  test(`reports a violation of the grammar: ${name}`, async (t) => {
    const backend = await recordingBackend(t);
    const reply = await exchange(backend.port, bytes);
    assert.equal(reply.responses[0]?.status, 400);
    assert.match(backend.faults[0] ?? '', fault);
    assert.equal(backend.requests.length, 0);
  });
}

test('an incomplete request is a violation', async (t) => {
  const backend = await recordingBackend(t);
  await exchange(backend.port, 'POST / HTTP/1.1\r\nContent-Length: 9\r\n\r\nabc', { halfClose: true });
  assert.match(backend.faults[0] ?? '', /in the middle of a request/);
});

test('the canary answers HTTP, greets, and records silent connections', async (t) => {
  const canary = await startCanary(t, { greeting: '220 canary\r\n' });
  const silent = await exchange(canary.port, '', { until: 'close', timeout: 100 });
  assert.equal(silent.text, '220 canary\r\n');
  assert.deepEqual([canary.connections.length, canary.connections[0]?.bytes.length], [1, 0]);
  const mail = await exchange(canary.port, 'EHLO a\r\n');
  assert.equal(mail.text, `220 canary\r\n${canary.token}\r\n`);
  assert.equal(String((await canary.touched()).bytes), 'EHLO a\r\n');
  const web = await startCanary(t);
  const head = await exchange(web.port, 'HEAD / HTTP/1.0\r\n\r\n');
  assert.deepEqual(head.responses[0]?.headers.get('x-canary'), [web.token]);
  assert.equal(head.rest.length, 0);
});
