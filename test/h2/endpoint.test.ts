/** The rules for both ends of an HTTP/2 connection: order of frames, windows, replies to frames, and how many empty frames a peer may send. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { suite, type TestContext, test } from 'node:test';
import { emptyFrames, maxUnwritten } from '../../src/h2/bounds.ts';
import { Endpoint } from '../../src/h2/endpoint.ts';
import type { WholeBlock } from '../../src/h2/field-blocks.ts';
import type { PeerSettings } from '../../src/h2/read-settings.ts';
import { errorCodes, type Fault } from '../../src/wire/h2-faults.ts';
import {
  type Frame,
  flags,
  frameHead,
  frameTypes,
  goAwayFrame,
  headersFrames,
  maxWindow,
  pingFrame,
  rstStreamFrame,
  settingIds,
  settingsAck,
  settingsFrame,
  windowUpdateFrame,
} from '../../src/wire/h2-frames.ts';
import type { FieldBlock } from '../../src/wire/hpack-decoder.ts';
import { encodeStatus } from '../../src/wire/hpack-encoder.ts';
import { eventually } from '../support/eventually.ts';

const { protocolError, flowControlError, compressionError, enhanceYourCalm, frameSizeError } = errorCodes;
const window = 2000;
const frame = (type: number, flag: number, stream: number, payload = ''): string =>
  frameHead(payload.length, type, flag, stream) + payload;
const data = (stream: number, text: string, flag = 0): string => frame(frameTypes.data, flag, stream, text);
const ping = pingFrame('12345678', false);
const initialWindow = (bytes: number): string => settingsFrame([[settingIds.initialWindowSize, bytes]]);
/** A field that enters the dynamic table: literal with incremental indexing. */
const indexed = '\x40\x01a\x01b';
/** The first entry of the dynamic table. */
const first = '\xbe';

class Stream {
  window = 0;
  widen(change: number): boolean {
    this.window += change;
    return this.window <= maxWindow;
  }
}

/** Records the calls it gets. */
class Noting extends Endpoint<Stream> {
  readonly seen: string[] = [];
  override now = 0;

  constructor(socket: Socket) {
    super(socket, 4096, window, 0);
  }

  /** @returns the code of the first fault; null: none */
  read(text: string): number | null {
    let found: Fault | null = null;
    const fault = this.readFrames(Buffer.from(text, 'latin1'), (one) => {
      found = this.take(one);
      return found === null;
    });
    const whole = fault ?? (found as Fault | null);
    return whole === null ? null : whole.code;
  }
  add(id: number): Stream {
    const stream = new Stream();
    this.streams.add(id, stream);
    return stream;
  }
  told(): string[] {
    return this.seen.splice(0);
  }
  done(): void {
    this.answered();
  }
  pauseNow(): void {
    this.pauseIfUnread();
  }
  protected override onFields({ stream, endsStream, fault }: WholeBlock, { fields }: FieldBlock): null {
    this.seen.push(
      `fields ${stream} ${fields.join()}${endsStream ? ' end' : ''}${fault === null ? '' : ' fault'}`,
    );
    return null;
  }
  protected override onDataFrame({ stream, start, end, length }: Frame): null {
    this.seen.push(`data ${stream} ${end - start}/${length}`);
    return null;
  }
  protected override onRstStream({ stream }: Frame): null {
    this.seen.push(`reset ${stream}`);
    return null;
  }
  protected override onStreamWindow(stream: number, increment: number): null {
    this.seen.push(`window ${stream} ${increment}`);
    return null;
  }
  protected override onGoAway(lastStream: number): void {
    this.seen.push(`goaway ${lastStream}`);
  }
  protected override onSettings({ initialWindow: size, maxStreams }: PeerSettings): void {
    this.seen.push(`settings ${size} ${maxStreams}`);
  }
  protected override onPong(payload: string): void {
    this.seen.push(`pong ${payload}`);
  }
}

async function endpoint(t: TestContext, { greeted = true } = {}) {
  const server = createServer();
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const peer = connect((server.address() as AddressInfo).port, '127.0.0.1');
  const [socket] = (await once(server, 'connection')) as [Socket];
  t.after(() => {
    peer.destroy();
    socket.destroy();
    server.close();
  });
  const end = new Noting(socket);
  let text = '';
  peer.on('data', (bytes: Buffer) => {
    text += bytes.toString('latin1');
  });
  /** Waits until the peer has received exactly this since it was last asked. */
  const wrote = async (expected: string): Promise<void> => {
    end.output.put(ping);
    await eventually(() => text.endsWith(ping), 'it is written', 20_000);
    assert.equal(text.slice(0, -ping.length), expected);
    text = '';
  };
  if (greeted) {
    assert.equal(end.read(settingsFrame([])), null);
    await wrote(settingsAck);
    end.told();
  }
  return { end, peer, socket, wrote };
}

suite('the first frame of a peer', () => {
  for (const [what, bytes, code] of [
    ['SETTINGS', settingsFrame([]), null],
    ['an acknowledgement of SETTINGS', settingsAck, protocolError],
    ['PING', ping, protocolError],
    ['a frame of an unknown type', frame(0x21, 0, 0), protocolError],
    ['SETTINGS of a wrong size', frame(frameTypes.settings, 0, 0, 'x'), frameSizeError],
  ] as const)
    test(`${what}: ${code === null ? 'is taken' : `fault ${code}`}`, async (t) => {
      const { end } = await endpoint(t, { greeted: false });
      assert.equal(end.read(bytes), code);
      assert.equal(end.read(ping), code === protocolError ? code : null, 'the next one');
    });
});

suite('a field block', () => {
  const open = frame(frameTypes.headers, flags.endStream, 1, encodeStatus(200));
  test('is complete with END_HEADERS, in one frame or in several', async (t) => {
    const { end } = await endpoint(t);
    assert.equal(end.read(headersFrames(1, encodeStatus(200), true, 16_384)), null);
    assert.equal(end.read(open), null);
    assert.deepEqual(end.told(), ['fields 1 :status,200 end']);
    assert.equal(end.read(frame(frameTypes.continuation, 0, 1, indexed)), null);
    assert.deepEqual(end.told(), []);
    assert.equal(end.read(frame(frameTypes.continuation, flags.endHeaders, 1, first)), null);
    assert.deepEqual(end.told(), ['fields 1 :status,200,a,b,a,b end']);
    assert.equal(end.read(ping), null);
  });

  for (const [what, bytes] of [
    ['PING', ping],
    ['DATA of its stream', data(1, 'x')],
    ['another HEADERS', headersFrames(1, encodeStatus(200), true, 16_384)],
    ['a frame of an unknown type', frame(0x21, 0, 1)],
    ['CONTINUATION of another stream', frame(frameTypes.continuation, flags.endHeaders, 3)],
  ] as const)
    test(`must not be interrupted by ${what}`, async (t) => {
      const { end } = await endpoint(t);
      assert.equal(end.read(open), null);
      assert.equal(end.read(bytes), protocolError);
      assert.deepEqual(end.told(), []);
    });

  test('that was not begun must not be continued', async (t) => {
    const { end } = await endpoint(t);
    assert.equal(
      end.read(frame(frameTypes.continuation, flags.endHeaders, 1, encodeStatus(200))),
      protocolError,
    );
  });

  test('of a faulty stream is decoded too, since the next block refers to it', async (t) => {
    const { end } = await endpoint(t);
    const itself = `\0\0\0\x03\0${indexed}`;
    assert.equal(end.read(frame(frameTypes.headers, flags.endHeaders | flags.priority, 3, itself)), null);
    assert.equal(end.read(frame(frameTypes.headers, flags.endHeaders, 5, first)), null);
    assert.deepEqual(end.told(), ['fields 3 a,b fault', 'fields 5 a,b']);
  });

  test('on stream 0 ends the connection, decoded or not', async (t) => {
    const { end } = await endpoint(t);
    assert.equal(end.read(frame(frameTypes.headers, flags.endHeaders, 0, indexed)), protocolError);
    assert.deepEqual(end.told(), []);
  });

  test('that is not valid HPACK ends the connection', async (t) => {
    const { end } = await endpoint(t);
    assert.equal(end.read(frame(frameTypes.headers, flags.endHeaders, 1, first)), compressionError);
    assert.deepEqual(end.told(), []);
  });
});

suite('a frame', () => {
  test('is passed to its stream or to the connection', async (t) => {
    const { end } = await endpoint(t);
    const frames = [
      data(1, 'abc', flags.endStream),
      frame(frameTypes.data, flags.padded, 1, '\x02a\0\0'),
      rstStreamFrame(3, 8),
      windowUpdateFrame(5, 7),
      goAwayFrame(9, 0, 'bye'),
      pingFrame('abcdefgh', true),
      settingsFrame([[settingIds.maxConcurrentStreams, 4]]),
      initialWindow(6),
      frame(frameTypes.priority, 0, 1, '\0\0\0\0\0'),
      frame(0x21, 0xff, 1, 'anything'),
    ];
    for (const one of frames) assert.equal(end.read(one), null);
    assert.deepEqual(end.told(), [
      'data 1 3/3',
      'data 1 1/4',
      'reset 3',
      'window 5 7',
      'goaway 9',
      'pong abcdefgh',
      'settings null 4',
      'settings 6 null',
    ]);
  });

  test('PING is acknowledged with its payload, an acknowledgement is not', async (t) => {
    const { end, wrote } = await endpoint(t);
    assert.equal(end.read(pingFrame('abcdefgh', false) + pingFrame('zyxwvuts', true)), null);
    await wrote(pingFrame('abcdefgh', true));
    assert.deepEqual(end.told(), ['pong zyxwvuts']);
  });

  test('that breaks the protocol is not processed', async (t) => {
    const { end } = await endpoint(t);
    assert.equal(end.read(rstStreamFrame(0, 8)), protocolError);
    assert.equal(end.read(frame(frameTypes.pushPromise, flags.endHeaders, 1)), protocolError);
    assert.equal(end.read(frame(frameTypes.ping, 0, 0, '1')), frameSizeError);
    assert.deepEqual(end.told(), []);
  });
});

suite('SETTINGS', () => {
  test('are acknowledged, their acknowledgement is not', async (t) => {
    const { end, wrote } = await endpoint(t);
    assert.equal(end.read(settingsFrame([[settingIds.enablePush, 1]]) + settingsAck), null);
    await wrote(settingsAck);
    assert.deepEqual(end.told(), ['settings null null']);
  });

  test('change the window of every open stream by the difference', async (t) => {
    const { end } = await endpoint(t);
    const [one, two] = [end.add(1), end.add(3)];
    assert.equal(end.read(initialWindow(65_540)), null);
    assert.deepEqual([one.window, two.window, end.initialWindow], [5, 5, 65_540]);
    assert.equal(end.read(initialWindow(0)), null);
    assert.deepEqual([one.window, two.window, end.initialWindow], [-65_535, -65_535, 0]);
    assert.equal(end.read(settingsFrame([])), null);
    assert.equal(one.window, -65_535);
  });

  test('that make the window of one stream too large end the connection', async (t) => {
    const { end } = await endpoint(t);
    const [one, two] = [end.add(1), end.add(3)];
    one.window = maxWindow;
    assert.equal(end.read(initialWindow(65_536)), flowControlError);
    assert.equal(two.window, 1, 'each stream is told');
    assert.deepEqual(end.told(), []);
  });

  test('that are not allowed are not acknowledged', async (t) => {
    const { end, wrote } = await endpoint(t);
    assert.equal(end.read(settingsFrame([[settingIds.enablePush, 2]])), protocolError);
    await wrote('');
  });
});

suite('the window of the connection', () => {
  test('of the peer is enforced to the byte, padding included', async (t) => {
    const { end } = await endpoint(t);
    assert.equal(end.read(frame(frameTypes.data, flags.padded, 1, `\x09${'\0'.repeat(9)}`)), null);
    assert.equal(end.read(data(1, 'x'.repeat(window - 10))), null);
    assert.equal(end.read(data(1, 'x')), flowControlError);
    assert.deepEqual(end.told(), ['data 1 0/10', `data 1 ${window - 10}/${window - 10}`]);
  });

  test('is announced again once half of it is given back', async (t) => {
    const { end, wrote } = await endpoint(t);
    assert.equal(end.read(data(1, 'x'.repeat(window))), null);
    end.give(window / 2 - 1);
    await wrote('');
    end.give(1);
    await wrote(windowUpdateFrame(0, window / 2));
    assert.equal(end.read(data(1, 'x'.repeat(window / 2)) + data(1, 'x')), flowControlError);
  });

  test('of our own grows to 2^31-1 and no further', async (t) => {
    const { end } = await endpoint(t);
    assert.equal(end.read(windowUpdateFrame(0, maxWindow - 65_535)), null);
    assert.equal(end.output.window, maxWindow);
    assert.equal(end.read(windowUpdateFrame(0, 1)), flowControlError);
  });
});

suite('frames that carry nothing', () => {
  for (const [what, bytes] of [
    ['PING', ping],
    ['SETTINGS', settingsFrame([])],
    ['WINDOW_UPDATE', windowUpdateFrame(1, 1)],
    ['PRIORITY', frame(frameTypes.priority, 0, 1, '\0\0\0\0\0')],
    ['empty DATA', data(1, '')],
    ['DATA of padding alone', frame(frameTypes.data, flags.padded, 1, '\0')],
    ['frames of an unknown type', frame(0x21, 0, 1)],
  ] as const)
    test(`are bounded in number: ${what}`, async (t) => {
      const { end } = await endpoint(t);
      // The greeting was one.
      let taken = 1;
      while (taken < 2 * emptyFrames.burst && end.read(bytes) === null) taken++;
      assert.equal(taken, emptyFrames.burst);
      assert.equal(end.read(bytes), enhanceYourCalm);
    });

  test('are not the end of a body, or a body', async (t) => {
    const { end } = await endpoint(t);
    while (end.read(ping) === null);
    assert.equal(end.read(data(1, '', flags.endStream) + data(1, 'x') + rstStreamFrame(1, 0)), null);
  });

  test('are allowed again with time, with answers, and with data sent', async (t) => {
    const { end } = await endpoint(t);
    const allowed = (): number => {
      let taken = 0;
      while (end.read(ping) === null) taken++;
      return taken;
    };
    assert.equal(allowed(), emptyFrames.burst - 1);
    end.now += 50;
    assert.equal(allowed(), emptyFrames.perSecond / 20);
    end.done();
    assert.equal(allowed(), emptyFrames.perAnswer);
    // A piece that is written at once.
    end.output.sentAtOnce(4096);
    assert.equal(allowed(), 4 + emptyFrames.perPiece);
  });
});

suite('a peer that does not read', () => {
  test('is not read from until it reads', async (t) => {
    const { end, peer, socket } = await endpoint(t);
    peer.pause();
    socket.resume();
    end.output.put('x'.repeat(maxUnwritten));
    end.pauseNow();
    assert.equal(socket.isPaused(), false);
    // Much more than the system buffers for a connection.
    end.output.put('x'.repeat(64 * 1024 * 1024));
    end.output.flush();
    end.pauseNow();
    assert.equal(socket.isPaused(), true);
    peer.removeAllListeners('data').resume();
    await eventually(() => !socket.isPaused(), 'it is read again', 20_000);
  });
});
