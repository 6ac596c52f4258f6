/**
 * What RFC 9113, 7541 and 8441 require of a server, section by section: bytes that a client sends after its preface and SETTINGS, and
 * the required error on the stream or the connection. `reset` and `goaway` name the code.
 */
import assert from 'node:assert/strict';
import { after, suite, test } from 'node:test';
import { errorCodes } from '../../src/wire/h2-faults.ts';
import {
  flags,
  frameHead,
  frameTypes,
  goAwayFrame,
  headersFrames,
  pingFrame,
  preface,
  rstStreamFrame,
  settingIds,
  settingsAck,
  settingsFrame,
  windowUpdateFrame,
} from '../../src/wire/h2-frames.ts';
import { recordingBackend } from '../support/recording-backend.ts';
import { host, http2Gateway } from './http2-gateway.ts';
import { block, data, frame, headers, pseudo, RawHttp2, request } from './raw-http2.ts';

const owner = { after };
const backend = await recordingBackend(owner, {
  answer: ({ requestLine }) =>
    requestLine.includes('/wait')
      ? new Promise(() => {})
      : 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-Upper: Y\r\n\r\nok',
});
const gateway = await http2Gateway(owner, backend.url);

type Script = string | ((client: RawHttp2) => Promise<void> | void);
/** The bytes, the stream to check, and its expected fate. `alive`: the connection still works. */
type Row = readonly [section: string, what: string, script: Script, expected: string, stream?: number];

const { data: DATA, headers: HEADERS, priority, continuation, settings, ping, windowUpdate } = frameTypes;
const { goAway, pushPromise, rstStream } = frameTypes;
const { endStream, endHeaders, padded, priority: withPriority } = flags;
const four = (value: number): string =>
  String.fromCharCode((value >>> 24) & 0xff, (value >>> 16) & 0xff, (value >>> 8) & 0xff, value & 0xff);
const own = pseudo();
/** Answered and closed on both sides. */
const answered = async (client: RawHttp2): Promise<void> => {
  client.send(request(1));
  await client.body(1);
};
const then =
  (before: (client: RawHttp2) => Promise<void>, text: string): Script =>
  async (client) => {
    await before(client);
    client.send(text);
  };
/** A complete request that waits for its answer. */
const waiting = request(1, true, 'GET', '/wait');
const open = request(1, false);
const setting = (id: number, value: number): string => settingsFrame([[id, value]]);
const pairs = (...fields: (readonly [string, string])[]): string[] => [...own, ...fields.flat()];
const without = (name: string): string[] => own.filter((_, i) => own[i - (i % 2)] !== name);
const replaced = (name: string, value: string): string[] =>
  own.map((one, i) => (i % 2 === 1 && own[i - 1] === name ? value : one));
const raw = (stream: number, hex: string, ends = true): string =>
  headersFrames(stream, Buffer.from(hex.replaceAll(' ', ''), 'hex').toString('latin1'), ends, 16_384);

const rows: readonly Row[] = [
  // Frames and their order.
  ['4.1', 'a frame of an unknown type is ignored', frame(0x16, 0xff, 0, 'abc') + request(1), '200', 1],
  ['4.1', 'an unknown type on a stream that is not open', frame(0x16, 0, 7, 'abc') + request(1), '200', 1],
  ['4.1', 'undefined flags are ignored', frame(ping, 0x16, 0, '12345678') + request(1), '200', 1],
  [
    '4.1',
    'the reserved bit of a stream is ignored',
    frameHead(8, ping, 0, 0x80000000) + '12345678' + request(1),
    '200',
    1,
  ],
  ['4.2', 'DATA of the most bytes', open + data(1, 'x'.repeat(16_384), true), '200', 1],
  ['4.2', 'DATA longer than that', open + frameHead(16_385, DATA, 0, 1), 'goaway frameSizeError'],
  ['4.2', 'HEADERS longer than that', frameHead(16_385, HEADERS, endHeaders, 1), 'goaway frameSizeError'],
  ['4.2', 'an unknown type longer than that', frameHead(16_385, 0x16, 0, 0), 'goaway frameSizeError'],
  ['4.3', 'a block that is no block', raw(1, '82 ff ff ff ff ff'), 'goaway compressionError'],
  ['4.3', 'a block in CONTINUATION', headersFrames(1, block(own), true, 5), '200', 1],
  ['4.3', 'a block in CONTINUATION of one byte each', headersFrames(1, block(own), true, 1), '200', 1],
  [
    '4.3',
    'PRIORITY within a block',
    frame(HEADERS, endStream, 1, block(own)) + frame(priority, 0, 1, four(0) + '\x10'),
    'goaway protocolError',
  ],
  [
    '4.3',
    'HEADERS of another stream within a block',
    frame(HEADERS, endStream, 1, block(own)) + request(3),
    'goaway protocolError',
  ],
  [
    '4.3',
    'an unknown type within a block',
    frame(HEADERS, endStream, 1, block(own)) + frame(0x16, 0, 1),
    'goaway protocolError',
  ],
  // States of a stream.
  ['5.1', 'idle: DATA', data(1, 'x'), 'goaway protocolError'],
  ['5.1', 'idle: RST_STREAM', rstStreamFrame(1, 8), 'goaway protocolError'],
  ['5.1', 'idle: WINDOW_UPDATE', windowUpdateFrame(1, 100), 'goaway protocolError'],
  ['5.1', 'idle: CONTINUATION', frame(continuation, endHeaders, 1, block(own)), 'goaway protocolError'],
  ['5.1', 'idle: PRIORITY is allowed', frame(priority, 0, 1, four(0) + '\x10') + request(1), '200', 1],
  ['5.1', 'half-closed: DATA', waiting + data(1, 'x'), 'reset streamClosed', 1],
  ['5.1', 'half-closed: HEADERS', waiting + request(1), 'reset streamClosed', 1],
  [
    '5.1',
    'half-closed: CONTINUATION',
    waiting + frame(continuation, endHeaders, 1, block(own)),
    'goaway protocolError',
  ],
  [
    '5.1',
    'half-closed: WINDOW_UPDATE, PRIORITY and RST_STREAM are allowed',
    waiting + windowUpdateFrame(1, 1) + frame(priority, 0, 1, four(0) + '\x10') + rstStreamFrame(1, 8),
    'alive',
  ],
  ['5.1', 'closed by RST_STREAM: DATA', open + rstStreamFrame(1, 8) + data(1, 'x'), 'reset streamClosed', 1],
  [
    '5.1',
    'closed by RST_STREAM: HEADERS',
    open + rstStreamFrame(1, 8) + headers(1, ['a', 'b']),
    'reset streamClosed',
    1,
  ],
  [
    '5.1',
    'closed by RST_STREAM: CONTINUATION',
    open + rstStreamFrame(1, 8) + frame(continuation, endHeaders, 1, 'x'),
    'goaway protocolError',
  ],
  [
    '5.1',
    'closed by RST_STREAM: PRIORITY, WINDOW_UPDATE and RST_STREAM',
    open +
      rstStreamFrame(1, 8) +
      frame(priority, 0, 1, four(0) + '\x10') +
      windowUpdateFrame(1, 1) +
      rstStreamFrame(1, 8),
    'alive',
  ],
  ['5.1', 'closed: DATA', then(answered, data(1, 'x')), 'goaway streamClosed'],
  ['5.1', 'closed: HEADERS', then(answered, request(1)), 'goaway streamClosed'],
  [
    '5.1',
    'closed: CONTINUATION',
    then(answered, frame(continuation, endHeaders, 1, block(own))),
    'goaway protocolError',
  ],
  [
    '5.1',
    'closed: WINDOW_UPDATE, PRIORITY and RST_STREAM are allowed',
    then(answered, windowUpdateFrame(1, 1) + frame(priority, 0, 1, four(0) + '\x10') + rstStreamFrame(1, 8)),
    'alive',
  ],
  [
    '5.1',
    'reset by the server: DATA on its way is ignored',
    headers(1, pairs(['connection', 'close']), false) + data(1, 'x') + data(1, 'y', true),
    'reset protocolError',
    1,
  ],
  ['5.1.1', 'an even stream', request(2), 'goaway protocolError'],
  ['5.1.1', 'a stream lower than the last', request(5) + request(3), 'goaway protocolError'],
  [
    '5.1.1',
    'a stream lower than the last that was reset',
    request(5, false) + rstStreamFrame(5, 8) + request(1),
    'goaway protocolError',
  ],
  [
    '5.1.1',
    'HEADERS on stream 0',
    frame(HEADERS, endHeaders | endStream, 0, block(own)),
    'goaway protocolError',
  ],
  ['5.1.1', 'streams may be left out', request(9), '200', 9],
  ['5.1.1', 'the highest stream there is', request(0x7fffffff), '200', 0x7fffffff],
  [
    '5.1.2',
    'one stream more than was offered',
    Array.from({ length: 129 }, (_, i) => request(2 * i + 1, true, 'GET', '/wait')).join(''),
    'reset refusedStream',
    257,
  ],
  [
    '5.1.2',
    'a stream that was reset makes room',
    Array.from({ length: 128 }, (_, i) => request(2 * i + 1, true, 'GET', '/wait')).join('') +
      rstStreamFrame(1, 8) +
      request(257),
    '200',
    257,
  ],
  [
    '5.3.1',
    'HEADERS of a stream that depends on itself',
    frame(HEADERS, endHeaders | endStream | withPriority, 1, four(1) + '\x0f' + block(own)),
    'reset protocolError',
    1,
  ],
  [
    '5.3.1',
    'PRIORITY of an open stream on itself',
    waiting + frame(priority, 0, 1, four(1) + '\x0f'),
    'reset protocolError',
    1,
  ],
  [
    '5.3.1',
    'PRIORITY of an idle stream on itself',
    frame(priority, 0, 1, four(1) + '\x0f'),
    'goaway protocolError',
  ],
  [
    '5.3.1',
    'a priority is ignored',
    frame(HEADERS, endHeaders | endStream | withPriority, 3, four(0x80000001) + '\xff' + block(own)),
    '200',
    3,
  ],
  [
    '5.4.1',
    'a GOAWAY names the last stream',
    async (c) => {
      c.send(request(1) + request(3));
      await c.body(3);
      c.send(data(0, 'x'));
      const end = await c.frame((one) => one.type === goAway && one.payload.readUInt32BE(4) !== 0);
      assert.equal(end?.payload.readUInt32BE(0), 3);
    },
    'goaway protocolError',
  ],
  ['5.5', 'an unknown setting is ignored', setting(0xfff, 1) + request(1), '200', 1],
  // DATA.
  ['6.1', 'on stream 0', data(0, 'x'), 'goaway protocolError'],
  ['6.1', 'padded', open + frame(DATA, padded | endStream, 1, '\x03abc\0\0\0'), '200', 1],
  ['6.1', 'all padding', open + frame(DATA, padded | endStream, 1, '\x03\0\0\0'), '200', 1],
  ['6.1', 'more padding than there is', open + frame(DATA, padded, 1, '\x03\0\0'), 'goaway protocolError'],
  ['6.1', 'padding without its length', open + frame(DATA, padded, 1, ''), 'goaway frameSizeError'],
  ['6.1', 'empty, to end the stream', open + data(1, 'abc') + data(1, '', true), '200', 1],
  // HEADERS.
  [
    '6.2',
    'padded',
    frame(HEADERS, endHeaders | endStream | padded, 1, '\x02' + block(own) + '\0\0'),
    '200',
    1,
  ],
  [
    '6.2',
    'padded and with priority',
    frame(
      HEADERS,
      endHeaders | endStream | padded | withPriority,
      1,
      '\x02' + four(0) + '\x10' + block(own) + '\0\0',
    ),
    '200',
    1,
  ],
  [
    '6.2',
    'more padding than there is',
    frame(HEADERS, endHeaders | endStream | padded, 1, '\xff' + block(own)),
    'goaway protocolError',
  ],
  [
    '6.2',
    'too short for its priority',
    frame(HEADERS, endHeaders | endStream | withPriority, 1, '\0\0\0'),
    'goaway frameSizeError',
  ],
  [
    '6.2',
    'empty, and a block in CONTINUATION',
    frame(HEADERS, endStream, 1) + frame(continuation, endHeaders, 1, block(own)),
    '200',
    1,
  ],
  // PRIORITY.
  ['6.3', 'on stream 0', frame(priority, 0, 0, four(1) + '\x10'), 'goaway protocolError'],
  [
    '6.3',
    'too short, of an open stream',
    waiting + frame(priority, 0, 1, four(0)),
    'reset frameSizeError',
    1,
  ],
  ['6.3', 'too long, of an idle stream', frame(priority, 0, 1, four(0) + '\x10\0'), 'goaway frameSizeError'],
  // RST_STREAM.
  ['6.4', 'on stream 0', frame(rstStream, 0, 0, four(8)), 'goaway protocolError'],
  ['6.4', 'too short', open + frame(rstStream, 0, 1, '\0\0\0'), 'goaway frameSizeError'],
  ['6.4', 'too long', open + frame(rstStream, 0, 1, four(8) + '\0'), 'goaway frameSizeError'],
  ['6.4', 'of an unknown code', open + rstStreamFrame(1, 0xff) + request(3), '200', 3],
  // SETTINGS.
  [
    '6.5',
    'are acknowledged',
    async (c) => {
      const ack = await c.frame((one) => one.type === settings && one.flags === 1);
      assert.equal(ack?.payload.length, 0);
    },
    'alive',
  ],
  ['6.5', 'an acknowledgement of nothing is ignored', settingsAck + settingsAck + request(1), '200', 1],
  [
    '6.5',
    'an acknowledgement with settings',
    frame(settings, 1, 0, '\0\x03\0\0\0\x01'),
    'goaway frameSizeError',
  ],
  ['6.5', 'on a stream', frame(settings, 0, 1), 'goaway protocolError'],
  ['6.5', 'not of sixes', frame(settings, 0, 0, '\0\x03\0'), 'goaway frameSizeError'],
  ['6.5.2', 'ENABLE_PUSH of 2', setting(settingIds.enablePush, 2), 'goaway protocolError'],
  ['6.5.2', 'ENABLE_PUSH of 0', setting(settingIds.enablePush, 0) + request(1), '200', 1],
  [
    '6.5.2',
    'INITIAL_WINDOW_SIZE over 2^31-1',
    setting(settingIds.initialWindowSize, 0x80000000),
    'goaway flowControlError',
  ],
  [
    '6.5.2',
    'INITIAL_WINDOW_SIZE of 2^31-1',
    setting(settingIds.initialWindowSize, 0x7fffffff) + request(1),
    '200',
    1,
  ],
  ['6.5.2', 'MAX_FRAME_SIZE under 2^14', setting(settingIds.maxFrameSize, 16_383), 'goaway protocolError'],
  [
    '6.5.2',
    'MAX_FRAME_SIZE over 2^24-1',
    setting(settingIds.maxFrameSize, 0x1000000),
    'goaway protocolError',
  ],
  ['6.5.2', 'MAX_FRAME_SIZE of 2^24-1', setting(settingIds.maxFrameSize, 0xffffff) + request(1), '200', 1],
  ['6.5.2', 'HEADER_TABLE_SIZE of any size', setting(settingIds.headerTableSize, 0) + request(1), '200', 1],
  [
    '6.5.2',
    'MAX_HEADER_LIST_SIZE of any size',
    setting(settingIds.maxHeaderListSize, 1) + request(1),
    '200',
    1,
  ],
  [
    '8441-3',
    'ENABLE_CONNECT_PROTOCOL of 2',
    setting(settingIds.enableConnectProtocol, 2),
    'goaway protocolError',
  ],
  [
    '6.5.3',
    'the later of two values counts',
    settingsFrame([
      [settingIds.initialWindowSize, 100],
      [settingIds.initialWindowSize, 1],
    ]) + request(1),
    '200',
    1,
  ],
  // PUSH_PROMISE.
  [
    '6.6',
    'of a client',
    open + frame(pushPromise, endHeaders, 1, four(2) + block(own)),
    'goaway protocolError',
  ],
  // PING.
  [
    '6.7',
    'is answered with its payload',
    async (c) => {
      c.send(pingFrame('sekisho!', false));
      const pong = await c.frame((one) => one.type === ping && one.flags === 1);
      assert.equal(pong?.payload.toString(), 'sekisho!');
    },
    'alive',
  ],
  [
    '6.7',
    'with ACK is not answered',
    async (c) => {
      c.send(pingFrame('nobody!!', true) + pingFrame('somebody', false));
      await c.frame((one) => one.type === ping);
      assert.deepEqual(
        c.frames.filter((one) => one.type === ping).map((one) => one.payload.toString()),
        ['somebody'],
      );
    },
    'alive',
  ],
  ['6.7', 'on a stream', frame(ping, 0, 1, '12345678'), 'goaway protocolError'],
  ['6.7', 'too short', frame(ping, 0, 0, '1234567'), 'goaway frameSizeError'],
  ['6.7', 'too long', frame(ping, 0, 0, '123456789'), 'goaway frameSizeError'],
  // GOAWAY.
  ['6.8', 'on a stream', frame(goAway, 0, 1, four(0) + four(0)), 'goaway protocolError'],
  ['6.8', 'too short', frame(goAway, 0, 0, four(0)), 'goaway frameSizeError'],
  ['6.8', 'requests under way are answered', open + goAwayFrame(0, 0, 'bye') + data(1, 'x', true), '200', 1],
  ['6.8', 'of any code, without streams: the connection ends', goAwayFrame(0, 0xff, ''), 'closed'],
  // WINDOW_UPDATE.
  ['6.9', 'of nothing on the connection', windowUpdateFrame(0, 0), 'goaway protocolError'],
  ['6.9', 'of nothing on a stream', waiting + windowUpdateFrame(1, 0), 'reset protocolError', 1],
  ['6.9', 'too short', frame(windowUpdate, 0, 0, '\0\0\x01'), 'goaway frameSizeError'],
  ['6.9', 'too long', waiting + frame(windowUpdate, 0, 1, four(1) + '\0'), 'goaway frameSizeError'],
  [
    '6.9.1',
    'over 2^31-1 on the connection',
    windowUpdateFrame(0, 0x7fffffff) + windowUpdateFrame(0, 0x7fffffff),
    'goaway flowControlError',
  ],
  [
    '6.9.1',
    'over 2^31-1 on a stream: that stream alone',
    waiting + windowUpdateFrame(1, 0x7fffffff) + request(3),
    'reset flowControlError',
    1,
  ],
  [
    '6.9.1',
    'and the connection is in order',
    waiting + windowUpdateFrame(1, 0x7fffffff) + request(3),
    '200',
    3,
  ],
  [
    '6.9.1',
    'nothing is sent beyond the window',
    async (c) => {
      c.send(setting(settingIds.initialWindowSize, 0) + request(1));
      await c.fate(1);
      assert.ok(await c.alive());
      assert.equal(
        c.frames.some((one) => one.type === DATA),
        false,
      );
      c.send(windowUpdateFrame(1, 1));
      assert.equal((await c.frame((one) => one.type === DATA))?.payload.toString(), 'o');
      c.send(windowUpdateFrame(1, 1));
      assert.equal(await c.body(1), 'ok');
    },
    'alive',
  ],
  [
    '6.9.2',
    'a setting widens the window of an open stream',
    async (c) => {
      c.send(setting(settingIds.initialWindowSize, 0) + request(1));
      await c.fate(1);
      c.send(setting(settingIds.initialWindowSize, 1));
      await c.frame((one) => one.type === DATA);
      c.send(setting(settingIds.initialWindowSize, 2));
      assert.equal(await c.body(1), 'ok');
    },
    'alive',
  ],
  [
    '6.9.2',
    'a window below nothing is filled up first',
    async (c) => {
      c.send(setting(settingIds.initialWindowSize, 1) + request(1));
      await c.frame((one) => one.type === DATA);
      c.send(setting(settingIds.initialWindowSize, 0) + windowUpdateFrame(1, 1));
      assert.ok(await c.alive());
      assert.equal(c.frames.filter((one) => one.type === DATA).length, 1);
      c.send(windowUpdateFrame(1, 1));
      assert.equal(await c.body(1), 'ok');
    },
    'alive',
  ],
  [
    '6.9.2',
    'a setting that takes an open stream over 2^31-1',
    waiting + windowUpdateFrame(1, 0x7fff0000) + setting(settingIds.initialWindowSize, 0x7fffffff),
    'goaway flowControlError',
  ],
  [
    '6.9.1',
    'more DATA than a stream takes',
    headers(1, replaced(':authority', 'www.example.com'), false) +
      Array.from({ length: 17 }, () => data(1, 'x'.repeat(16_384))).join(''),
    'reset flowControlError',
    1,
  ],
  // CONTINUATION.
  [
    '6.10',
    'after a block that has ended',
    open + frame(continuation, endHeaders, 1, 'x'),
    'goaway protocolError',
  ],
  [
    '6.10',
    'of another stream',
    frame(HEADERS, endStream, 1, block(own)) + frame(continuation, endHeaders, 3, ''),
    'goaway protocolError',
  ],
  [
    '6.10',
    'on stream 0',
    frame(HEADERS, endStream, 1, block(own)) + frame(continuation, endHeaders, 0, ''),
    'goaway protocolError',
  ],
  ['6.10', 'DATA in its place', frame(HEADERS, 0, 1, block(own)) + data(1, 'x'), 'goaway protocolError'],
  [
    '6.10',
    'empty ones',
    frame(HEADERS, endStream, 1, block(own)) + frame(continuation, 0, 1) + frame(continuation, endHeaders, 1),
    '200',
    1,
  ],
  // Messages.
  [
    '8.1',
    'a second head that does not end the stream',
    open + headers(1, ['a', 'b'], false),
    'reset protocolError',
    1,
  ],
  ['8.1', 'trailers', open + data(1, 'x') + headers(1, ['x-sum', '1']), '200', 1],
  ['8.1', 'trailers right after the head', open + headers(1, ['x-sum', '1']), '200', 1],
  ['8.1', 'pseudo-fields in the trailers', open + headers(1, [':path', '/']), 'reset protocolError', 1],
  ['8.1', 'an upper-case name in the trailers', open + headers(1, ['X-Sum', '1']), 'reset protocolError', 1],
  [
    '8.1',
    'a field of the connection in the trailers',
    open + headers(1, ['connection', 'close']),
    'reset protocolError',
    1,
  ],
  [
    '8.1.1',
    'DATA longer than content-length',
    headers(1, pairs(['content-length', '1']), false) + data(1, 'xy', true),
    'reset protocolError',
    1,
  ],
  [
    '8.1.1',
    'DATA longer than content-length, in pieces',
    headers(1, pairs(['content-length', '1']), false) + data(1, 'x') + data(1, 'y', true),
    'reset protocolError',
    1,
  ],
  [
    '8.1.1',
    'DATA shorter than content-length',
    headers(1, pairs(['content-length', '3']), false) + data(1, 'xy', true),
    'reset protocolError',
    1,
  ],
  [
    '8.1.1',
    'no DATA for a content-length',
    headers(1, pairs(['content-length', '3']), true),
    'reset protocolError',
    1,
  ],
  ['8.1.1', 'a content-length of 0 without DATA', headers(1, pairs(['content-length', '0']), true), '200', 1],
  [
    '8.1.1',
    'padding is no content',
    headers(1, pairs(['content-length', '2']), false) + frame(DATA, padded | endStream, 1, '\x01xy\0'),
    '200',
    1,
  ],
  ['8.2', 'an upper-case name', headers(1, pairs(['X-A', 'b'])), 'reset protocolError', 1],
  ['8.2.1', 'a name with a space', headers(1, pairs(['x a', 'b'])), 'reset protocolError', 1],
  ['8.2.1', 'a name with a colon', headers(1, pairs(['x:a', 'b'])), 'reset protocolError', 1],
  ['8.2.1', 'an empty name', headers(1, pairs(['', 'b'])), 'reset protocolError', 1],
  ['8.2.1', 'a name with NUL', headers(1, pairs(['x\0', 'b'])), 'reset protocolError', 1],
  ['8.2.1', 'a name with obs-text', headers(1, pairs(['x\xe9', 'b'])), 'reset protocolError', 1],
  ['8.2.1', 'NUL in a value', headers(1, pairs(['x', 'a\0b'])), 'reset protocolError', 1],
  ['8.2.1', 'CR in a value', headers(1, pairs(['x', 'a\rb'])), 'reset protocolError', 1],
  ['8.2.1', 'LF in a value', headers(1, pairs(['x', 'a\nb'])), 'reset protocolError', 1],
  ['8.2.1', 'a value that begins with a space', headers(1, pairs(['x', ' a'])), 'reset protocolError', 1],
  ['8.2.1', 'a value that ends in a space', headers(1, pairs(['x', 'a '])), 'reset protocolError', 1],
  ['8.2.1', 'a value that begins with a tab', headers(1, pairs(['x', '\ta'])), 'reset protocolError', 1],
  ['8.2.1', 'an empty value', headers(1, pairs(['x', ''])), '200', 1],
  ['8.2.1', 'obs-text in a value', headers(1, pairs(['x', '\xe9'])), '200', 1],
  ['8.2.2', 'connection', headers(1, pairs(['connection', 'keep-alive'])), 'reset protocolError', 1],
  ['8.2.2', 'keep-alive', headers(1, pairs(['keep-alive', '5'])), 'reset protocolError', 1],
  ['8.2.2', 'proxy-connection', headers(1, pairs(['proxy-connection', 'close'])), 'reset protocolError', 1],
  [
    '8.2.2',
    'transfer-encoding',
    headers(1, pairs(['transfer-encoding', 'chunked'])),
    'reset protocolError',
    1,
  ],
  ['8.2.2', 'upgrade', headers(1, pairs(['upgrade', 'websocket'])), 'reset protocolError', 1],
  ['8.2.2', 'te of gzip', headers(1, pairs(['te', 'gzip'])), 'reset protocolError', 1],
  ['8.2.2', 'te of trailers', headers(1, pairs(['te', 'trailers'])), '200', 1],
  ['8.2.3', 'crumbs of a cookie', headers(1, pairs(['cookie', 'a=b'], ['cookie', 'c=d'])), '200', 1],
  ['8.3', 'an unknown pseudo-field', headers(1, [...own, ':test', 'x']), 'reset protocolError', 1],
  ['8.3', ':status in a request', headers(1, [...own, ':status', '200']), 'reset protocolError', 1],
  ['8.3', 'a pseudo-field after a field', headers(1, ['x', 'y', ...own]), 'reset protocolError', 1],
  ['8.3.1', 'no :method', headers(1, without(':method')), 'reset protocolError', 1],
  ['8.3.1', 'no :scheme', headers(1, without(':scheme')), 'reset protocolError', 1],
  ['8.3.1', 'no :path', headers(1, without(':path')), 'reset protocolError', 1],
  ['8.3.1', 'an empty :path', headers(1, replaced(':path', '')), 'reset protocolError', 1],
  ['8.3.1', 'an empty :method', headers(1, replaced(':method', '')), 'reset protocolError', 1],
  ['8.3.1', 'two of :method', headers(1, [':method', 'GET', ...own]), 'reset protocolError', 1],
  ['8.3.1', 'two of :scheme', headers(1, [':scheme', 'https', ...own]), 'reset protocolError', 1],
  ['8.3.1', 'two of :path', headers(1, [':path', '/', ...own]), 'reset protocolError', 1],
  ['8.3.1', 'two of :authority', headers(1, [':authority', host, ...own]), 'reset protocolError', 1],
  ['8.3.1', 'nothing at all', headers(1, []), 'reset protocolError', 1],
  ['8.3.1', ':path in absolute form', headers(1, replaced(':path', 'http://evil.example/')), '421', 1],
  ['8.3.1', ':path without a slash', headers(1, replaced(':path', 'a')), '400', 1],
  ['8.3.1', ':path with a space', headers(1, replaced(':path', '/a b')), '400', 1],
  ['8.3.1', ':path with a line end', headers(1, replaced(':path', '/\r\nX: y')), 'reset protocolError', 1],
  [
    '8.3.1',
    'the asterisk of OPTIONS',
    headers(1, [':method', 'OPTIONS', ...without(':method').slice(0, 4), ':path', '*']),
    '200',
    1,
  ],
  ['8.3.1', 'the asterisk of GET', headers(1, replaced(':path', '*')), '400', 1],
  ['8.3.1', 'another :scheme', headers(1, replaced(':scheme', 'gopher')), '400', 1],
  ['8.3.1', 'userinfo in :authority', headers(1, replaced(':authority', `x@${host}`)), '400', 1],
  ['8.3.1', 'another name in host than in :authority', headers(1, pairs(['host', 'evil.example'])), '400', 1],
  ['8.3.1', 'the same name in host', headers(1, pairs(['host', host])), '200', 1],
  ['8.3.1', 'host without :authority', headers(1, [...without(':authority'), 'host', host]), '200', 1],
  ['8.3.1', 'neither host nor :authority', headers(1, without(':authority')), '400', 1],
  ['8.3.1', 'a foreign :authority', headers(1, replaced(':authority', 'www.example.com')), '421', 1],
  ['8.5', 'CONNECT', headers(1, [':method', 'CONNECT', ':authority', 'www.example.com:25'], false), '405', 1],
  [
    '8.5',
    'CONNECT to ourselves',
    headers(1, [':method', 'CONNECT', ':authority', `${host}:443`], false),
    '405',
    1,
  ],
  [
    '8.5',
    'CONNECT with :scheme and :path',
    headers(1, [':method', 'CONNECT', ...without(':method')], false),
    'reset protocolError',
    1,
  ],
  ['8.5', 'CONNECT without :authority', headers(1, [':method', 'CONNECT'], false), 'reset protocolError', 1],
  [
    '8441-4',
    'extended CONNECT for another protocol',
    headers(1, [':method', 'CONNECT', ':protocol', 'connect-udp', ...without(':method')], false),
    '405',
    1,
  ],
  ['8441-4', ':protocol with GET', headers(1, [...own, ':protocol', 'websocket']), 'reset protocolError', 1],
  [
    '8441-4',
    'extended CONNECT without :path',
    headers(
      1,
      [':method', 'CONNECT', ':protocol', 'websocket', ':scheme', 'https', ':authority', host],
      false,
    ),
    'reset protocolError',
    1,
  ],
  [
    '8441-4',
    'extended CONNECT without :authority',
    headers(1, [':method', 'CONNECT', ':protocol', 'websocket', ':scheme', 'https', ':path', '/'], false),
    'reset protocolError',
    1,
  ],
  ['8.6', 'content on GET', headers(1, own, false) + data(1, 'x', true), '200', 1],
  [
    '8.1',
    'HEAD has no content',
    async (c) => {
      c.send(request(1, true, 'HEAD'));
      const head = await c.frame((one) => one.type === HEADERS);
      assert.equal(head!.flags & endStream, endStream);
      assert.equal(head!.fields[head!.fields.indexOf('content-length') + 1], '2');
    },
    'alive',
  ],
  [
    '8.2',
    'names of a response are in lower case',
    async (c) => {
      c.send(request(1));
      assert.ok((await c.frame((one) => one.type === HEADERS))!.fields.includes('x-upper'));
    },
    'alive',
  ],
  [
    '8.1',
    'OPTIONS, PUT, PATCH and DELETE',
    request(1, true, 'OPTIONS') +
      request(3, true, 'PUT') +
      request(5, true, 'PATCH') +
      request(7, true, 'DELETE'),
    '200',
    7,
  ],
  ['8.1', 'TRACE', request(1, true, 'TRACE'), '405', 1],
  ['8.1', 'a method that is none', request(1, true, 'FROB'), '501', 1],
  // HPACK over the wire.
  ['7541-2.3.3', 'an index of no entry', raw(1, '82 87 84 be'), 'goaway compressionError'],
  ['7541-6.1', 'index 0', raw(1, '80'), 'goaway compressionError'],
  ['7541-5.2', 'Huffman padding that is none', raw(1, '82 87 84 41 81 18'), 'goaway compressionError'],
  ['7541-5.2', 'the end-of-string symbol', raw(1, '82 87 84 41 84 ff ff ff ff'), 'goaway compressionError'],
  ['7541-4.2', 'a table larger than was offered', raw(1, '3f e2 1f 82'), 'goaway compressionError'],
  ['7541-4.2', 'a table size update after a field', raw(1, '82 20'), 'goaway compressionError'],
  [
    '7541-4.2',
    'a table size update before the first',
    headersFrames(1, '\x20' + block(own), true, 16_384),
    '200',
    1,
  ],
  [
    '7541-2.2',
    'the table goes on through refused, malformed and closed streams',
    async (c) => {
      const indexed = (text: string): string => `\x40\x03x-a${String.fromCharCode(text.length)}${text}`;
      c.send(headersFrames(1, block(pseudo('GET', '/wait')), true, 16_384));
      c.send(headersFrames(1, indexed('1'), true, 16_384));
      await c.error(1);
      c.send(headersFrames(3, block(own) + '\xbe', true, 16_384));
      assert.equal(await c.fate(3), '200');
      assert.equal(backend.requests.at(-1)?.headerLines.includes('x-a: 1'), true);
    },
    'alive',
  ],
  [
    '7541-7.1.3',
    'a literal that is never to be indexed',
    headersFrames(1, block(own) + '\x10\x08x-secret\x01a', true, 16_384),
    '200',
    1,
  ],
];

/** Bytes sent instead of preface and SETTINGS. */
const openings: readonly Row[] = [
  ['3.4', 'no preface but HTTP/1', 'GET / HTTP/1.1\r\nHost: x\r\n\r\n', 'goaway protocolError'],
  ['3.4', 'a preface with a wrong byte', `${preface.slice(0, -1)}x`, 'goaway protocolError'],
  [
    '3.4',
    'a preface in pieces',
    async (c) => {
      for (const byte of preface) c.send(byte);
      c.send(settingsFrame([]) + request(1));
    },
    '200',
    1,
  ],
  [
    '3.4',
    'another frame than SETTINGS first',
    preface + pingFrame('12345678', false),
    'goaway protocolError',
  ],
  ['3.4', 'an acknowledgement first', preface + settingsAck, 'goaway protocolError'],
  ['3.4', 'a request right after preface and SETTINGS', preface + settingsFrame([]) + request(1), '200', 1],
  [
    '3.4',
    'the server sends SETTINGS first, unasked',
    async (c) => {
      await c.frame(() => true);
      assert.deepEqual([c.frames[0]!.type, c.frames[0]!.stream, c.frames[0]!.flags], [settings, 0, 0]);
      c.send(preface + settingsFrame([]));
    },
    'alive',
  ],
];

async function outcome(client: RawHttp2, expected: string, stream = 0): Promise<string> {
  if (expected === 'alive') return (await client.alive()) ? 'alive' : 'dead';
  return /^\d/.test(expected) ? client.fate(stream) : client.error(stream);
}

async function run([, , script, expected, stream]: Row, client: RawHttp2): Promise<void> {
  try {
    if (typeof script === 'string') client.send(script);
    else await script(client);
    assert.equal(await outcome(client, expected, stream), expected);
  } finally {
    client.destroy();
  }
}

suite('HTTP/2 conformance', () => {
  const seen = new Set<string>();
  for (const row of rows) {
    const name = `${row[0]}: ${row[1]}`;
    test(seen.has(name) ? `${name} (again)` : name, async () => run(row, await RawHttp2.open(gateway.port)));
    seen.add(name);
  }
  for (const row of openings) {
    test(`${row[0]}: ${row[1]}`, async () => run(row, await RawHttp2.bare(gateway.port)));
  }
  test('there are at least 150 rows, and none caused an internal error', () => {
    assert.ok(rows.length + openings.length >= 150, String(rows.length + openings.length));
    assert.deepEqual(gateway.errors, []);
    // Reset streams leave incomplete requests behind.
    assert.deepEqual(
      backend.faults.filter((fault) => !fault.startsWith('ended in the middle')),
      [],
    );
  });
  test('4.1: the same byte by byte', async () => {
    const client = await RawHttp2.bare(gateway.port);
    const text =
      preface + settingsFrame([]) + headersFrames(1, block(pseudo('POST')), false, 7) + data(1, 'abc', true);
    for (const byte of text) client.socket.write(byte, 'latin1');
    assert.equal(await client.fate(1), '200');
    client.destroy();
  });
  test('7: a code for each error', () => {
    assert.equal(Object.keys(errorCodes).length, 14);
  });
});
