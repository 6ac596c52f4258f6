/** Answers on a stream of an HTTP/2 backend that come faster than their client reads: what is held, in which order, and how much. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { backendStreamWindow } from '../../src/h2/bounds.ts';
import { errorCodes } from '../../src/wire/h2-faults.ts';
import {
  flags,
  frameHead,
  frameTypes,
  goAwayFrame,
  rstStreamFrame,
  settingIds,
  settingsFrame,
  windowUpdateFrame,
} from '../../src/wire/h2-frames.ts';
import { encodeField } from '../../src/wire/hpack-encoder.ts';
import { eventually } from '../support/eventually.ts';
import { data, head, headersOnly, post, socketClosed, streamPeer } from './stream-peer.ts';

const { noError, protocolError, flowControlError, cancel } = errorCodes;

suite('an answer for a client that does not read', () => {
  test('is held in order, and goes on where the client reads', async (t) => {
    const { ask, say } = await streamPeer(t);
    const one = ask();
    one.exchange.pause();
    await say(head(1) + data(1, 'a') + data(1, 'b'));
    assert.deepEqual(one.seen, ['ready', '200']);
    // Takes one piece at a time.
    one.onPiece = () => one.exchange.pause();
    one.exchange.resume();
    assert.deepEqual(one.seen.slice(2), ['a']);
    await say(data(1, 'c', true));
    one.exchange.resume();
    one.exchange.resume();
    assert.deepEqual(one.seen.slice(2), ['a', 'b', 'c', 'end ']);
  });

  test('that comes while something is held does not overtake it', async (t) => {
    const { ask, say } = await streamPeer(t);
    const one = ask();
    one.exchange.pause();
    await say(head(1) + data(1, 'a') + data(1, 'b'));
    let once = true;
    one.onPiece = () => {
      if (once) one.exchange.pause();
      once = false;
    };
    one.exchange.resume();
    await say(data(1, 'c', true));
    assert.deepEqual(one.seen.slice(2), ['a']);
    one.exchange.resume();
    assert.deepEqual(one.seen.slice(2), ['a', 'b', 'c', 'end ']);
  });

  test('keeps its trailers until it is read', async (t) => {
    const { ask, say, resets, connection } = await streamPeer(t);
    const one = ask();
    one.exchange.pause();
    await say(head(1) + data(1, 'a') + headersOnly(1, encodeField('x-sum', '1')));
    assert.deepEqual([one.seen, connection.load], [['ready', '200'], 1]);
    one.exchange.resume();
    assert.deepEqual([one.seen.slice(2), connection.load], [['a', 'end x-sum,1'], 0]);
    await say();
    assert.deepEqual(resets(1), []);
  });

  for (const [what, frames] of [
    ['DATA', data(1, 'b')],
    ['fields', headersOnly(1, encodeField('x-sum', '1'))],
  ] as const)
    test(`is cut by ${what} after its end`, async (t) => {
      const { ask, say, resets } = await streamPeer(t);
      const one = ask();
      one.exchange.pause();
      await say(head(1) + data(1, 'a', true) + frames);
      assert.deepEqual([one.seen, resets(1)], [['ready', '200', 'failure 502'], [protocolError]]);
      assert.match(one.error!.message, what === 'DATA' ? /DATA after its end/ : /fields after its end/);
    });

  test('is whole where the backend resets its stream without an error after the end', async (t) => {
    const { ask, say, got } = await streamPeer(t, settingsFrame([[settingIds.initialWindowSize, 2]]));
    const one = ask(post('abcd', false));
    await say();
    one.exchange.pause();
    await say(head(1) + data(1, 'a', true) + rstStreamFrame(1, noError));
    await say(windowUpdateFrame(1, 10));
    one.exchange.resume();
    await say();
    assert.deepEqual(one.seen.slice(1), ['200', 'a', 'end ']);
    const sent = got.filter(({ type, stream }) => stream === 1 && type !== frameTypes.headers);
    assert.deepEqual(
      sent.map(({ payload }) => payload),
      ['ab'],
      'the stream is closed: it gets no more of the request and no reset',
    );
  });

  test('is cut where the backend resets its stream with an error after the end', async (t) => {
    const { ask, say, resets } = await streamPeer(t);
    const one = ask();
    one.exchange.pause();
    await say(head(1) + data(1, 'a', true) + rstStreamFrame(1, cancel));
    assert.deepEqual([one.seen, resets(1)], [['ready', '200', 'failure 502'], []]);
  });

  test('is whole where the backend closes the connection after the end', async (t) => {
    const { ask, say, socket, told } = await streamPeer(t);
    const [whole, cut] = [ask(), ask()];
    for (const { exchange } of [whole, cut]) exchange.pause();
    await say(head(1) + data(1, 'a', true) + head(3) + data(3, 'a') + goAwayFrame(3, noError, ''));
    socket.end();
    await socketClosed(socket);
    await eventually(() => told.includes('gone'), 'it is known');
    assert.deepEqual(cut.seen, ['ready', '200', 'failure 502']);
    assert.deepEqual(whole.seen, ['ready', '200', 'a', 'end ']);
  });
});

suite('windows of an answer', () => {
  const half = backendStreamWindow / 2;
  const piece = 16_384;
  test('are enlarged when the client has taken half of them, padding included', async (t) => {
    const { ask, say, updates } = await streamPeer(t);
    const one = ask();
    const padded = (bytes: number, padding: number): string =>
      `${frameHead(1 + bytes + padding, frameTypes.data, flags.padded, 1)}${String.fromCharCode(padding)}${'x'.repeat(bytes)}${'\0'.repeat(padding)}`;
    await say(
      head(1) + data(1, 'x'.repeat(piece)).repeat(half / piece - 1) + data(1, 'x'.repeat(piece - 101)),
    );
    assert.deepEqual(updates(1), []);
    await say(padded(50, 50));
    assert.deepEqual(updates(1), [half]);
    assert.equal(one.error, null);
  });

  test('are not enlarged by what the client has not taken, or for a stream that has ended', async (t) => {
    const { ask, say, updates } = await streamPeer(t);
    const one = ask();
    one.exchange.pause();
    await say(head(1) + data(1, 'x'.repeat(piece)).repeat(backendStreamWindow / piece - 1));
    assert.deepEqual(updates(1), []);
    await say(data(1, 'x'.repeat(piece), true));
    one.exchange.resume();
    await say();
    assert.deepEqual([updates(1), one.seen.at(-1)], [[], 'end ']);
  });

  test('are enforced to the byte', async (t) => {
    const { ask, say, resets } = await streamPeer(t);
    const one = ask();
    one.exchange.pause();
    await say(head(1) + data(1, 'x'.repeat(piece)).repeat(backendStreamWindow / piece));
    assert.equal(one.error, null);
    await say(data(1, 'x'));
    assert.match(one.error!.message, /more DATA than the stream takes/);
    assert.deepEqual(resets(1), [flowControlError]);
  });
});
