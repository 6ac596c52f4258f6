/** A stream that an HTTP/2 backend ends only after its answer has been passed on. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { errorCodes } from '../../src/wire/h2-faults.ts';
import { rstStreamFrame, windowUpdateFrame } from '../../src/wire/h2-frames.ts';
import { encodeField } from '../../src/wire/hpack-encoder.ts';
import { eventually } from '../support/eventually.ts';
import { data, head, headersOnly, streamPeer } from './stream-peer.ts';

const { noError, protocolError } = errorCodes;

suite('an answer that says it has no body', () => {
  for (const [what, frames, reset] of [
    ['its end', data(1, '', true), []],
    ['its end behind an empty frame', data(1, '') + data(1, '', true), []],
    ['an end with trailers', headersOnly(1, encodeField('x', 'y')), []],
    ['a reset', rstStreamFrame(1, noError), []],
    ['a body', data(1, 'a'), [protocolError]],
    ['a second head', head(1), [protocolError]],
    ['a window of 0', windowUpdateFrame(1, 0), [protocolError]],
  ] as const)
    test(`is complete with its head; ${what} may follow`, async (t) => {
      const { ask, say, connection, resets, told } = await streamPeer(t);
      const [one, two] = [ask(), ask()];
      await say(head(1, false, '', 204));
      assert.deepEqual([one.seen, connection.load, connection.carried], [['ready', '204 whole'], 2, 0]);
      one.exchange.destroy();
      const before = told.length;
      await say(windowUpdateFrame(1, 5), frames);
      assert.deepEqual([resets(1), connection.load, connection.carried], [reset, 1, 1]);
      assert.deepEqual(told.slice(before), ['room 1']);
      await say(head(3, true));
      assert.deepEqual([one.seen.length, two.seen.at(-1)], [2, '200 whole']);
    });

  test('is waited for until a deadline, and not reset before', async (t) => {
    const { ask, say, connection, resets, clock } = await streamPeer(t);
    ask();
    clock.now = 500;
    await say(head(1, false, '', 204));
    clock.now = 3499;
    connection.checkDeadlines();
    await say();
    assert.deepEqual([resets(1), connection.load], [[], 1]);
    clock.now = 3500;
    connection.checkDeadlines();
    await say();
    assert.deepEqual([resets(1), connection.load], [[noError], 0]);
  });

  test('is not cut off by the end of its connection', async (t) => {
    const { ask, say, socket, told } = await streamPeer(t);
    const one = ask();
    await say(head(1, false, '', 204));
    socket.end();
    await eventually(() => told.includes('gone'), 'it is known', 20_000);
    assert.deepEqual(one.seen, ['ready', '204 whole']);
  });
});
