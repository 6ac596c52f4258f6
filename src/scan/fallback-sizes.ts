/**
 * Sizes shared by the answers to many paths: the page that a front controller or a single-page application sends for
 * every unknown path. A probe that got that page was answered locally.
 */

const slots = 1 << 14;

export interface FallbackData {
  readonly sizes: Int32Array;
  readonly changes: Uint32Array;
  readonly total: number;
}

export class FallbackSizes {
  readonly #sizes = new Int32Array(slots).fill(-1);
  readonly #lastPath = new Int32Array(slots);
  readonly #changes = new Uint32Array(slots);
  #total = 0;

  add(size: number, hash: number): void {
    this.#total++;
    const slot = size & (slots - 1);
    if (this.#sizes[slot] !== size) {
      if (this.#changes[slot]! > 0) {
        this.#changes[slot]!--;
        return;
      }
      this.#sizes[slot] = size;
      this.#lastPath[slot] = hash;
      return;
    }
    if (this.#lastPath[slot] !== hash) {
      this.#lastPath[slot] = hash;
      this.#changes[slot]!++;
    }
  }

  /** Whether several ordinary paths were answered with exactly this size. */
  has(size: number): boolean {
    const slot = size & (slots - 1);
    // Large sites have pages of equal size by chance; a fallback page stands out by its share.
    return this.#sizes[slot] === size && this.#changes[slot]! >= Math.max(3, this.#total / 1000);
  }

  merge({ sizes, changes, total }: FallbackData): void {
    this.#total += total;
    for (let slot = 0; slot < slots; slot++) {
      if (sizes[slot]! < 0) continue;
      if (this.#sizes[slot] === sizes[slot]) this.#changes[slot]! += changes[slot]!;
      else if (this.#changes[slot]! <= changes[slot]!) {
        this.#sizes[slot] = sizes[slot]!;
        this.#changes[slot] = changes[slot]!;
      }
    }
  }

  pack(): FallbackData {
    return { sizes: this.#sizes, changes: this.#changes, total: this.#total };
  }
}
