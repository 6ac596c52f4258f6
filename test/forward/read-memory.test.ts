import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import fc from 'fast-check';
import { ReadMemory } from '../../src/forward/read-memory.ts';

/** Reads that each fill the memory from its beginning; of each, some pieces are kept. */
const reads = fc.array(
  fc.record({
    bytes: fc.integer({ min: 1, max: 300_000 }),
    cuts: fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 3 }),
    reset: fc.boolean(),
  }),
  { maxLength: 12 },
);

suite('the memory of reads', () => {
  for (const own of [false, true])
    test(`what is kept stays as it was read, ${own ? 'alone' : 'among others'}`, () => {
      fc.assert(
        fc.property(reads, (all) => {
          const memory = new ReadMemory(own);
          const other = new ReadMemory(own);
          const kept: [Buffer, number][] = [];
          all.forEach(({ bytes, cuts, reset }, nth) => {
            other.next.fill(0xff);
            const { next } = memory;
            assert.ok(next.length >= 64 * 1024, 'a read that has no room');
            const read = next.subarray(0, Math.min(bytes, next.length)).fill(nth);
            const ends = [0, ...cuts.map((cut) => Math.floor(cut * read.length)), read.length].sort(
              (a, b) => a - b,
            );
            for (let i = 1; i < ends.length; i++) {
              kept.push([memory.keep(read.subarray(ends[i - 1], ends[i])), nth]);
            }
            if (reset) memory.reset();
          });
          other.next.fill(0xff);
          memory.next.fill(0xff);
          for (const [piece, nth] of kept) assert.ok(piece.every((byte) => byte === nth));
        }),
      );
    });

  test('small pieces and a body of one long piece get no memory of their own, a longer body does', () => {
    const memory = new ReadMemory(false);
    const { next: first } = memory;
    memory.keep(first.subarray(0, 1000));
    memory.keep(first.subarray(0, 40_000));
    memory.reset();
    memory.keep(first.subarray(0, 40_000));
    assert.equal(memory.next, first);
    memory.keep(first.subarray(0, 40_000));
    assert.notEqual(memory.next.buffer, first.buffer);
    assert.equal(memory.keep(memory.next.subarray(0, 40_000)).byteOffset, 0, 'copied');
    memory.reset();
    assert.equal(memory.next, first);
  });
});
