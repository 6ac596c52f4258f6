/** The body of a request: its rate over windows of ten seconds, stalls, and what an attempt gets. The clock is passed in. */
import assert from 'node:assert/strict';
import { Socket } from 'node:net';
import { suite, type TestContext, test } from 'node:test';
import { ClientReads } from '../../src/http1/client-reads.ts';
import { IncomingBody } from '../../src/http1/incoming-body.ts';

const window = 10_000;
/** 100 bytes a second are 1000 bytes a window. */
const bounds = { stall: 60_000, minRate: 100 };

function bodyOf(length: number, mayKeep = 0) {
  const body = new IncomingBody(length, mayKeep, 0);
  const send = (bytes: number, now: number): void => {
    body.take(Buffer.alloc(bytes), () => {}, now);
  };
  return { body, send };
}

suite('a body is too slow', () => {
  test('below the least rate of a whole window, and not before its end', () => {
    const { body, send } = bodyOf(100_000);
    send(999, 1);
    assert.equal(body.isTooSlow(window - 1, true, bounds), false);
    assert.equal(body.isTooSlow(window, true, bounds), true);
  });

  test('by the bytes of each window alone: earlier ones give no credit', () => {
    const { body, send } = bodyOf(100_000);
    send(50_000, 1);
    assert.equal(body.isTooSlow(window, true, bounds), false);
    send(1000, window + 1);
    assert.equal(body.isTooSlow(2 * window, true, bounds), false, 'exactly the least rate');
    send(999, 2 * window + 1);
    assert.equal(body.isTooSlow(3 * window - 1, true, bounds), false);
    assert.equal(body.isTooSlow(3 * window, true, bounds), true);
  });

  test('after a stall, which each byte ends', () => {
    const { body, send } = bodyOf(100_000);
    const stall = { stall: 500, minRate: 0 };
    assert.equal(body.isTooSlow(499, true, stall), false);
    send(1, 499);
    assert.equal(body.isTooSlow(998, true, stall), false);
    assert.equal(body.isTooSlow(999, true, stall), true);
  });

  test('never while the gateway does not read: the window and the stall begin anew', () => {
    const { body } = bodyOf(100_000);
    const both = { stall: window, minRate: 100 };
    assert.equal(body.isTooSlow(5 * window, false, both), false);
    assert.equal(body.isTooSlow(6 * window - 1, true, both), false);
    assert.equal(body.isTooSlow(6 * window, true, both), true);
  });

  test('never once it is complete', () => {
    const { body, send } = bodyOf(10);
    send(10, 0);
    assert.equal(body.isTooSlow(100 * window, true, bounds), false);
  });
});

suite('an attempt gets', () => {
  const readsOf = (t: TestContext): ClientReads => {
    const socket = new Socket();
    t.after(() => socket.destroy());
    return new ClientReads(socket, { onBytes: () => true, onEnd: () => {} });
  };

  for (const [what, length, mayKeep] of [
    ['longer than the buffer', 6, 5],
    ['that fits the buffer', 6, 6],
  ] as const)
    test(`every piece of a body ${what}, once`, (t) => {
      const reads = readsOf(t);
      const { body } = bodyOf(length, mayKeep);
      for (const piece of ['ab', 'cd', 'ef']) body.take(Buffer.from(piece), (data) => body.keep(data, reads));
      assert.equal(body.kept, 6);
      const { content, whole, length: told } = body.handOver();
      assert.deepEqual([content.toString(), whole, told], ['abcdef', true, 6]);
      assert.deepEqual([body.kept, body.handedOverWhole, body.handOver().content.length], [0, true, 0]);
    });

  test('two pieces as both of them, and an incomplete body as such', (t) => {
    const reads = readsOf(t);
    const { body } = bodyOf(100);
    for (const piece of ['ab', 'cd']) body.take(Buffer.from(piece), (data) => body.keep(data, reads));
    const { content, whole, length } = body.handOver();
    assert.deepEqual([content.toString(), whole, length, body.handedOverWhole], ['abcd', false, 100, false]);
  });

  test('the length of a complete chunked body, but not where trailers need chunked coding', (t) => {
    const reads = readsOf(t);
    for (const [trailer, expected] of [
      ['', 3],
      ['Digest: x\r\n', -1],
    ] as const) {
      const { body } = bodyOf(-1, 100);
      body.take(Buffer.from(`3\r\nabc\r\n0\r\n${trailer}\r\n`), (data) => body.keep(data, reads));
      assert.equal(body.handOver().length, expected);
    }
    const { body } = bodyOf(-1, 100);
    body.take(Buffer.from('3\r\nabc\r\n'), (data) => body.keep(data, reads));
    assert.equal(body.handOver().length, -1);
  });
});
