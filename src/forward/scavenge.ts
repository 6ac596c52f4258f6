/**
 * How V8 collects the garbage of a proxy. Two of its habits do not suit one:
 *
 * - **Pretenuring.** V8 allocates objects in old memory from the start where earlier ones of the same place survived collections. Requests in
 *   flight survive one each time, so this hits objects of every request, and keeps all they refer to until the next full collection
 *   (test/http2/garbage.test.ts: 7 % of all memory instead of 0.2 %).
 * - **Memory outside its heap.** Each piece of a body is read into 64 KiB of fresh memory, which is garbage once it is written. V8 lets some
 *   64 MiB of it gather before it collects, and by then no cache holds a piece any more. With a collection every 16 MiB, 4 GiB pass in
 *   12 MiB more instead of 79, and in two thirds of the time (test/gateway/large-bodies.test.ts).
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
