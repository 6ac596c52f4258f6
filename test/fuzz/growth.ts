/** Measures how the time of a target grows with inputs that repeat a piece. */
import { longestInput } from './mutator.ts';
import type { Target } from './target.ts';

/** Ratio of the longer input to the shorter one. */
const factor = 4;
/** Linear time grows by the factor, quadratic time by its square; the limit is in between, with some margin for a noisy machine. */
const steepest = factor * Math.sqrt(factor) * 1.3;
/** Milliseconds below which a ratio means nothing: clock resolution, garbage collection. */
const noise = 3;
/** Number of seeds, evenly chosen, and of places in each where pieces are inserted. */
const seedsGrown = 6;
const places = [0, 0.15, 0.4, 0.7, 1] as const;
/**
 * Repetitions if the first measurement is too steep; the least time counts, that of the least disturbed run. By
 * wall clock: some systems count CPU time in ticks of several milliseconds.
 */
const again = 15;
const sleeping = new Int32Array(new SharedArrayBuffer(4));

export interface Steep {
  readonly target: string;
  readonly piece: string;
  /** The text before the pieces. */
  readonly before: string;
  /** Milliseconds for the longer input, and their ratio to those of the shorter one. */
  readonly time: number;
  readonly ratio: number;
}

interface Piece {
  readonly name: string;
  /** An input of about this many bytes. */
  of(room: number): Buffer;
}

const usual = [
  'a',
  'a.',
  'A',
  '0',
  '1,',
  '\xc3\xa9',
  ' a',
  '\ta',
  '\r\na',
  'a:a\r\n',
  '%61',
  '"',
  '&a=',
  "'",
  '+',
  '/',
  '../',
];

const repeated = (piece: string): Piece => ({
  name: piece,
  of: (room) => Buffer.from(piece.repeat(Math.floor(room / piece.length)), 'latin1'),
});

/** Letters that never repeat, the expensive case for A-labels (RFC 3492). */
const lettersOnce: Piece = {
  name: 'letters',
  of: (room) =>
    Buffer.from(
      Array.from({ length: Math.floor(room / 3) }, (_, i) => String.fromCodePoint(0x4e00 + i)).join(''),
    ),
};

/** Inputs whose time grows faster than they do. */
export function steepInputs(target: Target): Steep[] {
  const { name, seeds, words, run, read = run } = target;
  const pieces = [...new Set([...words, ...usual])].map(repeated).concat(lettersOnce);
  const step = Math.max(1, Math.floor(seeds.length / seedsGrown));
  const bases = [Buffer.alloc(0), ...seeds.filter((_, at) => at % step === 0).slice(0, seedsGrown)];
  const found: Steep[] = [];
  for (const base of bases) {
    for (const place of base.length === 0 ? [0] : places) {
      const at = Math.floor(base.length * place);
      for (const piece of pieces) {
        const grown = (size: number): Buffer => {
          const room = Math.max(0, size - base.length);
          return Buffer.concat([base.subarray(0, at), piece.of(room), base.subarray(at)]);
        };
        const [short, long] = [grown(longestInput / factor), grown(longestInput)];
        if (timeOf(read, long) < noise) continue;
        let [least, most] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
        for (let round = 0; round < again && most >= noise; round++) {
          // The scheduler lets a process that has slept run undisturbed for a while.
          if (round > 0) Atomics.wait(sleeping, 0, 0, 20);
          least = Math.min(least, timeOf(read, short));
          most = Math.min(most, timeOf(read, long));
        }
        const ratio = most / least;
        if (most < noise || ratio < steepest) continue;
        found.push({
          target: name,
          piece: piece.name,
          before: base.toString('latin1', 0, at),
          time: most,
          ratio,
        });
      }
    }
  }
  return found;
}

function timeOf(read: NonNullable<Target['read']>, input: Buffer): number {
  const start = performance.now();
  try {
    read(input);
  } catch {
    // Wrong results are for the fuzzer to find.
  }
  return performance.now() - start;
}
