/** Ordinary requests and odd but legal answers over HTTP/2, frame by frame. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { createServer } from 'node:net';
import { after, suite, test } from 'node:test';
import {
  flags,
  frameTypes,
  goAwayFrame,
  pingFrame,
  rstStreamFrame,
  settingIds,
  windowUpdateFrame,
} from '../../src/wire/h2-frames.ts';
import { type RecordedRequest, recordingBackend } from '../support/recording-backend.ts';
import { http2Gateway } from './http2-gateway.ts';
import { data, headers, pseudo, RawHttp2, request } from './raw-http2.ts';

const owner = { after };
const ok = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';
const big = 'x'.repeat(1_000_000);
/** Raw answers, by path. */
const answers: { readonly [path: string]: string } = {
  '/big': `HTTP/1.1 200 OK\r\nContent-Length: ${big.length}\r\n\r\n${big}`,
  '/medium': `HTTP/1.1 200 OK\r\nContent-Length: 20000\r\n\r\n${big.slice(0, 20_000)}`,
  '/frame': `HTTP/1.1 200 OK\r\nContent-Length: 16000\r\n\r\n${big.slice(0, 16_000)}`,
  '/chunks': 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n3\r\ndef\r\n0\r\n\r\n',
  '/trailers':
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n3\r\nabc\r\n0\r\nX-Sum: 7\r\nContent-Length: 9\r\n\r\n',
  '/hints': `HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </b.css>\r\n\r\n${ok}`,
  '/204': 'HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n',
  '/304': 'HTTP/1.1 304 Not Modified\r\nETag: "a"\r\nContent-Length: 2\r\n\r\n',
  '/hop':
    'HTTP/1.1 200 OK\r\nKeep-Alive: timeout=5\r\nProxy-Connection: close\r\nUpgrade: h2c\r\nConnection: keep-alive, X-Hop\r\nX-Hop: 1\r\nContent-Length: 2\r\n\r\nok',
  '/cookies': 'HTTP/1.1 200 OK\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\nContent-Length: 2\r\n\r\nok',
  '/dated': 'HTTP/1.1 200 OK\r\nDate: Thu, 01 Jan 1970 00:00:00 GMT\r\nContent-Length: 2\r\n\r\nok',
  '/long-head': `HTTP/1.1 200 OK\r\nX-Long: ${'y'.repeat(40_000)}\r\nContent-Length: 2\r\n\r\nok`,
  '/long-name': `HTTP/1.1 200 OK\r\n${'N'.repeat(3000)}: z\r\nContent-Length: 2\r\n\r\nok`,
  '/nonsense': 'HTTP/1.1 OK\r\n\r\n',
};
const cut: { readonly [path: string]: string } = {
  '/cut-length': 'HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nok',
  '/cut-chunk': 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nok',
  '/bad-chunk': 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\nzz\r\n',
};
const backend = await recordingBackend(owner, {
  answer: ({ requestLine }: RecordedRequest, socket: Socket) => {
    const path = requestLine.split(' ')[1]!;
    if (path === '/wait') return new Promise<string>(() => {});
    const broken = cut[path];
    if (broken === undefined) return answers[path] ?? ok;
    socket.write(broken);
    setTimeout(() => socket.end(), 20);
    return undefined;
  },
});
const gateway = await http2Gateway(owner, backend.url);

async function open(settings: [number, number][] = [], port = gateway.port): Promise<RawHttp2> {
  const client = await RawHttp2.open(port, settings);
  after(() => client.destroy());
  return client;
}
const get = (stream: number, path: string): string => request(stream, true, 'GET', path);
const sentTo = (client: RawHttp2): number =>
  client.frames.reduce((sum, one) => sum + (one.type === frameTypes.data ? one.payload.length : 0), 0);
const headsOf = (client: RawHttp2, stream: number) =>
  client.frames.filter((one) => one.type === frameTypes.headers && one.stream === stream);

suite('HTTP/2: answers', () => {
  const whole = async (path: string) => {
    const client = await open();
    client.send(get(1, path));
    const body = await client.body(1);
    assert.ok(await client.alive());
    const ends = client.frames.filter((one) => one.type <= 1 && (one.flags & flags.endStream) !== 0);
    assert.equal(ends.length, 1, 'it ends once');
    return { client, body, fields: headsOf(client, 1).map(({ fields }) => [...fields]) };
  };
  const fieldOf = (fields: string[], name: string): string | undefined => {
    const at = fields.findIndex((one, i) => i % 2 === 0 && one === name);
    return at === -1 ? undefined : fields[at + 1];
  };

  test('chunks become one body', async () => assert.equal((await whole('/chunks')).body, 'abcdef'));

  test('trailers are passed on, except those that would change how the message is read', async () => {
    const { client, body, fields } = await whole('/trailers');
    assert.equal(body, 'abc');
    assert.deepEqual(fields[1], ['x-sum', '7']);
    assert.equal(headsOf(client, 1)[1]!.flags & flags.endStream, flags.endStream);
  });

  test('every 1xx is passed on, in order', async () => {
    const { client, body, fields } = await whole('/hints');
    assert.equal(body, 'ok');
    assert.deepEqual(
      fields.map(([, status, , link]) => [status, status === '103' ? link : '']),
      [
        ['103', '</a.css>'],
        ['103', '</b.css>'],
        ['200', ''],
      ],
    );
    assert.ok(
      headsOf(client, 1).every((one) => (one.flags & flags.endStream) === 0),
      'none ends the stream',
    );
  });

  test('204 and 304 end with their head', async () => {
    for (const [path, status] of [
      ['/204', '204'],
      ['/304', '304'],
    ] as const) {
      const { client, fields } = await whole(path);
      assert.equal(fields[0]![1], status);
      assert.equal(headsOf(client, 1)[0]!.flags & flags.endStream, flags.endStream);
      assert.equal(fieldOf(fields[0]!, 'content-length'), status === '304' ? '2' : undefined);
    }
  });

  test('connection-specific fields are dropped', async () => {
    const { fields } = await whole('/hop');
    for (const name of ['keep-alive', 'proxy-connection', 'upgrade', 'connection', 'x-hop'])
      assert.equal(fieldOf(fields[0]!, name), undefined, name);
  });

  test('fields with one name stay separate, and a missing Date is added', async () => {
    const { fields } = await whole('/cookies');
    assert.equal(fields[0]!.filter((one) => one === 'set-cookie').length, 2);
    assert.match(fieldOf(fields[0]!, 'date') ?? '', /GMT$/);
    assert.equal(fieldOf((await whole('/dated')).fields[0]!, 'date'), 'Thu, 01 Jan 1970 00:00:00 GMT');
  });

  test('a head in several frames', async () => {
    const client = await open();
    client.send(get(1, '/long-name'));
    assert.equal(await client.body(1), 'ok');
    client.send(get(3, '/long-head'));
    await client.frame((one) => one.stream === 3 && one.type === frameTypes.data);
    const of3 = client.frames.filter((one) => one.stream === 3);
    assert.deepEqual(
      of3.map(({ type }) => type),
      [frameTypes.headers, frameTypes.continuation, frameTypes.continuation, frameTypes.data],
    );
    for (const { payload } of of3) assert.ok(payload.length <= 16_384);
  });

  test('no frame is longer than the client takes', async () => {
    const { client, body } = await whole('/medium');
    assert.equal(body.length, 20_000);
    for (const { payload } of client.frames) assert.ok(payload.length <= 16_384);
  });

  for (const path of Object.keys(cut)) {
    test(`${path.slice(1)}: a cut answer does not look complete`, async () => {
      const client = await open();
      client.send(get(1, path));
      assert.equal(await client.error(1), 'reset internalError');
      assert.ok(await client.alive());
    });
  }

  test('a malformed answer gives 502', async () => {
    const client = await open();
    client.send(get(1, '/nonsense'));
    assert.equal(await client.fate(1), '502');
    client.send(request(3, true, 'HEAD', '/nonsense'));
    assert.equal(await client.fate(3), '502');
    assert.equal(headsOf(client, 3)[0]!.flags & flags.endStream, flags.endStream, 'HEAD gets no content');
  });
});

suite('HTTP/2: streams of one connection', () => {
  test('a small answer does not wait for a large one', async () => {
    const client = await open([[settingIds.initialWindowSize, 0x7fffffff]]);
    client.send(windowUpdateFrame(0, 0x70000000) + get(1, '/big') + get(3, '/big') + get(5, '/'));
    await Promise.all([client.body(1), client.body(3), client.body(5)]);
    const order = client.frames.filter(({ type }) => type === frameTypes.data).map(({ stream }) => stream);
    assert.ok(order.indexOf(5) < order.lastIndexOf(1));
    assert.ok(order.indexOf(3) < order.lastIndexOf(1), 'and the two large ones take turns');
    assert.equal((await client.body(1)).length, big.length);
  });

  test('a stream without a window does not block others', async () => {
    const client = await open([[settingIds.initialWindowSize, 10]]);
    client.send(get(1, '/big') + get(3, '/'));
    assert.equal(await client.body(3), 'ok');
    client.send(windowUpdateFrame(1, 100));
    await client.frame((one) => one.stream === 1 && one.payload.length === 100);
  });

  test('the connection window is respected and shared', async () => {
    const client = await open([[settingIds.initialWindowSize, 0x7fffffff]]);
    client.send(get(1, '/big') + get(3, '/big'));
    const sent = (): number => sentTo(client);
    await client.frame(() => sent() === 65_535);
    assert.ok(await client.alive());
    client.send(get(5, '/'));
    assert.equal(await client.fate(5), '200');
    assert.ok(await client.alive());
    assert.equal(sent(), 65_535, 'an answer that is whole waits as well');
    client.send(windowUpdateFrame(0, 0x7fff0000));
    assert.equal(await client.body(5), 'ok');
    assert.deepEqual(
      [(await client.body(1)).length, (await client.body(3)).length],
      [big.length, big.length],
    );
  });

  test('small answers use up the connection window as well', async () => {
    const client = await open();
    const streams = [1, 3, 5, 7, 9];
    client.send(streams.map((stream) => get(stream, '/frame')).join(''));
    await client.frame(() => sentTo(client) >= 65_535);
    for (const stream of streams) assert.equal(await client.fate(stream), '200');
    assert.ok(await client.alive());
    assert.equal(sentTo(client), 65_535);
    client.send(windowUpdateFrame(0, 65_535));
    for (const stream of streams) assert.equal((await client.body(stream)).length, 16_000);
  });

  test('after a reset nothing more of the answer is sent', async () => {
    const client = await open([[settingIds.initialWindowSize, 0x7fffffff]]);
    client.send(get(1, '/big'));
    await client.frame(() => sentTo(client) === 65_535);
    client.send(rstStreamFrame(1, 8) + windowUpdateFrame(0, 65_535) + get(3, '/'));
    assert.equal(await client.body(3), 'ok');
    assert.ok(await client.alive());
    assert.equal(sentTo(client), 65_535 + 2);
  });

  test('a reset ends only its exchange with the backend', async () => {
    const client = await open();
    client.send(get(1, '/wait') + get(3, '/'));
    assert.equal(await client.body(3), 'ok');
    client.send(rstStreamFrame(1, 8) + get(5, '/'));
    assert.equal(await client.body(5), 'ok');
  });

  test('an upload of many windows', async () => {
    const client = await open();
    const piece = 'y'.repeat(16_384);
    let window = 262_144;
    let left = 200;
    client.send(request(1, false));
    while (left > 0) {
      const seen = client.frames.length;
      for (; left > 0 && window >= piece.length; left--) {
        client.send(data(1, piece, left === 1));
        window -= piece.length;
      }
      if (left === 0) break;
      const update = await client.frame(
        (one) =>
          one.type === frameTypes.windowUpdate && one.stream === 1 && client.frames.indexOf(one) >= seen,
      );
      window += update!.payload.readUInt32BE(0);
      for (const one of client.frames.slice(client.frames.indexOf(update!) + 1))
        if (one.type === frameTypes.windowUpdate && one.stream === 1) window += one.payload.readUInt32BE(0);
    }
    assert.equal(await client.fate(1), '200');
    assert.equal(backend.requests.at(-1)!.body.length, 200 * 16_384);
  });
});

suite('HTTP/2: requests', () => {
  test('100 is sent when a backend takes the body', async () => {
    const client = await open();
    client.send(headers(1, [...pseudo('POST'), 'expect', '100-continue', 'content-length', '3'], false));
    await client.frame((one) => one.type === frameTypes.headers && one.fields[1] === '100');
    client.send(data(1, 'abc', true));
    assert.equal(await client.fate(1), '200');
    assert.equal(backend.requests.at(-1)!.body.toString(), 'abc');
  });

  test('trailers reach the backend', async () => {
    const client = await open();
    client.send(request(1, false) + data(1, 'abc') + headers(1, ['x-sum', '7', 'content-length', '9']));
    assert.equal(await client.fate(1), '200');
    assert.deepEqual(backend.requests.at(-1)!.trailers, ['x-sum: 7']);
    client.send(get(3, '/'));
    assert.equal(await client.fate(3), '200');
    assert.deepEqual(backend.faults, []);
  });

  test('an early answer is complete, although the rest of the request never arrives', async () => {
    const eager = createServer((socket) =>
      socket.once('data', () => socket.write('HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\n\r\nno\n')),
    );
    eager.listen(0, '127.0.0.1');
    await once(eager, 'listening');
    after(() => eager.close());
    const { port } = await http2Gateway(
      owner,
      `http://127.0.0.1:${(eager.address() as { port: number }).port}`,
    );
    const client = await open([], port);
    // More than limits.bufferedBody.
    const pieces = Array.from({ length: 6 }, () => data(1, 'x'.repeat(16_384))).join('');
    client.send(headers(1, [...pseudo('POST'), 'content-length', '1000000'], false) + pieces);
    assert.equal(await client.fate(1), '413');
    assert.equal(await client.body(1), 'no\n');
    assert.ok(await client.alive());
  });

  test('what a refused sender still sends is evidence', async () => {
    const before = gateway.events.length;
    const client = await open();
    client.send(
      headers(1, [':method', 'CONNECT', ':authority', 'mail.example.com:25'], false) +
        data(1, 'EHLO relay\r\n', true),
    );
    assert.equal(await client.fate(1), '405');
    const [event] = gateway.events.slice(before);
    assert.equal(event?.rule, 'connect');
    assert.equal(event?.intent, 'mail-relay');
    assert.match(event!.bytes, /EHLO relay/);
  });

  test('a malformed request is recorded unchanged', async () => {
    const before = gateway.events.length;
    const client = await open();
    client.send(headers(1, [...pseudo(), 'transfer-encoding', 'chunked', 'X-Odd', 'y']));
    assert.equal(await client.error(1), 'reset protocolError');
    const [event] = gateway.events.slice(before);
    assert.equal(event?.rule, 'framing');
    assert.match(event!.bytes, /:path: \/.*transfer-encoding: chunked.*X-Odd: y/);
  });
});

suite('HTTP/2: the end of a connection', () => {
  test('a drain serves requests under way and in flight', async () => {
    const draining = await http2Gateway(owner, backend.url);
    const client = await open([], draining.port);
    client.send(request(1, false));
    assert.ok(await client.alive());
    client.pongs = false;
    draining.drain();
    const first = await client.frame((one) => one.type === frameTypes.goAway);
    assert.equal(first!.payload.readUInt32BE(0), 0x7fffffff);
    const question = await client.frame(
      (one) => one.type === frameTypes.ping && (one.flags & flags.ack) === 0,
    );
    // Sent before the client knew.
    client.send(get(3, '/') + data(1, 'x', true) + pingFrame(question!.payload.toString('latin1'), true));
    assert.deepEqual([await client.fate(1), await client.fate(3)], ['200', '200']);
    const last = await client.frame((one) => one.type === frameTypes.goAway && one !== first);
    assert.equal(last!.payload.readUInt32BE(0), 3);
    assert.equal(await client.frame((one) => one.type === 99), null, 'it is closed');
  });

  test('a drain closes an idle connection at once', async () => {
    const draining = await http2Gateway(owner, backend.url);
    const client = await open([], draining.port);
    assert.ok(await client.alive());
    draining.drain();
    assert.equal(await client.frame((one) => one.type === 99), null);
    assert.equal(client.frames.at(-1)!.type, frameTypes.goAway);
  });

  test('after a refusal the streams under way are answered, new ones are not', async () => {
    const client = await open();
    client.send(request(1, false) + get(3, 'http://evil.example/'));
    assert.equal(await client.fate(3), '421');
    await client.frame((one) => one.type === frameTypes.goAway);
    client.send(get(5, '/late') + data(5, 'x'));
    assert.ok(await client.alive());
    client.send(data(1, 'x', true));
    assert.equal(await client.fate(1), '200');
    assert.equal(await client.frame((one) => one.type === 99), null, 'it is closed');
    assert.equal(headsOf(client, 5).length, 0);
    assert.ok(!backend.requests.some(({ requestLine }) => requestLine.includes('/late')));
  });

  test('also after a GOAWAY of the client', async () => {
    const client = await open();
    client.send(request(1, false) + goAwayFrame(0, 0, '') + data(1, 'x', true));
    assert.equal(await client.fate(1), '200');
    assert.equal(await client.frame((one) => one.type === 99), null);
  });

  test('no internal errors', () => assert.deepEqual(gateway.errors, []));
});
