/** An HTTP/2 connection to a backend: how many exchanges it takes, how it ends, and what a broken frame costs. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { StreamConnection } from '../../src/forward/stream-connection.ts';
import {
  backendConnectionWindow,
  backendStreamWindow,
  emptyFrames,
  maxBackendStreams,
} from '../../src/h2/bounds.ts';
import { errorCodes } from '../../src/wire/h2-faults.ts';
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
import { encodeStatus } from '../../src/wire/hpack-encoder.ts';
import { eventually } from '../support/eventually.ts';
import { freePort } from '../support/free-port.ts';
import { data, head, post, streamPeer } from './stream-peer.ts';

const { noError, protocolError, flowControlError, enhanceYourCalm, streamClosed } = errorCodes;
type Peer = Awaited<ReturnType<typeof streamPeer>>;

/** The GOAWAY frames so far: last stream and code. */
const farewells = ({ got }: Peer): number[][] =>
  got
    .filter(({ type }) => type === frameTypes.goAway)
    .map(({ payload }) => {
      const bytes = Buffer.from(payload, 'latin1');
      return [bytes.readUInt32BE(0), bytes.readUInt32BE(4)];
    });
const over = async (peer: Peer): Promise<void> => {
  await eventually(() => peer.told.some((what) => what.startsWith('gone')), 'it is over', 20_000);
  await peer.ended;
};
const most = (streams: number): string => settingsFrame([[settingIds.maxConcurrentStreams, streams]]);

suite('the room of a connection', () => {
  test('is that of the backend, up to a bound of our own', async (t) => {
    const { connection, say, ask, told } = await streamPeer(t);
    assert.equal(connection.room, maxBackendStreams);
    for (const [streams, room] of [
      [7, 7],
      [maxBackendStreams + 1, maxBackendStreams],
      [0xffffffff, maxBackendStreams],
      [2, 2],
    ] as const) {
      await say(most(streams));
      assert.deepEqual([connection.room, told.at(-1)], [room, 'room 0']);
    }
    ask();
    assert.deepEqual([connection.room, connection.load], [1, 1]);
    ask();
    assert.equal(connection.room, 0);
    await say(most(1));
    assert.equal(connection.room, 0, 'the backend may allow less than is under way');
    await say(settingsFrame([[settingIds.initialWindowSize, 1]]));
    assert.equal(connection.room, 0, 'SETTINGS without a limit change none');
  });

  test('is none before the SETTINGS of the backend, and none once it drains', async (t) => {
    const { connection, say, socket, told } = await streamPeer(t, '');
    assert.deepEqual([connection.room, connection.connecting, connection.refuses], [0, true, false]);
    socket.write(most(3), 'latin1');
    await say();
    assert.deepEqual([connection.room, connection.connecting, told], [3, false, ['ready']]);
    connection.leave();
    assert.equal(connection.room, 0);
  });

  test('is refused where the backend allows no stream and none is under way', async (t) => {
    const { connection, say, ask } = await streamPeer(t);
    ask();
    await say(most(0));
    assert.equal(connection.refuses, false);
    await say(head(1, true));
    assert.equal(connection.refuses, true);
  });

  test('is free again when the client of an exchange knows of its end', async (t) => {
    const { connection, say, ask, told, clock } = await streamPeer(t);
    const rooms: number[] = [];
    const one = ask();
    one.onHead = () => rooms.push(told.length);
    clock.now = 77;
    const before = told.length;
    await say(head(1, true));
    assert.deepEqual([rooms, told.slice(before)], [[before], ['room 0']]);
    assert.deepEqual([connection.carried, connection.idleSince, connection.load], [1, 77, 0]);
  });
});

test('each answer allows some more frames that carry nothing', async (t) => {
  const { ask, say, told } = await streamPeer(t);
  const answers = 20;
  for (let i = 0; i < answers; i++) ask();
  await say(Array.from({ length: answers }, (_, i) => head(2 * i + 1, true)).join(''));
  await say(pingFrame('abcdefgh', false).repeat(emptyFrames.burst + (answers - 1) * emptyFrames.perAnswer));
  assert.equal(told.includes('gone'), false);
});

suite('a connection that ends', () => {
  test('takes no exchanges, finishes those under way, and says GOAWAY once', async (t) => {
    const peer = await streamPeer(t);
    const { connection, ask, say, told } = peer;
    const [one, two] = [ask(), ask()];
    connection.leave();
    connection.leave();
    await say(head(1, true));
    assert.deepEqual([one.seen.at(-1), farewells(peer), told.includes('gone')], ['200 whole', [], false]);
    await say(head(3, true));
    await over(peer);
    assert.deepEqual([two.seen.at(-1), farewells(peer)], ['200 whole', [[0, noError]]]);
    assert.equal(told.filter((what) => what === 'gone').length, 1);
  });

  test('ends with an exchange whose client leaves', async (t) => {
    const peer = await streamPeer(t);
    const one = peer.ask();
    peer.connection.leave();
    one.exchange.destroy();
    await over(peer);
    assert.deepEqual(farewells(peer), [[0, noError]]);
  });

  test('without an exchange ends at once', async (t) => {
    const peer = await streamPeer(t);
    peer.connection.leave();
    assert.equal(peer.told.at(-1), 'gone');
    await over(peer);
    assert.deepEqual(farewells(peer), [[0, noError]]);
  });

  test('is not ended while it is being made', async (t) => {
    const { connection, say, socket, told } = await streamPeer(t, '');
    connection.leave();
    socket.write(settingsFrame([]), 'latin1');
    await say();
    assert.deepEqual(told, ['ready']);
  });

  test('is destroyed without a word', async (t) => {
    const peer = await streamPeer(t);
    const one = peer.ask();
    const before = peer.told.length;
    peer.connection.destroy();
    await peer.ended;
    peer.connection.leave();
    peer.connection.checkDeadlines();
    assert.deepEqual([one.seen, peer.told.length, farewells(peer)], [['ready'], before, []]);
  });
});

suite('GOAWAY of the backend', () => {
  test('fails what it did not process, as unsent, and lets the rest go on', async (t) => {
    const peer = await streamPeer(t);
    const { ask, say, told, connection } = peer;
    const [one, two, three] = [ask(), ask(), ask()];
    await say(goAwayFrame(1, noError, ''));
    assert.deepEqual([one.error, connection.load, connection.room], [null, 1, 0]);
    for (const { error } of [two, three])
      assert.deepEqual([error!.status, error!.unsent, error!.drained], [503, true, true]);
    assert.deepEqual([told.includes('gone'), connection.carried], [false, 0]);
    await say(head(1) + data(1, 'a', true));
    await over(peer);
    assert.deepEqual(one.seen.slice(1), ['200', 'a', 'end ']);
    assert.deepEqual(farewells(peer), [[0, noError]]);
  });

  test('twice: the second may name an earlier stream', async (t) => {
    const peer = await streamPeer(t);
    const [one, two] = [peer.ask(), peer.ask()];
    await peer.say(goAwayFrame(0x7fffffff, noError, ''));
    assert.deepEqual([one.error, two.error, peer.connection.room], [null, null, 0]);
    await peer.say(goAwayFrame(1, noError, ''));
    assert.deepEqual([one.error, two.error?.drained], [null, true]);
  });

  test('of an idle connection ends it, and what waits for room is told', async (t) => {
    const peer = await streamPeer(t);
    await peer.say(goAwayFrame(0, noError, ''));
    await over(peer);
    assert.deepEqual(peer.told, ['ready', 'gone', 'room 0']);
  });
});

suite('a connection that the backend closes', () => {
  for (const [what, carried, answered, expected] of [
    ['its first request: it may have been processed', false, false, [false, false]],
    ['a request on a used connection: most likely the close crossed it', true, false, [false, true]],
    ['an answer on a used connection', true, true, [false, false]],
  ] as const)
    test(`during ${what}`, async (t) => {
      const peer = await streamPeer(t);
      const { ask, say, socket } = peer;
      if (carried) {
        ask();
        await say(head(1, true));
      }
      const one = ask();
      if (answered) await say(head(3));
      else await say();
      socket.end();
      await over(peer);
      assert.match(one.error!.message, /closed the connection$/);
      assert.deepEqual([one.error!.status, one.error!.unsent, one.error!.retryable], [502, ...expected]);
      assert.deepEqual([one.seen.at(-1), peer.told.includes('gone')], ['failure 502', true]);
    });

  test('before its SETTINGS: it never became ready', async (t) => {
    const peer = await streamPeer(t, '');
    peer.socket.end();
    await over(peer);
    assert.match(peer.told.join(), /^gone: .*closed the connection$/);
  });

  test('without a listener: it accepts no connection', async (t) => {
    const told: unknown[] = [];
    const connection = new StreamConnection(
      { kind: 'tcp', host: '127.0.0.1', port: await freePort() },
      { connect: 1000, headers: 1000, body: 1000 },
      { now: 0 },
      { onReady() {}, onRoom() {}, onGone: (_, error) => told.push(error) },
    );
    t.after(() => connection.destroy());
    await eventually(() => told.length > 0, 'it fails', 20_000);
    const [error] = told as { message: string; unsent: boolean; status: number; cause: unknown }[];
    assert.match(error!.message, /accepts no connection: connect ECONNREFUSED/);
    assert.deepEqual([error!.unsent, error!.status, error!.cause instanceof Error], [true, 502, true]);
  });
});

suite('the deadline of a connection', () => {
  test('until its SETTINGS', async (t) => {
    const peer = await streamPeer(t, '');
    peer.clock.now = 999;
    peer.connection.checkDeadlines();
    assert.deepEqual(peer.told, []);
    peer.clock.now = 1000;
    peer.connection.checkDeadlines();
    assert.match(peer.told.join(), /^gone: .*did not accept a connection in time$/);
    await peer.ended;
  });

  test('of a field block', async (t) => {
    const peer = await streamPeer(t);
    const { ask, socket, connection, clock } = peer;
    const [one, two] = [ask(), ask()];
    await peer.say(head(3));
    clock.now = 500;
    socket.write(frameHead(1, frameTypes.headers, 0, 1) + encodeStatus(200), 'latin1');
    // DATA of an open stream in the midst of a block would be a fault: nothing else can tell that the block has arrived.
    await eventually(() => socket.bytesWritten === connection.socket.bytesRead, 'the block is read', 20_000);
    clock.now = 1999;
    connection.checkDeadlines();
    assert.equal(one.error, null);
    clock.now = 2500;
    connection.checkDeadlines();
    assert.match(one.error!.message, /sends a field block that does not end/);
    assert.equal(two.seen.at(-1), 'failure 502');
    await over(peer);
  });
});

test('what a connection begins with', async (t) => {
  const { got, say } = await streamPeer(t);
  await say();
  const [settings, window] = got;
  const bytes = Buffer.from(settings!.payload, 'latin1');
  const found = new Map<number, number>();
  for (let at = 0; at < bytes.length; at += 6) found.set(bytes.readUInt16BE(at), bytes.readUInt32BE(at + 2));
  assert.deepEqual(
    [...found],
    [
      [settingIds.enablePush, 0],
      [settingIds.initialWindowSize, backendStreamWindow],
      [settingIds.maxHeaderListSize, 65_536],
    ],
  );
  assert.deepEqual([window!.type, window!.stream], [frameTypes.windowUpdate, 0]);
  assert.equal(Buffer.from(window!.payload, 'latin1').readUInt32BE(0) + 65_535, backendConnectionWindow);
});

suite('a frame', () => {
  const rows: readonly (readonly [what: string, frames: string, code: number])[] = [
    ['DATA on a stream that was not opened', data(5, 'x'), protocolError],
    ['DATA on a stream of the backend', data(2, 'x'), protocolError],
    ['a head on a stream that was not opened', head(5, true), protocolError],
    ['RST_STREAM on a stream that was not opened', rstStreamFrame(5, 0), protocolError],
    ['WINDOW_UPDATE on a stream that was not opened', windowUpdateFrame(5, 1), protocolError],
    ['a window of 0 on a stream that was not opened', windowUpdateFrame(5, 0), protocolError],
    ['a window over 2^31-1 on the connection', windowUpdateFrame(0, 0x7fffffff), flowControlError],
    ['a frame of the wrong size', frameHead(5, frameTypes.ping, 0, 0) + '12345', errorCodes.frameSizeError],
    ['too many resets', rstStreamFrame(1, 0).repeat(emptyFrames.burst + 100), enhanceYourCalm],
  ];
  for (const [what, frames, code] of rows)
    test(`that is at fault (${what}) ends the connection with its code`, async (t) => {
      const peer = await streamPeer(t);
      const { ask, say, told } = peer;
      const [one, two] = [ask(), ask()];
      one.exchange.destroy();
      await say(frames);
      await over(peer);
      assert.deepEqual(farewells(peer), [[0, code]]);
      assert.match(two.error!.message, / sent /);
      assert.deepEqual([two.error!.status, two.error!.unsent, told.includes('gone')], [502, false, true]);
    });

  test('that is no HTTP/2 at the very beginning: the message says what to write', async (t) => {
    const peer = await streamPeer(t, 'HTTP/1.1 400 Bad Request\r\n\r\n');
    await over(peer);
    assert.match(peer.told.join(), /^gone: .*does not speak HTTP\/2: write http:\/\/ or https:\/\/ for it$/);
  });

  for (const [what, frames, code] of [
    ['a window of 0', windowUpdateFrame(1, 0), protocolError],
    ['a window over 2^31-1', windowUpdateFrame(1, 0x7fffffff), flowControlError],
    [
      'a head that depends on its own stream',
      frameHead(6, frameTypes.headers, flags.endHeaders | flags.priority, 1) + '\0\0\0\x01\0\x88',
      protocolError,
    ],
  ] as const)
    test(`that is at fault for one stream (${what}) resets that stream alone`, async (t) => {
      const { ask, say, resets, told } = await streamPeer(t);
      const [one, two] = [ask(post('a', false)), ask()];
      await say(frames);
      assert.deepEqual([one.error?.status, resets(1), told.includes('gone')], [502, [code], false]);
      await say(head(3, true));
      assert.equal(two.seen.at(-1), '200 whole');
    });

  test('on a stream that has ended is ignored: the backend may have sent it before it knew', async (t) => {
    const { ask, say, resets, connection, told } = await streamPeer(t);
    const one = ask();
    one.exchange.destroy();
    const before = told.length;
    await say(
      head(1) +
        data(1, 'x') +
        windowUpdateFrame(1, 1) +
        windowUpdateFrame(1, 0) +
        headersFrames(1, encodeStatus(200), true, 16_384),
      rstStreamFrame(1, streamClosed),
    );
    assert.deepEqual([resets(1), told.length, connection.load], [[errorCodes.cancel], before, 0]);
    const two = ask();
    await say(head(3, true));
    assert.equal(two.seen.at(-1), '200 whole');
  });

  test('of a stream that has ended goes on filling and emptying the window of the connection', async (t) => {
    const { ask, say, updates } = await streamPeer(t);
    ask().exchange.destroy();
    await say();
    const [first] = updates(0);
    const piece = data(1, 'x'.repeat(16_384));
    const frames = backendConnectionWindow / 2 / 16_384;
    await say(piece.repeat(frames - 1));
    assert.deepEqual(updates(0), [first]);
    await say(piece);
    assert.deepEqual(updates(0), [first, backendConnectionWindow / 2]);
  });
});
