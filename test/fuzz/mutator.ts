/** Makes new inputs from old ones; inputs that are read in a new way are kept and changed further. */
import { oneOf, type Random, seeded } from '../differential/grammar.ts';
import type { Target } from './target.ts';

/** Longest input. Our parsers refuse longer ones before they read them. */
export const longestInput = 16 * 1024;
/** Inputs kept in addition to the seeds. */
const mostKept = 3000;
/** Outcomes remembered. */
const mostWays = 100_000;

export class Mutator {
  readonly #target: Target;
  readonly #random: Random;
  readonly #kept: Buffer[] = [];
  readonly #ways = new Set<string>();
  #next = 0;

  constructor(target: Target, seed: number) {
    this.#target = target;
    this.#random = seeded(seed);
  }

  /** Number of different outcomes so far. */
  get ways(): number {
    return this.#ways.size;
  }

  next(): Buffer {
    const { seeds } = this.#target;
    // First the unchanged seeds.
    if (this.#next < seeds.length) return seeds[this.#next++]!;
    return this.#changed(this.#any());
  }

  /** Takes the outcome of the last input. */
  read(input: Buffer, way: string): void {
    if (this.#ways.size >= mostWays || this.#ways.has(way)) return;
    this.#ways.add(way);
    if (this.#kept.length < mostKept) this.#kept.push(Buffer.from(input));
    else this.#kept[this.#below(mostKept)] = Buffer.from(input);
  }

  #any(): Buffer {
    const list = this.#kept.length > 0 && this.#random() < 0.7 ? this.#kept : this.#target.seeds;
    return oneOf(this.#random, list);
  }

  #changed(input: Buffer): Buffer {
    let bytes = input;
    for (let left = 1 + this.#below(6); left > 0; left--) bytes = this.#change(bytes);
    return bytes.length > longestInput ? bytes.subarray(0, longestInput) : bytes;
  }

  #change(bytes: Buffer): Buffer {
    const at = this.#below(bytes.length + 1);
    const to = Math.min(bytes.length, at + 1 + this.#below(this.#random() < 0.9 ? 8 : 200));
    const word = Buffer.from(oneOf(this.#random, this.#target.words), 'latin1');
    const replaced = (piece: Buffer, end = at): Buffer =>
      Buffer.concat([bytes.subarray(0, at), piece, bytes.subarray(end)]);
    switch (this.#below(9)) {
      case 0:
        return replaced(Buffer.of(this.#below(256)), Math.min(bytes.length, at + 1));
      case 1:
        return replaced(Buffer.alloc(0), to);
      case 2:
        return replaced(bytes.subarray(at, to), at);
      case 3:
        return replaced(word, to);
      case 4: {
        // The end of another input.
        const other = this.#any();
        return replaced(other.subarray(this.#below(other.length + 1)), bytes.length);
      }
      case 5:
        return bytes.subarray(0, at);
      case 6: {
        // Quadratic time shows only in long inputs.
        if (this.#random() > 0.05) return replaced(word);
        const piece = this.#random() < 0.5 ? word : bytes.subarray(at, to);
        return replaced(Buffer.concat(Array.from({ length: 1 + this.#below(4000) }, () => piece)));
      }
      default:
        return replaced(word);
    }
  }

  #below(bound: number): number {
    return Math.floor(this.#random() * bound);
  }
}
