/**
 * Each piece of a body is read into 64 KiB of fresh memory, which is garbage once it is written. V8 lets some 64 MiB of such
 * memory gather before it looks, since it counts it as outside its heap; then every piece is written to memory that no
 * cache holds any more. Looked at every 16 MiB, 4 GiB pass in 12 MiB more instead of 79, and in two thirds of the time
 * (test/gateway/large-bodies.test.ts).
 */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

const often = 16 * 1024 * 1024;

let collect: ((options: { type: 'minor' }) => void) | undefined;
let passed = 0;

/** Begins to look. It sets a flag of V8, which is the program's to do and not that of an application with the plugins. */
export function scavengeBodies(): void {
  setFlagsFromString('--expose-gc');
  collect = runInNewContext('globalThis.gc');
}

/** Tells of a piece of a body that has passed. @param bytes its length */
export function piecePassed(bytes: number): void {
  passed += bytes;
  if (passed < often) return;
  passed = 0;
  collect?.({ type: 'minor' });
}
