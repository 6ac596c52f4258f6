/** One exchange on a stream of an HTTP/2 backend: what its client gets and what its backend gets, frame by frame. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { maxQueued } from '../../src/h2/bounds.ts';
import { errorCodes } from '../../src/wire/h2-faults.ts';
import {
  flags,
  frameTypes,
  rstStreamFrame,
  settingIds,
  settingsFrame,
  windowUpdateFrame,
} from '../../src/wire/h2-frames.ts';
import { encodeField, noTable } from '../../src/wire/hpack-encoder.ts';
import type { ResponseHead } from '../../src/wire/response-head.ts';
import { upstreamGet } from '../support/upstream-get.ts';
import { type Asked, data, head, headersOnly, post, streamPeer } from './stream-peer.ts';

const { noError, protocolError, refusedStream, cancel, http11Required } = errorCodes;
const length = (bytes: number): string => encodeField('content-length', String(bytes));

suite('an exchange that its client leaves', () => {
  test('is cancelled at the backend, once, and nothing more of it reaches the client', async (t) => {
    const { ask, say, resets, connection, told } = await streamPeer(t);
    const one = ask();
    await say(head(1) + data(1, 'a'));
    const before = told.length;
    one.exchange.destroy();
    one.exchange.destroy();
    await say(data(1, 'b', true));
    assert.deepEqual(one.seen, ['ready', '200', 'a']);
    assert.deepEqual(resets(1), [cancel]);
    assert.equal(connection.load, 0);
    assert.deepEqual(told.slice(before), ['room 0'], 'what waits for a connection may have it');
  });

  test('sends no more of its body', async (t) => {
    const { ask, say, got } = await streamPeer(t, settingsFrame([[settingIds.initialWindowSize, 4]]));
    const one = ask(post('abcdefgh', false));
    await say();
    one.exchange.destroy();
    assert.equal(one.exchange.write(Buffer.from('ijkl')), true);
    await say(windowUpdateFrame(1, 100));
    assert.deepEqual(
      got.filter(({ type }) => type === frameTypes.data).map(({ payload }) => payload),
      ['abcd'],
    );
  });

  test('that is over already is not cancelled', async (t) => {
    const { ask, say, resets } = await streamPeer(t);
    const one = ask();
    await say(head(1) + data(1, 'a', true));
    one.exchange.destroy();
    await say();
    assert.deepEqual([one.seen, resets(1)], [['ready', '200', 'a', 'end '], []]);
  });
});

suite('the body of a request', () => {
  test('follows its head with its trailers, and the client is told when there is room again', async (t) => {
    const window = maxQueued;
    const { ask, say, got } = await streamPeer(t, settingsFrame([[settingIds.initialWindowSize, 0]]));
    const one = ask(post(Buffer.alloc(10, 'a'), false));
    assert.equal(one.exchange.write(Buffer.alloc(window - 11, 'b')), true);
    assert.equal(one.exchange.write(Buffer.from('c')), false);
    await say();
    assert.deepEqual(one.seen, ['ready']);
    await say(windowUpdateFrame(0, window) + windowUpdateFrame(1, window));
    assert.deepEqual(one.seen, ['ready', 'drain']);
    one.exchange.finish(['x-sum', '1']);
    await say();
    const sent = got.filter(({ stream }) => stream === 1);
    const bytes = sent.filter(({ type }) => type === frameTypes.data).map(({ payload }) => payload.length);
    assert.equal(
      bytes.reduce((sum, one) => sum + one, 0),
      window,
    );
    const { type, flags: flag, payload } = sent.at(-1)!;
    assert.deepEqual([type, flag & flags.endStream], [frameTypes.headers, flags.endStream]);
    assert.match(payload, /x-sum/);
    await say(head(1, true));
    assert.deepEqual(one.seen, ['ready', 'drain', '200 whole']);
  });

  test('that is complete goes out at once, with its trailers', async (t) => {
    const { ask, say, got } = await streamPeer(t);
    ask(post('abc', true, ['x-sum', '1']));
    ask(post('', true, ['x-sum', '2']));
    ask(post('', true));
    ask(post('d', true));
    await say();
    const of = (id: number) =>
      got
        .filter(({ stream }) => stream === id)
        .map(({ type, flags: flag }) => [type, flag & flags.endStream]);
    const { headers, data: dataType } = frameTypes;
    assert.deepEqual(of(1), [
      [headers, 0],
      [dataType, 0],
      [headers, 1],
    ]);
    assert.deepEqual(of(3), [
      [headers, 0],
      [headers, 1],
    ]);
    assert.deepEqual(of(5), [[headers, 1]]);
    assert.deepEqual(of(7), [
      [headers, 0],
      [dataType, 1],
    ]);
    const [opening, ...others] = got.filter(
      ({ type, flags: flag }) => type === headers && flag === flags.endHeaders,
    );
    // Only the first block says that there is no dynamic table.
    assert.equal(opening!.payload[0], noTable);
    for (const { payload } of others) assert.notEqual(payload[0], noTable);
    assert.equal(got.find(({ type, stream }) => type === dataType && stream === 7)?.payload, 'd');
  });

  test('is not needed any more where the answer is whole before it: NO_ERROR', async (t) => {
    const { ask, say, resets } = await streamPeer(t);
    const [whole, streamed] = [ask(post('a', false)), ask(post('a', false))];
    await say(head(1, true) + head(3) + data(3, 'b', true));
    assert.deepEqual([whole.seen.at(-1), streamed.seen.at(-1)], ['200 whole', 'end ']);
    assert.deepEqual([resets(1), resets(3)], [[noError], [noError]]);
  });

  test('is not blamed for an answer whose request was written', async (t) => {
    const { ask, say, resets } = await streamPeer(t);
    ask(post('a', true));
    await say();
    await say(head(1, true));
    assert.deepEqual(resets(1), []);
  });
});

suite('a reset by the backend', () => {
  test('with REFUSED_STREAM before the head: the request was not processed', async (t) => {
    const { ask, say, resets } = await streamPeer(t);
    const one = ask();
    await say(rstStreamFrame(1, refusedStream));
    assert.deepEqual([one.error!.status, one.error!.unsent, one.error!.drained], [503, true, false]);
    assert.deepEqual(resets(1), []);
  });

  for (const [what, code, answered] of [
    ['with REFUSED_STREAM after the head', refusedStream, true],
    ['with CANCEL', cancel, false],
    ['with NO_ERROR before the end', noError, true],
  ] as const)
    test(`${what}: 502, and the request may have been processed`, async (t) => {
      const { ask, say, resets, told } = await streamPeer(t);
      const one = ask();
      await say((answered ? head(1) : '') + rstStreamFrame(1, code));
      assert.deepEqual([one.error!.status, one.error!.unsent], [502, false]);
      assert.match(one.error!.message, new RegExp(`reset the stream \\(code ${code}\\)$`));
      assert.deepEqual([resets(1), told.at(-1)], [[], 'room 0']);
    });

  test('with HTTP_1_1_REQUIRED: the message says what to write', async (t) => {
    const { ask, say } = await streamPeer(t);
    const one = ask();
    await say(rstStreamFrame(1, http11Required));
    assert.match(one.error!.message, /asks for HTTP\/1\.1, write http:\/\//);
  });
});

suite('the deadline of an exchange', () => {
  const rows: readonly (readonly [
    what: string,
    act: (peer: Awaited<ReturnType<typeof streamPeer>>, one: Asked) => unknown,
    limit: number,
    expected: readonly [status: number, byClient: boolean],
  ])[] = [
    ['without a head', () => {}, 2000, [504, false]],
    ['moves with a 1xx', ({ say }) => say(head(1, false, '', 103)), 2000, [504, false]],
    ['after the head', ({ say }) => say(head(1)), 3000, [504, false]],
    [
      'moves with DATA',
      async ({ say, clock }) => {
        clock.now = 700;
        await say(head(1));
        clock.now = 1000;
        await say(data(1, 'a'));
      },
      3000,
      [504, false],
    ],
    ['moves where the client stops', (_, { exchange }) => exchange.pause(), 2000, [504, false]],
    [
      'moves where the client reads again',
      ({ clock }, { exchange }) => {
        clock.now = 700;
        exchange.pause();
        clock.now = 1000;
        exchange.resume();
      },
      2000,
      [504, false],
    ],
    [
      "is the client's where it stops reading",
      async ({ say }, { exchange }) => {
        await say(head(1));
        exchange.pause();
      },
      3000,
      [408, true],
    ],
  ];
  for (const [what, act, limit, expected] of rows)
    test(`${what}: ${expected[0]}`, async (t) => {
      const peer = await streamPeer(t);
      const { ask, clock, connection } = peer;
      const one = ask();
      clock.now = 1000;
      await act(peer, one);
      // Nothing happens without a deadline of its own: it is still that of the request.
      const from = what === 'without a head' ? 0 : 1000;
      clock.now = from + limit - 1;
      connection.checkDeadlines();
      assert.doesNotMatch(one.seen.join(), /failure/);
      clock.now++;
      connection.checkDeadlines();
      assert.deepEqual([one.error?.status, one.error?.byClient], expected);
    });

  for (const [what, window, ends, expected] of [
    ['the client, which does not go on', 100, false, 408],
    ['the backend, which has the whole request', 100, true, 504],
    ['the backend, which does not read the request', 1, false, 504],
  ] as const)
    test(`before the head is kept by ${what}: ${expected}`, async (t) => {
      const { ask, say, clock, connection, resets } = await streamPeer(
        t,
        settingsFrame([[settingIds.initialWindowSize, window]]),
      );
      const one = ask(post('abc', false));
      await say();
      clock.now = 1500;
      one.exchange.write(Buffer.from('d'));
      if (ends) one.exchange.finish([]);
      await say();
      clock.now = 3499;
      connection.checkDeadlines();
      assert.doesNotMatch(
        one.seen.join(),
        /failure/,
        'a client that still sends is not a backend that is silent',
      );
      clock.now = 3500;
      connection.checkDeadlines();
      assert.equal(one.error?.status, expected);
      await say();
      assert.deepEqual(resets(1), [cancel]);
    });
});

suite('an answer that breaks off', () => {
  const rows: readonly (readonly [what: string, frames: string, why: RegExp])[] = [
    ['no status', headersOnly(1, encodeField('x', 'y')), /answered with/],
    ['DATA before its head', data(1, 'a'), /DATA before its head/],
    [
      'more than its Content-Length',
      head(1, false, length(1)) + data(1, 'ab'),
      /more than its Content-Length/,
    ],
    [
      'less than its Content-Length',
      head(1, false, length(3)) + data(1, 'ab', true),
      /less than its Content-Length/,
    ],
    [
      'less than its Content-Length, before trailers',
      head(1, false, length(3)) + data(1, 'ab') + headersOnly(1, encodeField('x', 'y')),
      /less than its Content-Length/,
    ],
    ['a second head', head(1) + head(1), /a second head/],
    ['a pseudo-field in its trailers', head(1) + head(1, true), /answered with/],
    [
      'fields too long',
      head(1, true, encodeField('x', 'y'.repeat(66_000))),
      /fields of more than 65536 bytes/,
    ],
  ];
  for (const [what, frames, why] of rows)
    test(`by ${what}: PROTOCOL_ERROR on its stream alone`, async (t) => {
      const { ask, say, resets } = await streamPeer(t);
      const [one, other] = [ask(), ask()];
      await say(frames);
      assert.match(one.error!.message, why);
      assert.deepEqual([one.seen.at(-1), resets(1)], ['failure 502', [protocolError]]);
      await say(head(3, true));
      assert.equal(other.seen.at(-1), '200 whole');
    });

  test('by a client that takes no piece of it: its stream is cancelled, the others go on', async (t) => {
    const { ask, say, resets } = await streamPeer(t);
    const [one, other] = [ask(), ask()];
    one.onPiece = () => {
      throw new Error('the client is gone');
    };
    await say(head(1) + data(1, 'a') + data(1, 'b', true) + head(3) + data(3, 'c', true));
    assert.deepEqual(one.seen, ['ready', '200', 'a', 'failure 502']);
    assert.match(one.error!.message, /could not be passed on: Error: the client is gone/);
    assert.deepEqual(resets(1), [cancel]);
    assert.deepEqual(other.seen, ['ready', '200', 'c', 'end ']);
  });

  for (const [what, frames] of [
    ['the end', head(1) + data(1, 'a', true)],
    ['a whole answer', head(1, true)],
  ] as const)
    test(`by a client that does not take ${what}: it fails, the stream is over`, async (t) => {
      const { ask, say, resets, connection, told } = await streamPeer(t);
      const one = ask();
      const fail = (): never => {
        throw new Error('the client is gone');
      };
      if (what === 'the end') one.onEnd = fail;
      else one.onHead = fail;
      await say(frames);
      assert.equal(one.seen.at(-1), 'failure 502');
      assert.deepEqual([resets(1), connection.load, told.at(-1)], [[], 0, 'room 0']);
    });
});

test('an answer may have exactly the length that it announces, with and without an end of its own', async (t) => {
  const { ask, say, resets } = await streamPeer(t);
  const [one, two, three] = [ask(), ask(), ask()];
  await say(head(1, false, length(3)) + data(1, 'ab') + data(1, 'c', true));
  await say(head(3, false, length(3)) + data(3, 'abc') + data(3, '', true));
  await say(head(5, false, length(3)) + data(5, 'abc') + headersOnly(5, encodeField('x-sum', '3')));
  assert.deepEqual(one.seen.slice(1), ['200', 'ab', 'c', 'end ']);
  assert.deepEqual(two.seen.slice(1), ['200', 'abc', 'end ']);
  assert.deepEqual(three.seen.slice(1), ['200', 'abc', 'end x-sum,3']);
  assert.deepEqual([resets(1), resets(3), resets(5)], [[], [], []]);
});

suite('white space around a value', () => {
  test('is taken off, from head and trailers: servers of gRPC send it', async (t) => {
    const { ask, say } = await streamPeer(t);
    const one = ask();
    const heads: ResponseHead[] = [];
    one.onHead = (got) => heads.push(got);
    await say(
      head(
        1,
        false,
        encodeField('content-length', ' 1 ') + encodeField('x-a', ' \tb c\t ') + encodeField('x-b', ' '),
      ),
    );
    await say(
      data(1, 'a') + headersOnly(1, encodeField('grpc-message', 'not found ') + encodeField('x', 'y')),
    );
    assert.equal(heads[0]!.fields, 'content-length: 1\r\nx-a: b c\r\nx-b: \r\n');
    assert.deepEqual(one.seen.slice(1), ['a', 'end grpc-message,not found,x,y']);
  });
});

test('an answer to HEAD is whole with its head, whatever length it announces', async (t) => {
  const { ask, say, resets } = await streamPeer(t);
  const one = ask({ ...upstreamGet, method: 'HEAD', head: 'HEAD / HTTP/1.1\r\nHost: a\r\n\r\n' });
  await say(head(1, true, length(5)));
  assert.deepEqual([one.seen, resets(1)], [['ready', '200 whole'], []]);
});

test('an exchange over HTTP/2 has no upgrade to end and no login to keep', async (t) => {
  const { ask, say, got } = await streamPeer(t);
  const one = ask();
  await say();
  const before = got.length;
  one.exchange.end();
  one.exchange.belongTo();
  await say(head(1, true));
  assert.equal(got.length, before + 1, 'only the answer to the PING of the test');
  assert.equal(one.seen.at(-1), '200 whole');
});
