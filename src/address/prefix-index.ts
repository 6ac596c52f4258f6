import type { PrefixKey } from './prefix-key.ts';

/** Odd, from MurmurHash3. */
const mix1 = 0x85ebca6b;
const mix2 = 0xc2b2ae35;

/** Where the parts of a place are: the two halves of the key; length and family, 0 where it is free; the number. */
const highAt = 0;
const lowAt = 1;
const kindAt = 2;
const valueAt = 3;
const width = 4;

/**
 * Prefixes with a number each, found by exactly that prefix: open addressing in one typed array, 64 bytes a prefix at the
 * most. What a place holds lies side by side, four places to a cache line, so a look-up among a million waits for memory once.
 * The hash is seeded, since addresses are the sender's choice.
 */
export class PrefixIndex {
  readonly #seed = Math.floor(Math.random() * 2 ** 32);
  #mask = 63;
  #places = new Uint32Array(64 * width);
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** -1 where there is none. */
  get(key: PrefixKey): number {
    const at = this.#find(key);
    return this.#places[at + kindAt] === 0 ? -1 : this.#places[at + valueAt]!;
  }

  /** @param value 0 or more */
  set(key: PrefixKey, value: number): void {
    let at = this.#find(key);
    if (this.#places[at + kindAt] === 0) {
      if (++this.#size * 2 > this.#mask) {
        this.#grow();
        at = this.#find(key);
      }
      this.#places[at + highAt] = key.high;
      this.#places[at + lowAt] = key.low;
      this.#places[at + kindAt] = kindOf(key);
    }
    this.#places[at + valueAt] = value;
  }

  delete(key: PrefixKey): void {
    const places = this.#places;
    const found = this.#find(key);
    if (places[found + kindAt] === 0) return;
    this.#size--;
    let hole = found / width;
    // What stands behind moves up, as far as its own place allows: so no place need be marked as once taken.
    for (let place = (hole + 1) & this.#mask; ; place = (place + 1) & this.#mask) {
      const at = place * width;
      const kind = places[at + kindAt]!;
      if (kind === 0) break;
      const home = this.#home(places[at + highAt]!, places[at + lowAt]!, kind);
      if (((place - home) & this.#mask) < ((place - hole) & this.#mask)) continue;
      places.copyWithin(hole * width, at, at + width);
      hole = place;
    }
    places[hole * width + kindAt] = 0;
  }

  /** Where in the array a prefix stands, or would. */
  #find(key: PrefixKey): number {
    const { high, low } = key;
    const kind = kindOf(key);
    const places = this.#places;
    const mask = this.#mask;
    for (let place = this.#home(high, low, kind); ; place = (place + 1) & mask) {
      const at = place * width;
      const standing = places[at + kindAt];
      if (standing === 0) return at;
      if (standing === kind && places[at + highAt] === high && places[at + lowAt] === low) return at;
    }
  }

  #home(high: number, low: number, kind: number): number {
    let hash = Math.imul(high ^ this.#seed, mix1);
    hash = Math.imul((hash ^ (hash >>> 15) ^ low) + kind, mix2);
    hash = Math.imul(hash ^ (hash >>> 13), mix1);
    return (hash ^ (hash >>> 16)) & this.#mask;
  }

  #grow(): void {
    const old = this.#places;
    const size = (this.#mask + 1) * 2;
    this.#mask = size - 1;
    this.#places = new Uint32Array(size * width);
    for (let from = 0; from < old.length; from += width) {
      const kind = old[from + kindAt]!;
      if (kind === 0) continue;
      let place = this.#home(old[from + highAt]!, old[from + lowAt]!, kind);
      while (this.#places[place * width + kindAt] !== 0) place = (place + 1) & this.#mask;
      this.#places.set(old.subarray(from, from + width), place * width);
    }
  }
}

/** Never 0: no prefix that is kept has length 0. */
const kindOf = ({ family, length }: PrefixKey): number => Math.min(length, 64) + (family === 6 ? 128 : 0);
