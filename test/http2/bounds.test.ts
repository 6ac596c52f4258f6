/** Limits on one HTTP/2 client: each bound of `src/h2/bounds.ts`, just below and just above. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { after, suite, test } from 'node:test';
import { type ConnectionOptions, connect } from 'node:tls';
import * as bounds from '../../src/h2/bounds.ts';
import type { Output } from '../../src/h2/output.ts';
import { ReceiveWindow } from '../../src/h2/receive-window.ts';
import { SentBody } from '../../src/h2/sent-body.ts';
import { TokenBucket } from '../../src/h2/token-bucket.ts';
import { ClosedStreams, ends } from '../../src/http2/closed-streams.ts';
import {
  flags,
  frameTypes,
  pingFrame,
  preface,
  rstStreamFrame,
  settingIds,
  settingsFrame,
  windowUpdateFrame,
} from '../../src/wire/h2-frames.ts';
import { certificate } from '../support/certificate.ts';
import { runGateway } from '../support/gateway.ts';
import { recordingBackend } from '../support/recording-backend.ts';
import { host, http2Gateway } from './http2-gateway.ts';
import { block, data, frame, headers, pseudo, RawHttp2, request } from './raw-http2.ts';

const owner = { after };
const long = 'x'.repeat(1_000_000);
const backend = await recordingBackend(owner, {
  answer: ({ requestLine }) =>
    requestLine.includes('/wait')
      ? new Promise(() => {})
      : requestLine.includes('/long')
        ? `HTTP/1.1 200 OK\r\nContent-Length: ${long.length}\r\n\r\n${long}`
        : 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok',
});
const gateway = await http2Gateway(owner, backend.url);
const hasty = await http2Gateway(
  owner,
  backend.url,
  'limits: { requestHeaders: 300ms }\ntimeouts: { idle: 300ms, body: 300ms }\n',
);

const wait = (stream: number): string => request(stream, true, 'GET', '/wait');
const times = (count: number, one: (i: number) => string): string =>
  Array.from({ length: count }, (_, i) => one(i)).join('');
const cookies = (count: number): string[] => [
  ...pseudo(),
  ...Array.from({ length: count }, (_, i) => ['cookie', `c${i}=${'v'.repeat(20)}`]).flat(),
];

async function sent(text: string): Promise<RawHttp2> {
  const client = await RawHttp2.open(gateway.port);
  after(() => client.destroy());
  client.send(text);
  return client;
}

suite('HTTP/2 bounds: floods end the connection (ENHANCE_YOUR_CALM)', () => {
  const { burst } = bounds.emptyFrames;
  const resets = bounds.resets.burst;
  const rows: readonly (readonly [what: string, one: (i: number) => string, allowed: number])[] = [
    [
      'requests that are reset at once (CVE-2023-44487)',
      (i) => wait(2 * i + 1) + rstStreamFrame(2 * i + 1, 8),
      resets,
    ],
    [
      'requests that the client makes us reset (CVE-2025-8671)',
      (i) => wait(2 * i + 1) + windowUpdateFrame(2 * i + 1, 0x7fffffff),
      resets,
    ],
    ['PING', () => pingFrame('12345678', false), burst],
    ['SETTINGS', () => settingsFrame([[settingIds.maxFrameSize, 16_384]]), burst],
    ['PRIORITY', () => frame(frameTypes.priority, 0, 1, '\0\0\0\0\x10'), burst],
    ['WINDOW_UPDATE', () => windowUpdateFrame(0, 1), burst],
    ['RST_STREAM of a closed stream', (i) => (i === 0 ? request(1) : '') + rstStreamFrame(1, 8), burst],
    ['frames of an unknown type', () => frame(0xbe, 0, 0), burst],
  ];
  for (const [what, one, allowed] of rows) {
    test(what, async () => {
      const few = await sent(times(Math.floor(allowed / 2), one));
      assert.ok(await few.alive());
      const before = gateway.events.length;
      const many = await sent(times(allowed * 2, one));
      assert.equal(await many.error(0), 'goaway enhanceYourCalm');
      const told = gateway.events.slice(before).map(({ rule, action, counts }) => [rule, action, counts]);
      assert.deepEqual(told, [['framing', 'block', false]]);
    });
  }

  test('empty DATA', async () => {
    const many = await sent(request(1, false) + times(burst * 2, () => data(1, '')));
    assert.equal(await many.error(0), 'goaway enhanceYourCalm');
  });

  test('streams beyond SETTINGS_MAX_CONCURRENT_STREAMS', async () => {
    const many = await sent(times(bounds.maxStreams + resets * 2, (i) => wait(2 * i + 1)));
    assert.equal(await many.error(0), 'goaway enhanceYourCalm');
  });

  test('each small answer allows a few more, as gRPC clients need them', async () => {
    const client = await sent('');
    for (let i = 0; i < 15; i++) {
      client.send(
        times(
          100,
          (j) => request(2 * (100 * i + j) + 1) + windowUpdateFrame(0, 1) + pingFrame('12345678', false),
        ),
      );
      await client.body(2 * (100 * i + 99) + 1);
    }
    assert.ok(await client.alive());
  });

  test('a long answer read by one-byte windows allows none', async () => {
    const client = await sent(settingsFrame([[settingIds.initialWindowSize, 0]]));
    client.send(request(1, true, 'GET', '/long'));
    for (let i = 0; i < burst * 2 && !client.closed; i++) {
      client.send(windowUpdateFrame(1, 1));
      await new Promise((done) => setImmediate(done));
    }
    assert.equal(await client.error(0), 'goaway enhanceYourCalm');
  });

  test('answers that are read allow more WINDOW_UPDATE frames', async () => {
    const client = await sent(settingsFrame([[settingIds.initialWindowSize, 0x7fffffff]]));
    client.send(windowUpdateFrame(0, 0x70000000));
    for (let i = 0; i < 3; i++) {
      client.send(request(2 * i + 1, true, 'GET', '/long'));
      await client.body(2 * i + 1);
      client.send(times(900, () => windowUpdateFrame(0, 1)));
    }
    assert.ok(await client.alive());
  });
});

suite('HTTP/2 bounds: heads', () => {
  test('CONTINUATION frames of one block (CVE-2024-27316)', async () => {
    const pieces = (count: number): string =>
      frame(frameTypes.headers, flags.endStream, 1, block(pseudo())) +
      times(count, (i) => frame(frameTypes.continuation, i === count - 1 ? flags.endHeaders : 0, 1));
    assert.equal(await (await sent(pieces(bounds.maxContinuations))).fate(1), '200');
    assert.equal(await (await sent(pieces(bounds.maxContinuations + 1))).fate(1), 'goaway enhanceYourCalm');
  });

  test('a head longer than limits.headerBytes is answered with 431, and recorded', async () => {
    const before = gateway.events.length;
    const client = await sent(
      headers(1, [...pseudo(), 'x', 'y'.repeat(16_200)]) + headers(3, [...pseudo(), 'x', 'y'.repeat(16_400)]),
    );
    assert.equal(await client.fate(1), '200');
    assert.equal(await client.fate(3), '431');
    assert.deepEqual(
      gateway.events.slice(before).map(({ rule }) => rule),
      ['header-overflow'],
    );
  });

  test('a block many times longer ends the connection', async () => {
    const client = await sent(headers(1, [...pseudo(), 'x', 'y'.repeat(16_384 * bounds.maxBlock)]));
    assert.equal(await client.fate(1), 'goaway enhanceYourCalm');
  });

  test('a block that decompresses to many times its size is not decompressed', async () => {
    const field = `\x40\x01x\x7f\x81\x1e${'y'.repeat(3968)}`;
    const client = await sent(
      frame(
        frameTypes.headers,
        flags.endStream | flags.endHeaders,
        1,
        block(pseudo()) + field + '\xbe'.repeat(12_000),
      ),
    );
    assert.equal(await client.fate(1), '431');
    assert.ok(gateway.events.at(-1)!.bytes.length < 40_000);
  });

  for (const crumbs of [150, 400]) {
    test(`${crumbs} cookie crumbs reach the backend as one line`, async () => {
      const client = await sent(headers(1, cookies(crumbs)));
      assert.equal(await client.fate(1), '200');
      const lines = backend.requests.at(-1)!.headerLines.filter((line) => line.startsWith('cookie: '));
      assert.equal(lines.length, 1);
      assert.equal(lines[0]!.split('; ').length, crumbs);
    });
  }
  test('more crumbs than fit', async () => {
    assert.equal(await (await sent(headers(1, cookies(700)))).fate(1), '431');
  });
});

suite('HTTP/2 bounds: time', () => {
  const open = async (settings: [number, number][] = []): Promise<RawHttp2> => {
    const client = await RawHttp2.open(hasty.port, settings);
    after(() => client.destroy());
    return client;
  };
  const ended = async (client: RawHttp2): Promise<boolean> =>
    (await client.frame((one) => one.type === frameTypes.goAway)) !== null || client.closed;

  test('a silent client', async () => {
    const client = await RawHttp2.bare(hasty.port);
    assert.ok(await ended(client));
    client.destroy();
  });
  test('a client that sends SETTINGS and no request', async () => assert.ok(await ended(await open())));
  test('an idle connection after a request', async () => {
    const client = await open();
    client.send(request(1));
    assert.equal(await client.fate(1), '200');
    assert.ok(await ended(client));
    assert.equal(await client.frame((one) => one.type === 99), null, 'it is closed');
  });
  test('a field block that does not end', async () => {
    const client = await open();
    assert.ok(await client.alive());
    client.send(wait(1) + frame(frameTypes.headers, flags.endStream, 3, block(pseudo())));
    assert.equal(await client.fate(3), 'goaway enhanceYourCalm');
  });
  test('a body that stalls', async () => {
    const client = await open();
    client.send(request(1, false) + data(1, 'x'));
    assert.equal(await client.fate(1), '408');
    assert.ok(await client.alive());
  });
  test('an answer that the client does not read: window 0', async () => {
    const client = await open([[settingIds.initialWindowSize, 0]]);
    client.send(request(1));
    assert.equal(await client.error(1), 'reset cancel');
  });
  test('an answer read byte by byte', async () => {
    const client = await open([[settingIds.initialWindowSize, 0]]);
    client.send(request(1, true, 'GET', '/long'));
    const timer = setInterval(() => client.send(windowUpdateFrame(1, 1)), 20);
    after(() => clearInterval(timer));
    assert.equal(await client.error(1), 'reset cancel');
    clearInterval(timer);
  });
  test('a drain that the client neither answers nor follows', async (t) => {
    const { cert, key } = await certificate(t, [host]);
    const { port, gateway: closing } = await runGateway(
      t,
      `sites: [{ hosts: [${host}], backend: "${backend.url}" }]\n`,
      `listen: [{ address: "127.0.0.1:0", tls: { cert: ${cert}, key: ${key} } }]\n`,
    );
    const options = { host: '127.0.0.1', port, ALPNProtocols: ['h2'], rejectUnauthorized: false };
    const socket = connect({ ...options, allowHalfOpen: true } as ConnectionOptions);
    t.after(() => socket.destroy());
    socket.on('error', () => {});
    socket.write(preface + settingsFrame([]), 'latin1');
    await once(socket, 'data');
    const silent = await RawHttp2.open(port);
    silent.send(wait(1));
    assert.ok(await silent.alive());
    silent.pongs = false;
    // It would wait for the clients as long.
    const closed = closing.close(600_000);
    await silent.frame((one) => one.type === frameTypes.goAway && one.payload.readUInt32BE(0) === 1);
    silent.destroy();
    await closed;
    assert.equal(socket.writable, true, 'the client has not closed its side');
  });
  test('a connection that is not read', async () => {
    const client = await open([[settingIds.initialWindowSize, 0x7fffffff]]);
    client.socket.pause();
    client.send(windowUpdateFrame(0, 0x70000000));
    client.send(times(8, (i) => request(2 * i + 1, true, 'GET', '/long')));
    await new Promise<void>((resolve) => {
      const timer = setInterval(() => {
        // Only a write shows that the connection is closed.
        client.send(pingFrame('12345678', false));
        if (client.socket.destroyed) {
          clearInterval(timer);
          resolve();
        }
      }, 50);
    });
  });
});

suite('HTTP/2 bounds: tables', () => {
  test('a token bucket empties and refills with time', () => {
    const bucket = new TokenBucket({ burst: 2, perSecond: 10 }, 0);
    assert.deepEqual(
      [0, 0, 0, 50, 150].map((now) => bucket.take(now)),
      [true, true, false, false, true],
    );
    bucket.give(100);
    assert.deepEqual(
      [150, 150, 150].map((now) => bucket.take(now)),
      [true, true, false],
    );
  });

  test('a receive window is announced in halves and never exceeded', () => {
    const window = new ReceiveWindow(100);
    assert.ok(window.take(100));
    assert.equal(window.take(1), false);
    const other = new ReceiveWindow(100);
    assert.ok(other.take(80));
    assert.deepEqual([other.give(40), other.give(20)], [0, 60]);
    assert.equal(other.grow(200), 100);
    assert.equal(other.grow(150), 0);
    assert.ok(other.take(180));
    assert.equal(other.take(1), false);
  });

  test('a body stalls while it waits and less than `leastProgress` is taken', () => {
    const output = { enqueue: () => {}, addBody: () => {}, drop: () => {} } as unknown as Output;
    const body = new SentBody(
      1,
      output,
      1e6,
      0,
      () => {},
      () => {},
    );
    const stalled = (now: number): boolean => {
      body.mark(now);
      return body.stalled(now, 1000);
    };
    body.push(Buffer.alloc(5000), 0);
    assert.deepEqual([stalled(999), stalled(1000)], [false, true]);
    body.putFrame(bounds.leastProgress - 1);
    assert.equal(stalled(1000), true, 'too little');
    body.putFrame(1);
    assert.deepEqual([stalled(1000), stalled(1999), stalled(2000)], [false, false, true]);
    body.putFrame(5000);
    assert.deepEqual([stalled(3000), stalled(9000)], [false, false], 'nothing waits');
    body.push(Buffer.alloc(1), 9000);
    assert.deepEqual([stalled(9999), stalled(10_000)], [false, true]);
  });

  test('only the latest closed streams are remembered', () => {
    const closed = new ClosedStreams();
    for (let i = 0; i <= bounds.rememberedStreams; i++) closed.add(2 * i + 1, ends.byUs);
    assert.equal(closed.endOf(1), 0);
    assert.equal(closed.endOf(3), ends.byUs);
  });

  test('no internal errors', () => {
    assert.deepEqual([...gateway.errors, ...hasty.errors], []);
    assert.equal(preface.length, 24);
  });
});
