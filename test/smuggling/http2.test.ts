/**
 * Request smuggling by downgrading (RFC 9113 sections 8.2 and 10.3): bytes without a meaning in HTTP/2 that end a line or a message in
 * HTTP/1.
 */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type ClientHttp2Session, connect } from 'node:http2';
import { after, suite, test } from 'node:test';
import { isDeepStrictEqual } from 'node:util';
import { certificate } from '../support/certificate.ts';
import { runGateway } from '../support/gateway.ts';
import { type Field, type Http2Request, sendFrames } from './http2-frames.ts';
import { answersHeader, looseBackend } from './loose-backend.ts';
import { readerNames } from './loose-reader.ts';

const owner = { after };
const host = 'www.example.net';
// The most lenient backend: it sees the most requests in the same bytes.
const backend = await looseBackend(owner, 'a bare CR ends a line');
const { cert, key } = await certificate(owner, [host]);
const gateway = await runGateway(
  owner,
  `sites: [{ hosts: [${host}], backend: "${backend.url}", websocket: false }]\nbans: false\nrateLimit: false\n`,
  `listen: [{ address: "127.0.0.1:0", tls: { cert: ${cert}, key: ${key} } }]\n`,
);

const pseudo = (changes: Readonly<Record<string, string>> = {}): Field[] =>
  Object.entries({
    ':method': 'POST',
    ':scheme': 'https',
    ':authority': host,
    ':path': '/first',
    ...changes,
  });
const request = `GET /smuggled HTTP/1.1\r\nHost: ${host}\r\n\r\n`;
const chunked = `0\r\n\r\n${request}`;
const long = String(request.length);
/** A POST with one more field and the smuggled request as its content. */
const field = (name: string, value: string, data = [chunked]): Http2Request => ({
  fields: [...pseudo(), [name, value]],
  data,
});
const pseudoOf = (changes: Readonly<Record<string, string>>): Http2Request => ({
  fields: pseudo(changes),
  data: [request],
});
const injected = ` HTTP/1.1\r\nHost: ${host}\r\n\r\n${request}`;

const refused: readonly (readonly [string, Http2Request])[] = [
  ['transfer-encoding: chunked', field('transfer-encoding', 'chunked')],
  ['transfer-encoding: identity', field('transfer-encoding', 'identity')],
  ['transfer-encoding: trailers', field('transfer-encoding', 'trailers')],
  ['transfer_encoding: chunked', field('transfer_encoding', 'chunked')],
  ['Transfer-Encoding in upper case', field('Transfer-Encoding', 'chunked')],
  ['connection: keep-alive', field('connection', 'keep-alive')],
  ['connection: content-length', field('connection', 'content-length')],
  ['connection: close', field('connection', 'close')],
  ['keep-alive', field('keep-alive', 'timeout=5')],
  ['proxy-connection', field('proxy-connection', 'keep-alive')],
  ['upgrade', field('upgrade', 'h2c')],
  ['te: chunked', field('te', 'chunked')],
  [
    'http2-settings with upgrade',
    { fields: [...pseudo(), ['http2-settings', 'AAMAAABk'], ['upgrade', 'h2c']] },
  ],
  ['an upper-case name', field('X-Upper', 'y')],
  ['CR LF in :path', pseudoOf({ ':path': `/first${injected}` })],
  ['a space in :path', pseudoOf({ ':path': '/first HTTP/1.1' })],
  ['a tab in :path', pseudoOf({ ':path': '/first\tx' })],
  ['LF in :path', pseudoOf({ ':path': '/first\nx' })],
  ['NUL in :path', pseudoOf({ ':path': '/first\0x' })],
  ['a fragment in :path', pseudoOf({ ':path': '/first#x' })],
  ['an empty :path', pseudoOf({ ':path': '' })],
  ['a :path without a slash', pseudoOf({ ':path': 'first' })],
  ['an absolute :path', pseudoOf({ ':path': 'http://evil.example/' })],
  ['* for :path of a POST', pseudoOf({ ':path': '*' })],
  ['CR LF in :method', pseudoOf({ ':method': `GET /smuggled${injected}POST` })],
  ['a space in :method', pseudoOf({ ':method': 'GET /smuggled HTTP/1.1' })],
  ['a lower-case :method', pseudoOf({ ':method': 'get' })],
  ['an empty :method', pseudoOf({ ':method': '' })],
  ['CR LF in :authority', pseudoOf({ ':authority': `${host}\r\nX: y` })],
  ['a space in :authority', pseudoOf({ ':authority': `${host} x` })],
  ['a path in :authority', pseudoOf({ ':authority': `${host}/x` })],
  ['userinfo in :authority', pseudoOf({ ':authority': `x@${host}` })],
  ['CR LF in :scheme', pseudoOf({ ':scheme': `https\r\nX: y` })],
  ['a URL for :scheme', pseudoOf({ ':scheme': 'https://evil.example/?' })],
  ['a second :path', { fields: [...pseudo(), [':path', '/smuggled']] }],
  ['a second :method', { fields: [...pseudo(), [':method', 'GET']] }],
  ['a second :authority', { fields: [...pseudo(), [':authority', 'evil.example']] }],
  ['a pseudo-header after a field', { fields: [...pseudo().slice(0, 3), ['x', 'y'], [':path', '/first']] }],
  ['an unknown pseudo-header', { fields: [...pseudo(), [':host', host]] }],
  [':status in a request', { fields: [...pseudo(), [':status', '200']] }],
  ['no :method', { fields: pseudo().slice(1) }],
  ['no :path', { fields: pseudo().slice(0, 3) }],
  ['neither :authority nor host', { fields: pseudo().filter(([name]) => name !== ':authority') }],
  ['a host of another name', field('host', 'evil.example')],
  ['two hosts', { fields: [...pseudo(), ['host', host], ['host', host]] }],
  ['a content-length above the DATA', { ...field('content-length', '500', [request]) }],
  ['a content-length without DATA', { fields: [...pseudo(), ['content-length', '5']] }],
  ['a content-length with a sign', field('content-length', `+${long}`, [request])],
  ['a content-length in hexadecimal', field('content-length', '0x2a', [request])],
  ['a content-length that is a list', field('content-length', `${long}, ${long}`, [request])],
  ['an empty content-length', field('content-length', '', [request])],
  ['content_length', field('content_length', '0', [request])],
  [
    'two content-lengths',
    { fields: [...pseudo(), ['content-length', long], ['content-length', '0']], data: [request] },
  ],
  [
    'two equal content-lengths',
    { fields: [...pseudo(), ['content-length', long], ['content-length', long]], data: [request] },
  ],
  [
    'a pseudo-header in the trailers',
    { fields: pseudo(), data: ['abc'], trailers: [[':path', '/smuggled']] },
  ],
  ['an upper-case name in the trailers', { fields: pseudo(), data: ['abc'], trailers: [['X', 'y']] }],
  [
    'CONNECT',
    {
      fields: [
        [':method', 'CONNECT'],
        [':authority', 'evil.example:25'],
      ],
      data: [request],
    },
  ],
  ['the preface as a method', pseudoOf({ ':method': 'PRI' })],
  ['transfer-encoding after a space', field(' transfer-encoding', 'chunked')],
  ['transfer-encoding before a space', field('transfer-encoding ', 'chunked')],
  ['CR LF in a value', field('x', `y\r\nTransfer-Encoding: chunked`)],
  ['CR LF CR LF and a request in a value', field('x', `y\r\n\r\n${request}`)],
  ['LF in a value', field('x', 'y\ntransfer-encoding: chunked')],
  ['CR in a value', field('x', 'y\rtransfer-encoding: chunked')],
  ['NUL in a value', field('x', 'y\0z')],
  ['LF at the end of a value', field('x', 'y\n')],
  ['CR LF in a name', field('x\r\ntransfer-encoding', 'chunked')],
  ['CR LF and a colon in a name', field('x: y\r\ntransfer-encoding: chunked\r\nz', 'y')],
  ['a colon in a name', field('transfer-encoding: chunked', 'y')],
  ['a space in a name', field('x y', 'z')],
  ['NUL in a name', field('x\0', 'y')],
  ['an empty name', field('', 'y')],
  ['a byte of obs-text in a name', field('x\xe9', 'y')],
];

/** The fault comes after the head has been forwarded, so the client gets no answer. */
const cut: readonly (readonly [string, Http2Request])[] = [
  ['CR LF in a trailer', { fields: pseudo(), data: ['abc'], trailers: [['x', `y\r\n\r\n${request}`]] }],
  [
    'transfer-encoding in the trailers',
    { fields: pseudo(), data: ['abc'], trailers: [['transfer-encoding', 'chunked']] },
  ],
  ['a content-length below the DATA', field('content-length', '0', [request])],
  ['a content-length below several DATA', field('content-length', '3', ['abc', request])],
];

/** Legal: each is one request, and its content stays content. */
const served: readonly (readonly [string, string, Http2Request])[] = [
  ['content without a length', 'POST /first', { fields: pseudo(), data: [request] }],
  ['content with its length', 'POST /first', field('content-length', long, [request])],
  ['content in pieces', 'POST /first', field('content-length', long, [...request])],
  ['an empty DATA frame first', 'POST /first', { fields: pseudo(), data: ['', request, ''] }],
  ['content like chunks', 'POST /first', { fields: pseudo(), data: [chunked] }],
  ['content on GET', 'GET /first', { fields: pseudo({ ':method': 'GET' }), data: [request] }],
  ['te: trailers', 'POST /first', field('te', 'trailers', [request])],
  ['a query', 'GET /first?a=b&c', { fields: pseudo({ ':method': 'GET', ':path': '/first?a=b&c' }) }],
  [
    'a percent-encoded line end',
    'GET /first%0d%0aX',
    { fields: pseudo({ ':method': 'GET', ':path': '/first%0d%0aX' }) },
  ],
  ['the same host again', 'POST /first', field('host', host, [request])],
];

const paths = (lines: readonly string[]): string[] =>
  lines.map((line) => line.replace(/ HTTP\/1\.1$/, '')).sort();

async function checkVictim(...expected: readonly (readonly string[])[]): Promise<void> {
  const client: ClientHttp2Session = connect(`https://127.0.0.1:${gateway.port}`, {
    rejectUnauthorized: false,
  });
  client.on('error', () => {});
  try {
    const stream = client.request({ ':authority': host, ':path': '/victim' });
    const [headers] = await once(stream.resume(), 'response', { signal: AbortSignal.timeout(20_000) });
    assert.equal(headers[answersHeader], 'GET /victim HTTP/1.1', 'the next client');
  } finally {
    client.destroy();
  }
  const readings = backend.take();
  const strict = paths(readings.get('strict')!.lines);
  assert.ok(
    expected.some((lines) => isDeepStrictEqual(strict, [...lines, 'GET /victim'].sort())),
    `reached the backend: ${strict.join(', ')}`,
  );
  for (const [reading, { lines }] of readings)
    assert.deepEqual(paths(lines), strict, `as read by: ${reading}`);
}

suite('request smuggling through HTTP/2', () => {
  for (const [what, sent] of refused) {
    test(`${what} is refused`, async () => {
      const reply = await sendFrames(gateway.port, sent);
      assert.equal(reply.served, false);
      assert.notEqual(reply.ended, 'timeout');
      await checkVictim([]);
    });
  }
  for (const [what, sent] of cut) {
    test(`${what} is not answered`, async () => {
      const reply = await sendFrames(gateway.port, sent);
      assert.equal(reply.served, false);
      assert.match(reply.ended, /reset|goaway/);
      await checkVictim([], ['POST /first']);
    });
  }
  for (const [what, line, sent] of served) {
    test(`${what} is one request`, async () => {
      const reply = await sendFrames(gateway.port, sent);
      assert.deepEqual(reply, { served: true, body: `${line} HTTP/1.1`, ended: 'stream' });
      await checkVictim([line]);
    });
  }
  test('all readings are compared', () => {
    assert.equal(backend.take().size, readerNames.length);
  });
});
