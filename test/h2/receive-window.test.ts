/** The window that a peer may fill: to the byte, and announced again in large steps. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { ReceiveWindow } from '../../src/h2/receive-window.ts';

suite('a receive window', () => {
  test('holds as many bytes as were announced, and not one more', () => {
    const window = new ReceiveWindow(10);
    assert.deepEqual(
      [window.take(4), window.take(0), window.take(6), window.take(0)],
      [true, true, true, true],
    );
    assert.equal(window.take(1), false);
  });

  test('is announced again once half of it is free, with all free bytes', () => {
    const window = new ReceiveWindow(10);
    window.take(10);
    assert.deepEqual([window.give(4), window.give(0), window.give(3), window.give(2)], [0, 0, 7, 0]);
    assert.deepEqual([window.take(7), window.take(1)], [true, false]);
  });

  test('does not admit freed bytes before they are announced', () => {
    const window = new ReceiveWindow(10);
    window.take(10);
    window.give(4);
    assert.equal(window.take(1), false);
  });

  test('that grows is announced with all free bytes, and from then on once half of the new size is free', () => {
    const window = new ReceiveWindow(10);
    window.take(10);
    window.give(4);
    assert.equal(window.grow(30), 24);
    assert.deepEqual([window.give(2), window.take(24), window.take(1)], [0, true, false]);
    assert.deepEqual([window.give(12), window.give(1)], [0, 15]);
  });

  for (const size of [9, 10])
    test(`does not grow from 10 to ${size}`, () => {
      const window = new ReceiveWindow(10);
      window.take(4);
      window.give(4);
      assert.equal(window.grow(size), 0);
      assert.equal(window.give(1), 5);
    });
});
