/** The thread that runs a target. Another thread watches it for an input that never finishes. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { parentPort, workerData } from 'node:worker_threads';
import { Mutator } from './mutator.ts';
import { targets } from './targets.ts';

export interface FuzzTask {
  readonly target: string;
  readonly seed: number;
  /** Milliseconds. */
  readonly time: number;
  /** Number of inputs so far, and the length of the current one. */
  readonly progress: SharedArrayBuffer;
  /** The current input. */
  readonly input: SharedArrayBuffer;
}

export interface FuzzResult {
  readonly inputs: number;
  readonly ways: number;
  /** Milliseconds of the slowest input. */
  readonly slowest: number;
  /** Growth of the heap in bytes after the first tenth of the time. */
  readonly growth: number;
  /** One per error message. */
  readonly crashes: readonly { readonly input: string; readonly error: string }[];
}

/** CPU milliseconds for one input, unless the target sets its own bound. */
export const tooSlow = 200;
const mostCrashes = 20;

function fuzz({ target: name, seed, time, progress, input: shared }: FuzzTask): FuzzResult {
  const target = targets.find((one) => one.name === name)!;
  const mutator = new Mutator(target, seed);
  const counter = new Int32Array(progress);
  const present = Buffer.from(shared);
  const crashes = new Map<string, string>();
  const begin = performance.now();
  let inputs = 0;
  let slowest = 0;
  let settled: number | null = null;
  for (let now = begin; now - begin < time; ) {
    const input = mutator.next();
    present.set(input);
    Atomics.store(counter, 1, input.length);
    Atomics.store(counter, 0, ++inputs);
    try {
      mutator.read(input, target.run(input));
    } catch (error) {
      // Numbers and quoted texts differ between inputs with the same fault.
      const { message, stack } = error as Error;
      const key = `${message.replace(/\d+|["':].*/g, '')} ${stack?.split('\n')[1] ?? ''}`;
      if (crashes.size < mostCrashes && !crashes.has(key)) crashes.set(key, encoded(input, message));
    }
    const end = performance.now();
    const took = end - now;
    if (took > slowest) {
      slowest = took;
      // CPU time, since the machine may be busy with other processes.
      const most = target.tooSlow ?? tooSlow;
      const again = took > most ? timed(() => target.run(input)) : 0;
      if (again > most && !crashes.has('slow'))
        crashes.set('slow', encoded(input, `takes ${Math.round(again)} ms`));
    }
    now = performance.now();
    if (settled === null && now - begin > time / 10) settled = heap();
  }
  return {
    inputs,
    ways: mutator.ways,
    slowest,
    growth: heap() - (settled ?? 0),
    crashes: [...crashes.values()].map((text) => JSON.parse(text) as { input: string; error: string }),
  };
}

const encoded = (input: Buffer, error: string): string =>
  JSON.stringify({ input: input.toString('base64'), error });

function timed(act: () => unknown): number {
  const start = process.threadCpuUsage();
  try {
    act();
  } catch {
    // Only the time is measured.
  }
  return process.threadCpuUsage(start).user / 1000;
}

function heap(): number {
  setFlagsFromString('--expose-gc');
  (runInNewContext('gc') as () => void)();
  return process.memoryUsage().heapUsed;
}

if (parentPort !== null) parentPort.postMessage(fuzz(workerData as FuzzTask));
