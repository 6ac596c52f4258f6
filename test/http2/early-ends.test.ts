/** HTTP/2 requests that end before they are served: their effect on windows and the connection, and their lines in the access log. */
import assert from 'node:assert/strict';
import { after, suite, type TestContext, test } from 'node:test';
import { connectionWindow } from '../../src/h2/bounds.ts';
import { frameTypes, rstStreamFrame, settingIds, windowUpdateFrame } from '../../src/wire/h2-frames.ts';
import { certificate } from '../support/certificate.ts';
import { eventually } from '../support/eventually.ts';
import { runGateway } from '../support/gateway.ts';
import { recordingBackend } from '../support/recording-backend.ts';
import { host } from './http2-gateway.ts';
import { data, headers, pseudo, RawHttp2, request } from './raw-http2.ts';

const owner = { after };
const patience = 20_000;
const { cert, key } = await certificate(owner, [host]);
const backend = await recordingBackend(owner, {
  answer: ({ requestLine }, socket) => {
    if (requestLine.includes('/wait')) return new Promise<string>(() => {});
    if (!requestLine.includes('/cut')) return 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';
    socket.end('HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc');
    return undefined;
  },
});
const maxBody = 20 * 1024;
const { port, events, log } = await runGateway(
  owner,
  `sites: [{ hosts: [${host}], backend: "${backend.url}", maxBody: 20KiB }]\nbans: false\nrateLimit: false\nlog: { access: json }\n`,
  `listen: [{ address: "127.0.0.1:0", tls: { cert: ${cert}, key: ${key} } }]\n`,
);
const piece = 'x'.repeat(16_384);

async function open(t: TestContext, settings: [number, number][] = []): Promise<RawHttp2> {
  const client = await RawHttp2.open(port, settings);
  t.after(() => client.destroy());
  return client;
}
/** Fails if the gateway logged an internal error. */
const noErrors = (): void =>
  assert.deepEqual(
    log.filter((line) => (JSON.parse(line) as { level: number }).level >= 50),
    [],
  );

suite('HTTP/2: a body that is too long', () => {
  test('returns its bytes to the window of the connection, held ones too', async (t) => {
    const client = await open(t);
    const uploads = (2 * connectionWindow) / piece.length;
    for (let i = 0; i < uploads; i++) {
      const id = 2 * i + 1;
      client.send(headers(id, pseudo('POST'), false) + data(id, piece).repeat(2) + data(id, piece, true));
      assert.equal(await client.fate(id), '413');
    }
    client.send(request(2 * uploads + 1));
    assert.equal(await client.body(2 * uploads + 1), 'ok');
    const given = client.frames
      .filter(({ type, stream }) => type === frameTypes.windowUpdate && stream === 0)
      .reduce((sum, { payload }) => sum + payload.readUInt32BE(0), 65_535 - connectionWindow);
    // Less than half of the window is not announced yet.
    assert.ok(given > 3 * uploads * piece.length - connectionWindow / 2, `${given}`);
  });

  test('ends with its trailers, whatever they hold: it is answered, and they are not judged', async (t) => {
    const client = await open(t);
    client.send(headers(1, pseudo('POST'), false) + data(1, piece).repeat(2));
    assert.equal(await client.fate(1), '413');
    client.send(headers(1, [':status', '200']) + request(3));
    assert.equal(await client.body(3), 'ok');
    assert.ok(!client.frames.some(({ type }) => type === frameTypes.rstStream || type === frameTypes.goAway));
    assert.deepEqual(events, []);
    noErrors();
  });

  test('may be as long as the limit', async (t) => {
    const client = await open(t);
    client.send(
      headers(1, pseudo('POST'), false) + data(1, 'x'.repeat(maxBody - 16_384)) + data(1, piece, true),
    );
    assert.equal(await client.body(1), 'ok');
    client.send(
      headers(3, pseudo('POST'), false) + data(3, 'x'.repeat(maxBody - 16_383)) + data(3, piece, true),
    );
    assert.equal(await client.fate(3), '413');
  });
});

suite('HTTP/2: a refused request', () => {
  const foreign = [':method', 'POST', ':scheme', 'https', ':authority', 'www.example.com', ':path', '/'];
  test('that ends before its answer is read gets the answer, and ends with it', async (t) => {
    const client = await open(t, [[settingIds.initialWindowSize, 0]]);
    client.send(headers(1, foreign, false) + data(1, 'abc') + data(1, 'def', true));
    assert.equal(await client.fate(1), '421');
    client.send(windowUpdateFrame(1, 65_535));
    assert.match(await client.body(1), /\S/);
    assert.equal(await client.frame(({ type }) => type === 99), null, 'the connection closes');
    assert.ok(!client.frames.some(({ type }) => type === frameTypes.rstStream));
    assert.match(events.at(-1)!.bytes, /abcdef$/);
  });

  test('does not count where other servers accept it: white space around a value', async (t) => {
    const client = await open(t);
    const before = events.length;
    client.send(headers(1, [...pseudo(), 'user-agent', 'app/1 ']));
    assert.equal(await client.fate(1), 'reset protocolError');
    await eventually(() => events.length > before, 'it is recorded', patience);
    assert.deepEqual([events.at(-1)!.rule, events.at(-1)!.counts], ['framing', false]);
  });

  test('accepts no frame after its end', async (t) => {
    const client = await open(t, [[settingIds.initialWindowSize, 0]]);
    client.send(headers(1, foreign, false) + data(1, 'abc', true) + data(1, 'def'));
    assert.equal(await client.error(1), 'reset streamClosed');
  });
});

suite('HTTP/2: the access log', () => {
  const rows: readonly (readonly [
    what: string,
    path: string,
    bytes: (path: string) => string,
    expected: readonly [status: number, outcome: string, sent: number],
  ])[] = [
    ['an answer', '/whole', (path) => request(1, true, 'GET', path), [200, 'answered', 2]],
    ['an answer that its backend cuts', '/cut', (path) => request(1, true, 'GET', path), [200, 'cut', 3]],
    [
      'a client that leaves before the answer',
      '/wait',
      (path) => request(1, true, 'GET', path) + rstStreamFrame(1, 8),
      [499, 'aborted', 0],
    ],
    [
      'a body that is not as long as it says',
      '/short',
      (path) => headers(1, [...pseudo('POST', path), 'content-length', '3'], false) + data(1, 'ab', true),
      [400, 'refused', 0],
    ],
    [
      'a body that is too long',
      '/long',
      (path) => headers(1, pseudo('POST', path), false) + data(1, piece) + data(1, piece, true),
      [413, 'answered', 0],
    ],
  ];
  for (const [what, path, bytes, expected] of rows)
    test(`has the outcome of ${what}`, async (t) => {
      const client = await open(t);
      client.send(bytes(path));
      let found: { status: number; outcome: string; bytes: number }[] = [];
      await eventually(
        () => {
          found = log.filter((line) => line.includes(`"${path}"`)).map((line) => JSON.parse(line));
          return found.some(({ outcome }) => outcome !== undefined);
        },
        'it is logged',
        patience,
      );
      assert.deepEqual(
        found
          .filter(({ outcome }) => outcome !== undefined)
          .map((one) => [one.status, one.outcome, one.bytes]),
        [expected],
      );
    });
});
