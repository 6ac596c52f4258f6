/**
 * V8's garbage collector, tuned for a proxy. Two of its defaults cost a proxy much:
 *
 * - **Pretenuring.** If objects from one allocation site survive collections, V8 allocates later ones in the old generation. Requests in
 *   flight survive one collection each, so objects of every request became old, and kept all they refer to until the next full collection
 *   (test/http2/garbage.test.ts: 7 % of all allocations instead of 0.2 %).
 * - **Memory outside its heap.** Bodies lie in fresh memory, which is garbage once they are written. After some 64 MiB of it V8 collects
 *   everything, which takes milliseconds, and no processor cache holds the bodies any more. With a young collection every 16 MiB, 4 GiB pass
 *   in 12 MiB more instead of 79, and in two thirds of the time (test/gateway/large-bodies.test.ts); a second has a third more POSTs
 *   of 32 KB, and their p99 falls from 15 ms to less than 10 (test/gateway/body-garbage.test.ts).
 */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

const often = 16 * 1024 * 1024;

let collect: ((options: { type: 'minor' }) => void) | undefined;
let passed = 0;

/** Sets flags of V8 for the whole process: only the program may call it, not a plugin in an application. */
export function tuneCollector(): void {
  setFlagsFromString('--no-allocation-site-pretenuring');
  setFlagsFromString('--expose-gc');
  collect = runInNewContext('globalThis.gc');
}

/** Counts a piece of a body that has passed, and collects when it is time. @param bytes its length */
export function piecePassed(bytes: number): void {
  passed += bytes;
  if (passed < often) return;
  passed = 0;
  collect?.({ type: 'minor' });
}
