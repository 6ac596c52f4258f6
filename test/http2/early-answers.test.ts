/** An answer that comes before the end of its request (RFC 9113 section 8.1): the client may finish, and not stay for ever. */
import assert from 'node:assert/strict';
import { suite, type TestContext, test } from 'node:test';
import { evidenceLimit } from '../../src/events/probe-event.ts';
import { lingerTime } from '../../src/h2/bounds.ts';
import type { Http2Connection } from '../../src/http2/connection.ts';
import { DiscardedRest } from '../../src/http2/discarded-rest.ts';
import type { RequestBody } from '../../src/http2/request-body.ts';
import { frameTypes } from '../../src/wire/h2-frames.ts';
import { rawBackend } from '../support/raw-backend.ts';
import { type Http2Gateway, http2Gateway } from './http2-gateway.ts';
import { data, headers, pseudo, RawHttp2, request } from './raw-http2.ts';

const piece = 'x'.repeat(16_384);
/** Pieces that fill the window of a stream. */
const window = 16;
const early = 'HTTP/1.1 403 Forbidden\r\nContent-Length: 3\r\n\r\nno\n';

/** A client that has the whole answer to an upload it has not ended. */
async function answered(t: TestContext): Promise<{ client: RawHttp2; gateway: Http2Gateway }> {
  const { url } = await rawBackend(t, ({ socket }) => {
    socket.on('error', () => {});
    socket.once('data', () => socket.write(early));
  });
  const gateway = await http2Gateway(t, url);
  const client = await RawHttp2.open(gateway.port);
  t.after(() => client.destroy());
  // More than limits.bufferedBody: the request is on its way before its end.
  client.send(headers(1, pseudo('POST'), false) + data(1, piece).repeat(5));
  assert.equal(await client.body(1), 'no\n');
  return { client, gateway };
}

/** Sends further pieces, as fast as the window of the stream allows. */
async function upload(client: RawHttp2, pieces: number): Promise<void> {
  let room = (window - 5) * piece.length;
  let known = 0;
  for (let left = pieces; left > 0; left--) {
    while (room < piece.length) {
      const at = known;
      await client.frame((one) => client.frames.indexOf(one) >= at);
      for (; known < client.frames.length; known++) {
        const { type, stream, payload } = client.frames[known]!;
        if (type === frameTypes.windowUpdate && stream === 1) room += payload.readUInt32BE(0);
      }
    }
    client.send(data(1, piece));
    room -= piece.length;
  }
}

suite('HTTP/2: an answer before the end of the upload', () => {
  for (const [what, end] of [
    ['DATA', data(1, '', true)],
    ['trailers', headers(1, ['x-sum', '7'])],
  ] as const)
    test(`the client finishes an upload longer than every window, which ends with ${what}`, async (t) => {
      const { client, gateway } = await answered(t);
      await upload(client, 300);
      client.send(end + request(3));
      assert.equal(await client.body(3), 'no\n');
      assert.ok(!client.frames.some(({ type }) => type === frameTypes.rstStream), 'nothing is reset');
      // The stream is over with the upload: it does not keep the connection from closing.
      gateway.drain();
      assert.equal(await client.frame(({ type }) => type === 99), null, 'it is closed');
      assert.deepEqual([gateway.errors, gateway.events.length], [[], 0]);
    });

  test('a client that never finishes is cut off', () => {
    const server = { now: 1000 };
    const rest = new DiscardedRest({ server } as Http2Connection, {} as RequestBody, null);
    assert.deepEqual([rest.expired(1000 + lingerTime - 1), rest.expired(1000 + lingerTime)], [false, true]);
  });

  test('a refused client that never finishes is cut off, gets no further window, and is recorded once', async (t) => {
    const gateway = await http2Gateway(t, 'http://127.0.0.1:9', 'limits: { requestHeaders: 300ms }\n');
    const client = await RawHttp2.open(gateway.port);
    t.after(() => client.destroy());
    client.send(
      headers(1, [':method', 'CONNECT', ':authority', 'mail.example.com:25'], false) +
        data(1, 'EHLO relay\r\n') +
        data(1, piece).repeat(window - 1),
    );
    assert.equal(await client.fate(1), '405');
    assert.equal(await client.error(1), 'reset noError');
    assert.equal(await client.frame(({ type }) => type === 99), null, 'the connection is closed');
    assert.ok(!client.frames.some(({ type, stream }) => type === frameTypes.windowUpdate && stream === 1));
    assert.deepEqual(
      gateway.events.map(({ rule }) => rule),
      ['connect'],
    );
    assert.match(gateway.events[0]!.bytes, /EHLO relay\\r\\nx+$/);
    assert.ok(gateway.events[0]!.bytes.length < 2 * evidenceLimit);
  });
});
