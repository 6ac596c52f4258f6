/** Uploads over HTTP/2: what waits for a backend is bounded, counted, and given back. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { Attempt } from '../../src/forward/attempt.ts';
import { maxHeld, rateWindow } from '../../src/h2/bounds.ts';
import type { Http2Connection } from '../../src/http2/connection.ts';
import { RequestBody } from '../../src/http2/request-body.ts';
import { flags, frameTypes, rstStreamFrame } from '../../src/wire/h2-frames.ts';
import { certificate } from '../support/certificate.ts';
import { eventually } from '../support/eventually.ts';
import { runGateway } from '../support/gateway.ts';
import { type BackendConnection, rawBackend } from '../support/raw-backend.ts';
import { host, http2Gateway } from './http2-gateway.ts';
import { data, frame, headers, pseudo, RawHttp2, request } from './raw-http2.ts';

const piece = 'x'.repeat(16_384);
const ok = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';

suite('HTTP/2: uploads', () => {
  test('a backend that reads nothing stops the client, and one that reads again gets every byte', async (t) => {
    const taken: BackendConnection[] = [];
    const { url } = await rawBackend(t, (connection) => {
      taken.push(connection);
      connection.socket.pause();
    });
    const { port } = await http2Gateway(t, url);
    const client = await RawHttp2.open(port);
    t.after(() => client.destroy());
    let room = 262_144;
    let known = 0;
    let sent = 0;
    const send = (most: number): void => {
      for (; known < client.frames.length; known++) {
        const { type, stream, payload } = client.frames[known]!;
        if (type === frameTypes.windowUpdate && stream === 1) room += payload.readUInt32BE(0);
      }
      for (; room >= piece.length && sent < most; room -= piece.length, sent += piece.length)
        client.send(data(1, piece));
    };
    client.send(request(1, false));
    // More than the buffers of the system take.
    const most = 48 * 1024 * 1024;
    for (let before = -1; before !== sent; ) {
      before = sent;
      send(most);
      assert.ok(await client.alive());
      if (before === sent) send(most);
    }
    assert.ok(sent < most, 'it is stopped');
    const [connection] = taken;
    let received = 0;
    connection!.socket.removeAllListeners('data');
    connection!.socket.on('data', (bytes: Buffer) => {
      received += bytes.length;
      if (bytes.subarray(-5).toString() === '0\r\n\r\n') connection!.socket.write(ok);
    });
    client.send(data(1, '', true));
    connection!.socket.resume();
    assert.equal(await client.fate(1), '200');
    assert.ok(received > sent);
  });

  test('no byte beyond the Content-Length reaches the backend', async (t) => {
    const { url, connections } = await rawBackend(t);
    const { port, events } = await http2Gateway(t, url);
    const client = await RawHttp2.open(port);
    t.after(() => client.destroy());
    const length = 5 * piece.length;
    client.send(headers(1, [...pseudo('POST'), 'content-length', String(length)], false));
    client.send(data(1, piece).repeat(5));
    const body = (): number => (connections[0]?.text().split('\r\n\r\n')[1] ?? '').length;
    await eventually(() => body() === length, 'the backend has all of it');
    client.send(data(1, 'GET /smuggled HTTP/1.1\r\n\r\n'));
    assert.equal(await client.error(1), 'reset protocolError');
    await connections[0]!.ended;
    assert.equal(body(), length);
    assert.deepEqual(
      events.map(({ rule }) => rule),
      ['framing'],
    );
    assert.equal(await client.frame((one) => one.type === 99), null, 'the connection is closed');
  });

  test('beyond the rate limit get 429 and are discarded, without using up the window of the connection', async (t) => {
    const { url, connections } = await rawBackend(t, ({ socket }) =>
      socket.on('data', () => socket.write(ok)),
    );
    const { cert, key } = await certificate(t, [host]);
    const { port } = await runGateway(
      t,
      `sites: [{ hosts: [${host}], backend: "${url}" }]\nbans: false\nrateLimit: { max: 1, timeWindow: 1d }\n`,
      `listen: [{ address: "127.0.0.1:0", tls: { cert: ${cert}, key: ${key} } }]\n`,
    );
    const client = await RawHttp2.open(port);
    t.after(() => client.destroy());
    client.send(request(1));
    assert.equal(await client.fate(1), '200');
    for (let stream = 3; stream < 23; stream += 2) {
      client.send(request(stream, false) + data(stream, piece).repeat(8) + data(stream, '', true));
      assert.equal(await client.fate(stream), '429');
    }
    assert.ok(await client.alive());
    assert.equal(connections[0]!.text().match(/HTTP\/1\.1/g)!.length, 1);
  });

  test('padding does not use up the window of a stream', async (t) => {
    const { url } = await rawBackend(t, ({ socket }) => socket.on('data', () => socket.write(ok)));
    const { port } = await http2Gateway(t, url);
    const client = await RawHttp2.open(port);
    t.after(() => client.destroy());
    // 512 KiB: more than the window.
    const padded = frame(frameTypes.data, flags.padded, 1, `\xffx${'\0'.repeat(255)}`);
    client.send(request(1, false) + padded.repeat(2000) + data(1, '', true));
    assert.equal(await client.fate(1), '200');
  });

  test('what a client gives up does not use up the window of its connection', async (t) => {
    const { url } = await rawBackend(t, ({ socket }) => socket.on('data', () => socket.write(ok)));
    const { port } = await http2Gateway(t, url);
    const client = await RawHttp2.open(port);
    t.after(() => client.destroy());
    // 1.5 MiB: more than the window.
    for (let stream = 1; stream < 65; stream += 2)
      client.send(request(stream, false) + data(stream, piece).repeat(3) + rstStreamFrame(stream, 8));
    client.send(request(65));
    assert.equal(await client.fate(65), '200');
  });

  test('nor do uploads that are complete', async (t) => {
    const { url } = await rawBackend(t, ({ socket }) =>
      socket.on('data', (bytes: Buffer) => {
        if (bytes.subarray(-1).toString() !== 'x') return;
        socket.write(ok);
      }),
    );
    const { port } = await http2Gateway(t, url);
    const client = await RawHttp2.open(port);
    t.after(() => client.destroy());
    for (let stream = 1; stream < 65; stream += 2)
      client.send(request(stream, false) + data(stream, piece).repeat(2) + data(stream, piece, true));
    client.send(request(65, false, 'POST') + data(65, 'x', true));
    assert.ok(await client.alive());
    assert.equal(await client.fate(65), '200');
  });

  test('DATA after the end of an upload ends its stream', async (t) => {
    const { url, connections } = await rawBackend(t);
    const { port } = await http2Gateway(t, url);
    const client = await RawHttp2.open(port);
    t.after(() => client.destroy());
    client.send(request(1, false) + data(1, 'all', true) + data(1, 'more'));
    assert.equal(await client.error(1), 'reset streamClosed');
    // More than the window of the connection may be on its way.
    client.send(data(1, piece).repeat(80));
    assert.ok(await client.alive());
    assert.doesNotMatch(connections[0]?.text() ?? '', /more/);
  });

  for (const [what, answer, fate, error] of [
    ['has not begun', '', '408', null],
    ['has begun', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n', '200', 'reset cancel'],
  ] as const)
    test(`an upload that stalls ends its exchange with the backend where the answer ${what}`, async (t) => {
      const { url, connections } = await rawBackend(t, ({ socket }) =>
        socket.once('data', () => socket.write(answer)),
      );
      const { port } = await http2Gateway(t, url, 'timeouts: { body: 300ms }\n');
      const client = await RawHttp2.open(port);
      t.after(() => client.destroy());
      // More than limits.bufferedBody: a backend has it.
      client.send(request(1, false) + data(1, piece).repeat(5));
      assert.equal(await client.fate(1), fate);
      if (error !== null) assert.equal(await client.error(1), error);
      await connections[0]!.ended;
      assert.ok(await client.alive());
    });

  test('a client that stalls or trickles is too slow, one that waits for the backend is not', () => {
    const server = { now: 0, held: 0 };
    const connection = { server, output: { put: () => {} }, give: () => {}, grow: () => {} };
    const takes = [true];
    const attempt = { write: () => takes.shift() ?? true, finish: () => {} } as unknown as Attempt;
    const body = new RequestBody(1, connection as unknown as Http2Connection);
    const slow = (now: number): boolean => {
      server.now = now;
      return body.tooSlow(now, 4000, 100);
    };
    assert.deepEqual([slow(3999), slow(4000)], [false, true]);
    // 1000 bytes in each window of 10 seconds are enough.
    for (let window = 0; window < 2; window++)
      for (let i = 1; i <= 5; i++) {
        server.now = window * rateWindow + i * 2000;
        body.push(Buffer.alloc(200));
        assert.equal(slow(server.now), false);
      }
    for (let i = 1; i <= 5; i++) {
      server.now = 2 * rateWindow + i * 2000;
      body.push(Buffer.alloc(199));
      assert.equal(slow(server.now), i === 5, `${i * 199} bytes in ${i * 2} seconds`);
    }
    body.incoming(-1);
    body.push(Buffer.alloc(1));
    assert.equal(slow(60_000), false, 'a part waits for the backend');
    takes.splice(0, 1, false);
    body.sendTo(attempt, false);
    assert.equal(slow(90_000), false, 'the backend takes nothing');
    body.resume();
    assert.deepEqual([slow(93_999), slow(94_000)], [false, true], 'it counts from here');
    body.end([]);
    assert.equal(slow(1e6), false, 'it has ended');
  });

  test('what waits is counted once, whatever becomes of it', () => {
    const server = { now: 0, held: 0 };
    const given: number[] = [];
    const connection = {
      server,
      output: { put: () => {} },
      give: (bytes: number) => given.push(bytes),
      grow: () => {},
    } as unknown as Http2Connection;
    const written: string[] = [];
    const takes = [true];
    const attempt = {
      write: (bytes: Buffer) => {
        written.push(String(bytes));
        return takes.shift() ?? true;
      },
      finish: () => written.push('end'),
    } as unknown as Attempt;

    const dropped = new RequestBody(1, connection);
    dropped.push(Buffer.from('abc'));
    dropped.push(Buffer.from('de'));
    assert.deepEqual([server.held, dropped.heldBytes], [5, 5]);
    dropped.drop();
    dropped.drop();
    assert.deepEqual([server.held, dropped.heldBytes, given], [0, 0, [5, 0]]);

    const sent = new RequestBody(3, connection);
    sent.push(Buffer.from('abc'));
    assert.equal(String(sent.incoming(-1).content), 'abc');
    assert.equal(server.held, 0);
    sent.push(Buffer.from('de'));
    sent.push(Buffer.from('fg'));
    takes.splice(0, 1, false);
    sent.sendTo(attempt, false);
    assert.deepEqual([written, server.held], [['de'], 2], 'the attempt takes no more for now');
    sent.push(Buffer.from('hi'));
    sent.end([]);
    assert.deepEqual([written, server.held], [['de'], 4]);
    sent.resume();
    assert.deepEqual([written, server.held], [['de', 'fg', 'hi', 'end'], 0]);

    const many = new RequestBody(5, connection);
    server.held = maxHeld - 1;
    assert.deepEqual([many.push(Buffer.from('a')), many.push(Buffer.from('b'))], [true, false]);
  });
});
