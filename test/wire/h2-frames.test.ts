/** HTTP/2 frames, each by itself: RFC 9113 sections 4 and 6. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import fc from 'fast-check';
import { errorCodes } from '../../src/wire/h2-faults.ts';
import {
  checkFrame,
  type Frame,
  FrameReader,
  frameHead,
  goAwayFrame,
  headersFrames,
  pingFrame,
  rstStreamFrame,
  settingsAck,
  settingsFrame,
  windowUpdateFrame,
} from '../../src/wire/h2-frames.ts';

const hex = (text: string): string => Buffer.from(text, 'latin1').toString('hex');

function framesOf(pieces: readonly Buffer[]): { frames: string[]; fault: string | undefined } {
  const reader = new FrameReader();
  const frames: string[] = [];
  for (const piece of pieces) {
    const fault = reader.read(piece, ({ type, flags, stream, bytes, start, end }: Frame) => {
      const payload = bytes.toString('hex', start, end);
      const before = frames.at(-1)?.split(' ') ?? [];
      // DATA that arrives in pieces may be emitted in pieces.
      if (type === 0 && before[0] === '0' && before[2] === String(stream) && before[3] !== '')
        frames[frames.length - 1] = `0 ${flags} ${stream} ${before[3]}${payload}`;
      else frames.push(`${type} ${flags} ${stream} ${payload}`);
      return true;
    });
    if (fault !== null) return { frames, fault: fault.why };
  }
  return { frames, fault: undefined };
}

/** The fault of a frame of these bytes, and its payload. */
function checked(type: number, flags: number, stream: number, payload: string) {
  const bytes = Buffer.from(payload.replaceAll(' ', ''), 'hex');
  let found: { code: number; stream: boolean } | null = null;
  let left = '';
  new FrameReader().read(
    Buffer.concat([Buffer.from(frameHead(bytes.length, type, flags, stream), 'latin1'), bytes]),
    (frame) => {
      const fault = checkFrame(frame);
      found = fault === null ? null : { code: fault.code, stream: fault.stream };
      left = frame.bytes.toString('hex', frame.start, frame.end);
      return true;
    },
  );
  return { found, left };
}

suite('HTTP/2 frames: each by itself', () => {
  const { protocolError, frameSizeError } = errorCodes;
  const connection = (code: number) => ({ code, stream: false });
  const stream = (code: number) => ({ code, stream: true });
  const rows: readonly (readonly [
    section: string,
    what: string,
    type: number,
    flags: number,
    id: number,
    payload: string,
    fault: object | null,
    left?: string,
  ])[] = [
    ['6.1', 'DATA', 0, 0, 1, 'aabb', null, 'aabb'],
    ['6.1', 'DATA on stream 0', 0, 0, 0, 'aabb', connection(protocolError)],
    ['6.1', 'padded DATA', 0, 8, 1, '02 aabb 0000', null, 'aabb'],
    ['6.1', 'DATA that is all padding', 0, 8, 1, '02 0000', null, ''],
    ['6.1', 'more padding than payload', 0, 8, 1, '03 0000', connection(protocolError)],
    ['6.1', 'padded without a pad length', 0, 8, 1, '', connection(frameSizeError)],
    ['6.2', 'HEADERS on stream 0', 1, 4, 0, '82', connection(protocolError)],
    ['6.2', 'HEADERS, padded and with priority', 1, 0x2c, 3, '01 00000000 0f 82 00', null, '82'],
    ['6.2', 'HEADERS too short for its priority', 1, 0x24, 3, '00000000', connection(frameSizeError)],
    ['6.2', 'more padding than block', 1, 0xc, 3, '0282', connection(protocolError)],
    [
      '5.3',
      'HEADERS of a stream that depends on itself',
      1,
      0x24,
      3,
      '80000003 0f 82',
      stream(protocolError),
      '82',
    ],
    ['6.3', 'PRIORITY', 2, 0, 3, '00000001 0f', null],
    ['6.3', 'PRIORITY on stream 0', 2, 0, 0, '00000001 0f', connection(protocolError)],
    ['6.3', 'PRIORITY of a size other than 5', 2, 0, 3, '00000001', stream(frameSizeError)],
    ['5.3', 'PRIORITY of a stream on itself', 2, 0, 3, '00000003 0f', stream(protocolError)],
    ['6.4', 'RST_STREAM on stream 0', 3, 0, 0, '00000008', connection(protocolError)],
    ['6.4', 'RST_STREAM of a size other than 4', 3, 0, 1, '000008', connection(frameSizeError)],
    ['6.5', 'SETTINGS on a stream', 4, 0, 1, '', connection(protocolError)],
    ['6.5', 'SETTINGS of a size that is no multiple of 6', 4, 0, 0, '0003000000', connection(frameSizeError)],
    ['6.5', 'an acknowledgement with settings', 4, 1, 0, '000300000001', connection(frameSizeError)],
    ['6.6', 'PUSH_PROMISE', 5, 4, 1, '00000002 82', connection(protocolError)],
    ['6.7', 'PING on a stream', 6, 0, 1, '0000000000000000', connection(protocolError)],
    ['6.7', 'PING of a size other than 8', 6, 0, 0, '00000000', connection(frameSizeError)],
    ['6.8', 'GOAWAY on a stream', 7, 0, 1, '0000000000000000', connection(protocolError)],
    ['6.8', 'GOAWAY that is too short', 7, 0, 0, '00000000', connection(frameSizeError)],
    ['6.9', 'WINDOW_UPDATE of 0 on a stream', 8, 0, 1, '00000000', stream(protocolError)],
    ['6.9', 'WINDOW_UPDATE of 0 on the connection', 8, 0, 0, '80000000', connection(protocolError)],
    ['6.9', 'WINDOW_UPDATE of a size other than 4', 8, 0, 1, '000001', connection(frameSizeError)],
    ['6.10', 'CONTINUATION on stream 0', 9, 4, 0, '82', connection(protocolError)],
    ['5.5', 'a frame of an unknown type', 0x16, 0xff, 0, 'aabb', null],
  ];
  for (const [section, what, type, flags, id, payload, fault, left] of rows) {
    test(`${section}: ${what}`, () => {
      const got = checked(type, flags, id, payload);
      assert.deepEqual(got.found, fault);
      if (left !== undefined) assert.equal(got.left, left);
    });
  }

  test('4.2: a frame longer than announced', () => {
    const { frames, fault } = framesOf([Buffer.from(frameHead(16_385, 0, 0, 1), 'latin1')]);
    assert.deepEqual(frames, []);
    assert.match(fault ?? '', /longer/);
  });
});

suite('HTTP/2 frames: a stream of bytes', () => {
  const bytes = Buffer.from(
    settingsFrame([[3, 100]]) +
      settingsAck +
      headersFrames(1, '\x82\x84', true, 16_384) +
      pingFrame('12345678', false) +
      frameHead(5, 0, 1, 1) +
      'hello' +
      goAwayFrame(1, 0, ''),
    'latin1',
  );
  const whole = framesOf([bytes]);

  test('any split gives the same frames', () => {
    assert.equal(whole.frames.length, 6);
    for (let at = 0; at <= bytes.length; at++)
      assert.deepEqual(framesOf([bytes.subarray(0, at), bytes.subarray(at)]), whole, `cut at ${at}`);
    assert.deepEqual(framesOf([...bytes].map((byte) => Buffer.of(byte))), whole);
  });

  test('the highest bit of a stream is ignored (section 4.1)', () => {
    assert.deepEqual(framesOf([Buffer.from('000000040080000001', 'hex')]).frames, ['4 0 1 ']);
  });

  test('no bytes make the reader throw', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (any) => {
        new FrameReader().read(Buffer.from(any), (frame) => checkFrame(frame) === null);
      }),
    );
  });
});

suite('HTTP/2 frames: written', () => {
  test('each by its bytes', () => {
    assert.equal(hex(settingsFrame([[4, 0x1_0000]])), '000006040000000000' + '000400010000');
    assert.equal(hex(settingsAck), '000000040100000000');
    assert.equal(hex(rstStreamFrame(3, 8)), '000004030000000003' + '00000008');
    assert.equal(hex(windowUpdateFrame(0, 0x7fff_ffff)), '000004080000000000' + '7fffffff');
    assert.equal(hex(pingFrame('abcdefgh', true)), '000008060100000000' + hex('abcdefgh'));
    assert.equal(
      hex(goAwayFrame(7, 11, 'calm')),
      '00000c070000000000' + '00000007' + '0000000b' + hex('calm'),
    );
  });

  test('a block longer than a frame continues in CONTINUATION', () => {
    const { frames } = framesOf([Buffer.from(headersFrames(5, 'abcde', true, 2), 'latin1')]);
    assert.deepEqual(frames, ['1 1 5 6162', '9 0 5 6364', '9 4 5 65']);
  });
});
