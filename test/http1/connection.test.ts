/** The requests of one connection, in whatever packets they come. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { parseConfig } from '../../src/config/load.ts';
import { eventually } from '../support/eventually.ts';
import { runGateway } from '../support/gateway.ts';
import { rawBackend } from '../support/raw-backend.ts';
import { exchange } from '../support/raw-client.ts';
import { rawConnection } from '../support/raw-connection.ts';
import { recordingBackend } from '../support/recording-backend.ts';

const host = 'Host: www.example.net\r\n';
const get = (path: string): string => `GET ${path} HTTP/1.1\r\n${host}\r\n`;
const config = (url: string, more = 'rateLimit: false\n'): string =>
  `sites: [{ hosts: [www.example.net], backend: "${url}" }]\n${more}`;
const ok = (body: string): string => `HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${body}`;

test('a chunked request between plain ones is served in turn', async (t) => {
  const backend = await recordingBackend(t, { answer: ({ requestLine }) => ok(requestLine.split(' ')[1]!) });
  const { port } = await runGateway(t, config(backend.url));
  const chunked = `POST /two HTTP/1.1\r\n${host}Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n`;
  const { responses } = await exchange(port, [get('/one'), chunked, get('/three')], {
    until: 3,
    inTurn: true,
  });
  assert.deepEqual(
    responses.map(({ body }) => body.toString()),
    ['/one', '/two', '/three'],
  );
  assert.equal(backend.requests[1]?.body.toString(), 'abc');
});

test('a probe on a kept connection is refused like any other, and the connection closes', async (t) => {
  const backend = await recordingBackend(t);
  const { port, events } = await runGateway(t, config(backend.url));
  const probe = 'GET http://www.example.com/ HTTP/1.1\r\nHost: www.example.com\r\n\r\n';
  const { responses, ended } = await exchange(port, [get('/'), probe], { inTurn: true });
  assert.deepEqual(
    responses.map(({ status }) => status),
    [200, 421],
  );
  assert.equal(ended, 'closed');
  assert.deepEqual(
    events.map(({ rule }) => rule),
    ['absolute-form-foreign'],
  );
  assert.equal(backend.requests.length, 1);
});

test('too few bytes to recognise a protocol are recorded if the client ends after them', async (t) => {
  const backend = await recordingBackend(t);
  const { port, events } = await runGateway(
    t,
    config(backend.url, 'rateLimit: false\nlimits: { requestHeaders: 1h }\n'),
  );
  const client = await rawConnection(t, port);
  client.socket.end('\x05');
  await eventually(() => events.length === 1, 'it is recorded');
  await client.ended;
  const { action, protocol } = events[0]!;
  assert.deepEqual([client.text().slice(0, 13), action, protocol], ['HTTP/1.1 400 ', 'block', 'unknown']);
});

test('a probe whose sender resets the connection under its answer ends nothing else', async (t) => {
  const backend = await recordingBackend(t, { answer: () => ok('fine') });
  const { port, events } = await runGateway(t, config(backend.url));
  const head = 'POST http://www.example.com/ HTTP/1.1\r\nHost: www.example.com\r\nContent-Length: 4\r\n\r\n';
  for (const [number, probe] of [
    head,
    `${head}body`,
    'NONSENSE\r\n\r\n',
    `GET /${'x'.repeat(70_000)}`,
  ].entries()) {
    const client = await rawConnection(t, port);
    client.socket.write(probe);
    await client.until(/^HTTP\/1\.1 4/);
    client.socket.resetAndDestroy();
    await eventually(() => events.length === number + 1, 'it is recorded');
    assert.equal((await exchange(port, get('/'), { until: 1 })).responses[0]?.status, 200);
  }
});

test('an answer that breaks off resets an HTTP/1.0 connection, whose plain end would complete it', async (t) => {
  const backend = await rawBackend(t, async ({ socket, until }) => {
    await until(/\r\n\r\n/);
    socket.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n');
  });
  const { port } = await runGateway(t, config(backend.url));
  const { socket, until } = await rawConnection(t, port);
  socket.write(`GET / HTTP/1.0\r\n${host}\r\n`);
  await until(/\r\n\r\nhalf$/);
  const failed = once(socket, 'error', { signal: AbortSignal.timeout(20_000) });
  backend.connections[0]!.socket.destroy();
  const [{ code }] = await failed;
  assert.equal(code, 'ECONNRESET');
});

test('bodies that come with their heads are served one after another on the same backend connection', async (t) => {
  const backend = await rawBackend(t, ({ socket }) => socket.on('data', () => socket.write(ok('fine'))));
  const { port } = await runGateway(t, config(backend.url));
  const post = `POST / HTTP/1.1\r\n${host}Content-Length: 4\r\n\r\nbody`;
  const { responses } = await exchange(port, [post, post, post], { until: 3, inTurn: true });
  assert.deepEqual(
    responses.map(({ status }) => status),
    [200, 200, 200],
  );
  assert.equal(backend.connections.length, 1);
});

const chunk = `800\r\n${'x'.repeat(2048)}\r\n`;
for (const [what, more, recorded] of [
  ['malformed', 'no size\r\n', ['framing block']],
  ['longer than maxBody', chunk.repeat(4), []],
] as const)
  test(`a body that is ${what} cuts an answer that has begun: no other is written into it`, async (t) => {
    const backend = await rawBackend(t, async ({ socket, until }) => {
      await until(/\r\n\r\n/);
      socket.write('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\npart');
    });
    const { port, events, gateway } = await runGateway(
      t,
      config(backend.url, 'rateLimit: false\nlimits: { bufferedBody: 1KiB }\n').replace(
        'hosts:',
        'maxBody: 4KiB, hosts:',
      ),
    );
    const client = await rawConnection(t, port);
    client.socket.write(`POST / HTTP/1.1\r\n${host}Transfer-Encoding: chunked\r\n\r\n${chunk}`);
    await client.until(/\r\n\r\npart$/);
    client.socket.write(more);
    await client.ended;
    assert.match(client.text(), /\r\n\r\npart$/);
    assert.deepEqual(
      events.map(({ rule, action }) => `${rule} ${action}`),
      recorded,
    );
    await eventually(() => gateway.backends[0]!.load === 0, 'the backend does not wait for the rest');
  });

for (const [what, target, answer] of [
  ['that is too long', '/', /^HTTP\/1\.1 413 /],
  ['that the gateway answers itself', 'http://own.example.net/', /^HTTP\/1\.1 200 /],
  ['that the backend answers early', 'http://early.example.net/', /\r\n\r\nfine$/],
] as const)
  test(`the rest of a body ${what} is not read as a request`, async (t) => {
    const early = await rawBackend(t, ({ socket }) => {
      socket.on('data', (bytes) => bytes.includes('\r\n\r\n') && socket.write(ok('fine')));
    });
    const { port, events } = await runGateway(
      t,
      `sites:
  - { hosts: [www.example.net], backend: "${early.url}", maxBody: 1KiB }
  - { hosts: [own.example.net], backend: welcome }
  - { hosts: [early.example.net], backend: "${early.url}" }
rateLimit: false
limits: { bufferedBody: 1KiB }
`,
    );
    const client = await rawConnection(t, port);
    const name = /\w+\.example\.net/.exec(target)?.[0] ?? 'www.example.net';
    client.socket.write(
      `POST ${target} HTTP/1.1\r\nHost: ${name}\r\nContent-Length: 9000\r\n\r\n${'x'.repeat(2000)}`,
    );
    await client.until(answer);
    client.socket.write('GET http://www.example.com/ HTTP/1.1\r\nHost: www.example.com\r\n\r\n');
    // By its answers the gateway has read what was sent before them.
    for (let i = 0; i < 3; i++) await exchange(port, get('/barrier'), { until: 1 });
    client.socket.destroy();
    await exchange(port, get('/barrier'), { until: 1 });
    assert.deepEqual(events, []);
  });

test('a chunked answer ends with the connection for an HTTP/1.0 client, even if it wants to keep it', async (t) => {
  const backend = await rawBackend(t, async ({ socket, until }) => {
    await until(/\r\n\r\n/);
    socket.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\n');
  });
  const { port } = await runGateway(t, config(backend.url));
  const client = await rawConnection(t, port);
  client.socket.write(`GET / HTTP/1.0\r\n${host}Connection: keep-alive\r\n\r\n`);
  assert.match(await client.until(/\r\n\r\n/), /\r\nconnection: close\r\n/i);
  backend.connections[0]!.socket.write('fine\r\n0\r\n\r\n');
  await client.until(/\r\n\r\nfine$/);
  await client.ended;
});

test('a malformed body after a plain request does not become the answer to it', async (t) => {
  const backend = await recordingBackend(t);
  const { port, events } = await runGateway(t, config(backend.url));
  const { responses, ended } = await exchange(port, [get('/'), 'NONSENSE\r\n\r\n'], { inTurn: true });
  assert.deepEqual([responses.map(({ status }) => status), ended], [[200, 400], 'closed']);
  assert.equal(events.length, 1);
});

test('requests in one packet are answered in order', async (t) => {
  const backend = await recordingBackend(t, { answer: ({ requestLine }) => ok(requestLine.split(' ')[1]!) });
  const { port } = await runGateway(t, config(backend.url));
  const { responses } = await exchange(port, [get('/0'), get('/1') + get('/2') + get('/3')], { until: 4 });
  assert.deepEqual(
    responses.map(({ body }) => body.toString()),
    ['/0', '/1', '/2', '/3'],
  );
});

for (const [what, before] of [
  ['a plain request', get('/0')],
  ['one after an empty line', `\r\n${get('/0')}`],
] as const)
  test(`a chunked request in the packet of ${what} is answered after it`, async (t) => {
    const backend = await recordingBackend(t, {
      answer: ({ requestLine }) => ok(requestLine.split(' ')[1]!),
    });
    const { port } = await runGateway(t, config(backend.url));
    const chunked = `POST /1 HTTP/1.1\r\n${host}Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n`;
    const { responses } = await exchange(port, [before + chunked + get('/2')], { until: 3 });
    assert.deepEqual(
      responses.map(({ body }) => body.toString()),
      ['/0', '/1', '/2'],
    );
    const post = backend.requests.find(({ requestLine }) => requestLine.startsWith('POST '));
    assert.equal(post?.body.toString(), 'abc');
  });

test('requests in one packet, and one in two packets, are answered in order', async (t) => {
  const backend = await recordingBackend(t, { answer: ({ requestLine }) => ok(requestLine.split(' ')[1]!) });
  const { port } = await runGateway(t, config(backend.url));
  const post = (path: string): string => `POST ${path} HTTP/1.1\r\n${host}Content-Length: 3\r\n\r\nabc`;
  const pieces = [
    post('/0') + get('/1') + post('/2'),
    get('/3') + get('/4').slice(0, 20),
    get('/4').slice(20),
  ];
  const { responses } = await exchange(port, pieces, { until: 5, gap: 100 });
  assert.deepEqual(
    responses.map(({ body }) => body.toString()),
    ['/0', '/1', '/2', '/3', '/4'],
  );
  assert.deepEqual(
    backend.requests.map(({ body }) => body.toString()),
    ['abc', '', 'abc', '', ''],
  );
});

test('a probe after requests in one packet is refused in its turn, and requests after it are not processed', async (t) => {
  const backend = await recordingBackend(t, { answer: ({ requestLine }) => ok(requestLine.split(' ')[1]!) });
  const { port, events } = await runGateway(t, config(backend.url));
  const foreign = 'GET /2 HTTP/1.1\r\nHost: www.example.com\r\n\r\n';
  const { responses, ended } = await exchange(port, get('/0') + get('/1') + foreign + get('/3'));
  assert.deepEqual([responses.map(({ status }) => status), ended], [[200, 200, 421], 'closed']);
  assert.deepEqual(
    events.map(({ rule }) => rule),
    ['host-foreign'],
  );
  assert.equal(backend.requests.length, 2);
});

test('requests after one with Connection: close are not served', async (t) => {
  const backend = await recordingBackend(t);
  const { port } = await runGateway(t, config(backend.url));
  const last = `GET / HTTP/1.1\r\n${host}Connection: close\r\n\r\n`;
  const { responses, ended } = await exchange(port, last + get('/behind'));
  assert.deepEqual([responses.length, ended, backend.requests.length], [1, 'closed', 1]);
});

test('a flagged request is recorded and served', async (t) => {
  const backend = await recordingBackend(t);
  const { port, events } = await runGateway(t, config(backend.url));
  const { responses } = await exchange(port, [get('//www.example.com/'), get('/')], {
    until: 2,
    inTurn: true,
  });
  assert.deepEqual(
    responses.map(({ status }) => status),
    [200, 200],
  );
  assert.deepEqual(
    events.map(({ rule, action, client }) => [rule, action, client]),
    [['url-in-path', 'flag', '127.0.0.1']],
  );
});

test('a pipelined request waits for the answer to the one before', async (t) => {
  const backend = await rawBackend(t);
  const { port } = await runGateway(t, config(backend.url));
  const client = await rawConnection(t, port);
  client.socket.write(get('/first'));
  const connection = await backend.connection(0);
  await connection.until(/\/first/);
  client.socket.write(get('/second'));
  await new Promise((done) => setTimeout(done, 50));
  assert.doesNotMatch(connection.text(), /second/);
  connection.socket.write(ok('one'));
  await client.until(/one$/);
  await connection.until(/\/second/);
  connection.socket.write(ok('two'));
  assert.match(await client.until(/two$/), /one[\s\S]*two/);
});

test('a silent client gets 408; an idle one that was served is closed without an answer', async (t) => {
  const backend = await recordingBackend(t);
  const limits = 'rateLimit: false\nlimits: { requestHeaders: 200ms }\ntimeouts: { idle: 400ms }\n';
  const { port, events } = await runGateway(t, config(backend.url, limits));
  const silent = await exchange(port, [], {});
  assert.deepEqual([silent.responses[0]?.status, silent.ended], [408, 'closed']);
  const served = await exchange(port, get('/'), {});
  assert.deepEqual([served.responses.map(({ status }) => status), served.ended], [[200], 'closed']);
  assert.deepEqual(events, [], 'neither is a probe');
});

test('a client that does not read pauses the backend, and gets everything in the end', async (t) => {
  const size = 64 * 1024 * 1024;
  const backend = await rawBackend(t);
  const { port } = await runGateway(t, config(backend.url));
  for (const framing of ['length', 'chunked']) {
    const client = await rawConnection(t, port);
    client.socket.write(get('/'));
    client.socket.pause();
    const { socket, until } = await backend.connection(framing === 'length' ? 0 : 1);
    await until(/\r\n\r\n/);
    const part = Buffer.alloc(65_536, 'x');
    const head = framing === 'length' ? `Content-Length: ${size}` : 'Transfer-Encoding: chunked';
    socket.write(`HTTP/1.1 200 OK\r\n${head}\r\nConnection: close\r\n\r\n`);
    for (let sent = 0; sent < size; sent += part.length) {
      if (framing === 'chunked') socket.write('10000\r\n');
      socket.write(part);
      if (framing === 'chunked') socket.write('\r\n');
    }
    socket.end(framing === 'chunked' ? '0\r\n\r\n' : '');
    await new Promise((done) => setTimeout(done, 400));
    assert.ok(socket.writableLength > size / 2, `${socket.writableLength} bytes are left at the backend`);
    let got = 0;
    client.socket.removeAllListeners('data');
    client.socket.on('data', (bytes: Buffer) => {
      got += bytes.length;
      if (got > size + (framing === 'chunked' ? size / 65_536 : 0)) client.socket.emit('got-all');
    });
    const all = new Promise((done) => client.socket.once('got-all', done));
    client.socket.resume();
    await all;
    client.socket.destroy();
  }
});

test('a reload applies to the next request on a kept connection', async (t) => {
  const backend = await recordingBackend(t);
  const { port, gateway } = await runGateway(t, config(backend.url));
  const client = await rawConnection(t, port);
  client.socket.write(get('/'));
  await client.until(/ok$/);
  gateway.reload(
    parseConfig(
      `listen: ["127.0.0.1:0"]\nsites: [{ hosts: [other.example.net], backend: "${backend.url}" }]\n`,
      '.',
    ),
  );
  client.socket.write(get('/'));
  assert.match(await client.until(/HTTP\/1\.1 4\d\d/), /HTTP\/1\.1 421 /);
});

test('at shutdown idle connections are closed, and pending answers say Connection: close', async (t) => {
  const backend = await rawBackend(t);
  const { port, gateway } = await runGateway(t, config(backend.url));
  const idle = await rawConnection(t, port);
  const busy = await rawConnection(t, port);
  busy.socket.write(get('/'));
  const connection = await backend.connection(0);
  await connection.until(/\r\n\r\n/);
  const closed = gateway.close(5000);
  await idle.ended;
  assert.equal(busy.text(), '');
  connection.socket.write(ok('late'));
  assert.match(await busy.until(/late$/), /\r\nConnection: close\r\n/);
  await busy.ended;
  await closed;
});

test('a request over the limit gets 429, without a body for HEAD, and is recorded once', async (t) => {
  const backend = await recordingBackend(t);
  const { port, events } = await runGateway(
    t,
    config(backend.url, 'rateLimit: { max: 1, timeWindow: 1d }\n'),
  );
  const { responses } = await exchange(port, [get('/'), get('/')], { inTurn: true });
  assert.deepEqual(
    responses.map(({ status }) => status),
    [200, 429],
  );
  const head = await exchange(port, get('/').replace('GET', 'HEAD'), {});
  assert.deepEqual([head.responses[0]?.status, head.rest.length, head.ended], [429, 0, 'closed']);
  assert.deepEqual(
    events.map(({ rule }) => rule),
    ['rate-limited', 'rate-limited'],
  );
  assert.equal(backend.requests.length, 1);
});

test('the access log has a line for each request', async (t) => {
  const backend = await recordingBackend(t);
  const { port, log } = await runGateway(t, config(backend.url, 'rateLimit: false\nlog: { access: true }\n'));
  await exchange(port, get('/a?b'), { until: 1 });
  backend.answerWith('HTTP/1.1 2000 No\r\n\r\n');
  await exchange(port, get('/c'), { until: 1 });
  const lines = log.map((line) => JSON.parse(line)).filter(({ event }) => event === 'access');
  assert.deepEqual(
    lines.map(({ client, site, method, path, status }) => ({ client, site, method, path, status })),
    [
      { client: '127.0.0.1', site: 'www.example.net', method: 'GET', path: '/a?b', status: 200 },
      { client: '127.0.0.1', site: 'www.example.net', method: 'GET', path: '/c', status: 502 },
    ],
  );
});
