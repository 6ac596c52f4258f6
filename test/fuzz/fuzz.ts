/** Runs one target for some time, and stops it if an input never finishes. */
import { Worker } from 'node:worker_threads';
import type { FuzzResult, FuzzTask } from './fuzz-thread.ts';
import { longestInput } from './mutator.ts';

/** Milliseconds without a new input; on a busy machine the thread may have to wait. */
const hangTime = 20_000;
/** Allowed growth of the heap in bytes; the mutator keeps far less. */
export const mostGrowth = 96 * 1024 * 1024;

export interface FuzzRun extends FuzzResult {
  readonly seconds: number;
}

export async function fuzz(target: string, seed: number, time: number): Promise<FuzzRun> {
  const progress = new SharedArrayBuffer(8);
  const input = new SharedArrayBuffer(longestInput);
  const task: FuzzTask = { target, seed, time, progress, input };
  const start = performance.now();
  const thread = new Worker(new URL('./fuzz-thread.ts', import.meta.url), { workerData: task });
  const counter = new Int32Array(progress);
  const over = Promise.withResolvers<FuzzResult>();
  thread.once('message', over.resolve).once('error', over.reject);
  let last = -1;
  const watch = setInterval(() => {
    const inputs = Atomics.load(counter, 0);
    if (inputs === last && inputs > 0) {
      const bytes = Buffer.from(input, 0, Atomics.load(counter, 1));
      const crash = { input: bytes.toString('base64'), error: `is not read in ${hangTime} ms` };
      over.resolve({ inputs, ways: 0, slowest: hangTime, growth: 0, crashes: [crash] });
    }
    last = inputs;
  }, hangTime);
  try {
    const result = await over.promise;
    return { ...result, seconds: (performance.now() - start) / 1000 };
  } finally {
    clearInterval(watch);
    await thread.terminate();
  }
}
