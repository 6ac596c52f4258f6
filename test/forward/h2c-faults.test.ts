/** HTTP/2 backends that are odd, broken, full or draining: frame by frame, with what the client gets. */
import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { suite, test } from 'node:test';
import { parseConfig } from '../../src/config/load.ts';
import {
  flags,
  frameHead,
  frameTypes,
  goAwayFrame,
  headersFrames,
  pingFrame,
  rstStreamFrame,
  settingIds,
  settingsFrame,
  windowUpdateFrame,
} from '../../src/wire/h2-frames.ts';
import { encodeField, encodeStatus } from '../../src/wire/hpack-encoder.ts';
import { eventually } from '../support/eventually.ts';
import { freePort } from '../support/free-port.ts';
import { runGateway } from '../support/gateway.ts';
import { rawBackend } from '../support/raw-backend.ts';
import { exchange } from '../support/raw-client.ts';
import { frameBackend, ok } from './frame-backend.ts';
import { data, head } from './stream-peer.ts';

/** For backends that stay silent. */
const hasty = 'connect: 1s, headers: 1s, body: 1s';
const site = (
  urls: readonly string[],
  more = '',
  timeouts = 'connect: 1m, headers: 1m, body: 1m',
): string => `
sites:
  - hosts: [www.example.net]
    backends: [${urls.map((url) => `{ url: "${url}" }`).join(', ')}]
    ${more}
timeouts: { ${timeouts} }
rateLimit: false
bans: false
`;
const get = 'GET / HTTP/1.1\r\nHost: www.example.net\r\n\r\n';
const post = (length: number): string =>
  `POST / HTTP/1.1\r\nHost: www.example.net\r\nContent-Length: ${length}\r\n\r\n${'x'.repeat(length)}`;
const ask = async (port: number, request = get) => {
  const { responses } = await exchange(port, request, { until: 1, timeout: 20_000 });
  const [first] = responses;
  return { status: first?.status ?? 0, body: first?.body.toString('latin1') ?? '' };
};

suite('an answer that is malformed', () => {
  const status = encodeStatus(200);
  const rows: readonly (readonly [what: string, bytes: (id: number) => string])[] = [
    ['has no :status', (id) => headersFrames(id, encodeField('x', 'y'), true, 16_384)],
    ['has two', (id) => headersFrames(id, status + status, true, 16_384)],
    ['has a status of two digits', (id) => headersFrames(id, encodeField(':status', '20'), true, 16_384)],
    ['has one that is a 101', (id) => headersFrames(id, encodeField(':status', '101'), false, 16_384)],
    ['has a Connection', (id) => head(id, true, encodeField('connection', 'close'))],
    ['has a Transfer-Encoding', (id) => head(id, true, encodeField('transfer-encoding', 'chunked'))],
    ['has a line end in a value', (id) => head(id, true, encodeField('x', 'a\r\nset-cookie: b=c'))],
    ['has a name that is no token', (id) => head(id, true, encodeField('x y', 'a'))],
    [
      'has two Content-Lengths',
      (id) => head(id, false, encodeField('content-length', '2') + encodeField('content-length', '3')),
    ],
    ['has a Content-Length and no content', (id) => head(id, true, encodeField('content-length', '2'))],
    ['has DATA before its head', (id) => data(id, 'ok', true)],
    ['has too many fields', (id) => head(id, true, encodeField('x', 'y'.repeat(70_000)))],
    ['ends with an informational head', (id) => headersFrames(id, encodeStatus(103), true, 16_384)],
  ];
  for (const [what, bytes] of rows)
    test(`that ${what}: 502, and the same connection serves the next request`, async (t) => {
      let asked = 0;
      const { url, connections } = await frameBackend(t, ({ id, say }) =>
        say(asked++ === 0 ? bytes(id) : ok(id)),
      );
      const { port } = await runGateway(t, site([url]));
      assert.equal((await ask(port)).status, 502);
      assert.deepEqual(await ask(port), { status: 200, body: 'ok' });
      assert.equal(connections.length, 1);
    });

  for (const [what, bytes] of [
    [
      'is longer than announced',
      (id: number) => head(id, false, encodeField('content-length', '2')) + data(id, 'abc', true),
    ],
    [
      'is shorter than announced',
      (id: number) => head(id, false, encodeField('content-length', '4')) + data(id, 'abc', true),
    ],
    [
      'has a pseudo-field in its trailers',
      (id: number) => head(id, false) + data(id, 'a') + headersFrames(id, encodeStatus(200), true, 16_384),
    ],
    ['has a second head', (id: number) => head(id, false) + data(id, 'a') + head(id, false)],
    ['is reset in the middle', (id: number) => head(id, false) + data(id, 'a') + rstStreamFrame(id, 2)],
  ] as const)
    test(`that ${what} after its head does not look complete`, async (t) => {
      const { url } = await frameBackend(t, ({ id, say }) => say(bytes(id)));
      const { port } = await runGateway(t, site([url]));
      const { text, ended } = await exchange(port, get, { timeout: 20_000 });
      assert.notEqual(ended, 'timeout');
      assert.doesNotMatch(text, /\r\n0\r\n\r\n$/);
      const length = /content-length: (\d+)/.exec(text)?.[1];
      if (length !== undefined) assert.ok(text.length - text.indexOf('\r\n\r\n') - 4 < Number(length));
    });
});

test('connections that ended make room for new ones', async (t) => {
  const { url, connections } = await frameBackend(t, ({ socket, id, say }) => {
    say(ok(id) + goAwayFrame(id, 0, ''));
    socket.end();
  });
  const { port } = await runGateway(t, site([url], 'connections: { max: 2, wait: 1s }'));
  for (let i = 0; i < 5; i++) assert.deepEqual(await ask(port), { status: 200, body: 'ok' });
  assert.equal(connections.length, 5);
});

suite('a connection that breaks the protocol', () => {
  for (const [what, bytes] of [
    ['with HTTP/1', () => 'HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n'],
    ['with a stream of its own', () => headersFrames(2, encodeStatus(200), true, 16_384)],
    [
      'with PUSH_PROMISE',
      (id: number) => frameHead(5, frameTypes.pushPromise, flags.endHeaders, id) + '\0\0\0\x02\x88',
    ],
    ['with a frame on a stream that was not opened', () => data(99, 'x')],
    [
      'with a block that is not HPACK',
      (id: number) => headersFrames(id, '\xff\xff\xff\xff\xff', true, 16_384),
    ],
    [
      'with a window that is too large',
      () => windowUpdateFrame(0, 0x7fffffff) + windowUpdateFrame(0, 0x7fffffff),
    ],
    ['with invalid SETTINGS', () => settingsFrame([[settingIds.maxFrameSize, 1]])],
    ['with frames that carry nothing', () => pingFrame('12345678', false).repeat(1200)],
    [
      'with a block that does not end',
      (id: number) =>
        frameHead(1, frameTypes.headers, 0, id) +
        '\x88' +
        (frameHead(1, frameTypes.continuation, 0, id) + '\x88').repeat(100),
    ],
  ] as const)
    test(`${what} is closed: 502, and the next request gets a new one`, async (t) => {
      const { url, connections } = await frameBackend(t, ({ id, number, say }) =>
        say(number === 0 ? bytes(id) : ok(id)),
      );
      const { port } = await runGateway(t, site([url]));
      assert.equal((await ask(port)).status, 502);
      assert.equal((await ask(port)).status, 200);
      assert.equal(connections.length, 2);
    });

  test('more DATA than the window allows resets the stream: what is held for a client that does not read is bounded', async (t) => {
    let reset = -1;
    const { url } = await frameBackend(
      t,
      ({ id, socket, say }) => {
        say(head(id, false));
        const more = (): void => {
          while (reset === -1 && !socket.destroyed && socket.write(data(id, 'x'.repeat(16_384)), 'latin1'));
        };
        socket.on('drain', more);
        more();
      },
      [],
      ({ type, bytes, start }) => {
        if (type === frameTypes.rstStream) reset = bytes.readUInt32BE(start);
      },
    );
    const { port } = await runGateway(t, site([url]));
    const client = connect(port, '127.0.0.1');
    t.after(() => client.destroy());
    client.pause().write(get);
    await eventually(() => reset === 3, 'it is reset with FLOW_CONTROL_ERROR');
  });
});

suite('a backend without SETTINGS or without HTTP/2', () => {
  test('counts as unreachable: 502 or 504, or another backend gets the request with its body', async (t) => {
    const silent = await rawBackend(t);
    const old = await rawBackend(t, ({ socket }) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'));
    const away = `h2c://127.0.0.1:${await freePort()}`;
    const well = await frameBackend(t, ({ id, say }) => say(ok(id)));
    const urls = [silent.url, old.url].map((url) => url.replace('http:', 'h2c:'));
    const { port, log } = await runGateway(t, site([...urls, away, well.url], '', hasty));
    for (let i = 0; i < 4; i++) assert.deepEqual((await ask(port, post(5))).body, 'ok');
    const alone = await runGateway(t, site([urls[1]!], '', hasty));
    assert.equal((await ask(alone.port)).status, 502);
    assert.ok([...alone.log, ...log].some((line) => line.includes('does not speak HTTP/2')));
    const waits = await runGateway(t, site([urls[0]!], '', hasty));
    assert.equal((await ask(waits.port)).status, 504);
  });
});

suite('a backend that drains', () => {
  test('gets unprocessed requests again on another connection, a body already sent included', async (t) => {
    const bodies: string[] = [];
    const { url, connections } = await frameBackend(
      t,
      ({ number, say }) => number === 0 && setTimeout(() => say(goAwayFrame(0, 0, '')), 20),
      [],
      ({ type, bytes, start, end, flags: flag }, { id, number, say }) => {
        if (type !== frameTypes.data) return;
        if (number > 0) bodies.push(bytes.toString('latin1', start, end));
        if (number > 0 && (flag & flags.endStream) !== 0) say(ok(id));
      },
    );
    const { port, log } = await runGateway(t, site([url]));
    assert.deepEqual(await ask(port, post(7)), { status: 200, body: 'ok' });
    assert.deepEqual([bodies.join(''), connections.length], ['xxxxxxx', 2]);
    assert.deepEqual(
      log.filter((line) => line.includes('ejected')),
      [],
    );
  });

  test('gets a body again that was already streamed to it', async (t) => {
    const got = [0, 0];
    const { url } = await frameBackend(
      t,
      () => {},
      [],
      ({ type, start, end, flags: flag }, { id, number, say }) => {
        if (type !== frameTypes.data) return;
        got[number]! += end - start;
        if (number === 0 && got[0] === 5000) say(goAwayFrame(0, 0, ''));
        if (number === 1 && (flag & flags.endStream) !== 0) say(ok(id));
      },
    );
    const { port } = await runGateway(t, `${site([url])}limits: { bufferedBody: 1KiB }\n`);
    const whole = post(5000);
    const { responses } = await exchange(port, [whole.slice(0, -3000), whole.slice(-3000)], { until: 1 });
    assert.deepEqual([responses[0]?.status, got], [200, [5000, 5000]]);
  });

  test('finishes what it has begun', async (t) => {
    const { url, connections } = await frameBackend(t, ({ id, say }) => {
      say(head(id, false) + goAwayFrame(id, 0, ''));
      setTimeout(() => say(data(id, 'late', true)), 50);
    });
    const { port } = await runGateway(t, site([url]));
    assert.deepEqual((await ask(port)).body, 'late');
    assert.deepEqual((await ask(port)).body, 'late');
    assert.equal(connections.length, 2);
  });

  test('for ever: 503 after a few connections', async (t) => {
    const { url, connections } = await frameBackend(t, ({ say }) => say(goAwayFrame(0, 0, '')));
    const { port } = await runGateway(t, site([url]));
    assert.equal((await ask(port)).status, 503);
    assert.equal(connections.length, 11);
  });

  test('and refuses every stream: 503', async (t) => {
    const { url } = await frameBackend(t, ({ id, say }) => say(rstStreamFrame(id, 7)));
    const { port, gateway } = await runGateway(t, site([url]));
    assert.equal((await ask(port)).status, 503);
    assert.notEqual(gateway.backends[0]!.health.state(performance.now()), 'failing');
  });
});

suite('a connection that is never idle', () => {
  test('is replaced after five minutes and finishes what it carries', async (t) => {
    let end = (): void => {};
    const { url, connections } = await frameBackend(t, ({ id, say }) => {
      if (id === 1 && connections.length === 1) end = () => say(ok(id));
      else say(ok(id));
    });
    const { port, gateway } = await runGateway(t, site([url], '', 'headers: 1h, body: 1h'));
    const long = ask(port);
    await eventually(() => gateway.backends[0]!.load === 1, 'it is asked');
    assert.equal((await ask(port)).status, 200);
    assert.equal(connections.length, 1);
    const { now } = performance;
    t.mock.method(performance, 'now', () => now.call(performance) + 301_000);
    await eventually(
      async () => {
        assert.equal((await ask(port)).status, 200);
        return connections.length === 2;
      },
      'another connection carries the next one',
      20_000,
    );
    end();
    assert.deepEqual(await long, { status: 200, body: 'ok' });
  });
});

suite('bounds', () => {
  test('one stream at a time: as many connections as connections.max, one stream on each', async (t) => {
    let open = 0;
    let most = 0;
    const { url, connections } = await frameBackend(
      t,
      ({ id, say }) => {
        most = Math.max(most, ++open);
        setTimeout(() => {
          open--;
          say(ok(id));
        }, 50);
      },
      [[settingIds.maxConcurrentStreams, 1]],
    );
    const { port } = await runGateway(t, site([url], 'connections: { max: 3, queue: 20, wait: 5s }'));
    const found = await Promise.all(Array.from({ length: 9 }, () => ask(port)));
    assert.deepEqual(
      found.map(({ status }) => status),
      Array(9).fill(200),
    );
    assert.deepEqual([most, connections.length], [3, 3]);
  });

  test('a backend that allows no stream is not dialled again: 503', async (t) => {
    const { url, connections } = await frameBackend(t, () => {}, [[settingIds.maxConcurrentStreams, 0]]);
    const { port } = await runGateway(t, site([url], 'connections: { max: 9, queue: 20, wait: 500ms }'));
    const found = await Promise.all([1, 2, 3].map(() => ask(port)));
    assert.deepEqual(
      found.map(({ status }) => status),
      [503, 503, 503],
    );
    assert.equal(connections.length, 1);
  });

  test('beyond connections.queue: 503 at once; waiting too long: 503 later', async (t) => {
    const { url } = await frameBackend(t, () => {});
    const { port } = await runGateway(
      t,
      site([url], 'connections: { max: 1, queue: 1, wait: 300ms }', hasty),
    );
    const found = await Promise.all([1, 2, 3].map(() => ask(port)));
    assert.deepEqual(found.map(({ status }) => status).sort(), [503, 503, 504]);
  });

  test('endless informational heads: 502', async (t) => {
    const { url } = await frameBackend(t, ({ id, say }) =>
      say(headersFrames(id, encodeStatus(103) + encodeField('link', '</a>'), false, 16_384).repeat(100)),
    );
    const { port } = await runGateway(t, site([url]));
    const { text } = await exchange(port, get, { timeout: 2000 });
    assert.equal(text.match(/HTTP\/1\.1 103/g)?.length, 32);
    assert.match(text, /HTTP\/1\.1 502/);
  });

  test('a silent backend is given up, also after a reload', async (t) => {
    const { url } = await frameBackend(t, () => {});
    const { port, gateway } = await runGateway(t, site([url], '', hasty));
    const waits = ask(port);
    await eventually(() => gateway.backends[0]!.load === 1, 'it is asked');
    gateway.reload(
      parseConfig(`listen: ["127.0.0.1:0"]\n${site([url], 'connections: { max: 7 }', hasty)}`, '.'),
    );
    assert.equal((await waits).status, 504);
  });
});
