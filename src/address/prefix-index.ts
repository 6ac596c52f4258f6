import type { PrefixKey } from './prefix-key.ts';

/** Odd, from MurmurHash3. */
const mix1 = 0x85ebca6b;
const mix2 = 0xc2b2ae35;

/** Where the parts of a place are: the two halves of the key; length and family above the number; the mark. */
const highAt = 0;
const lowAt = 1;
const kindAt = 2;
const markAt = 3;
const width = 4;

/** Numbers are below this: they share a word with length and family. */
export const mostValues = 2 ** 24;

/**
 * Prefixes with a number and a mark each, found by exactly that prefix: open addressing in two typed arrays, 68 bytes a prefix
 * at the most. One byte of the hash of each place stands apart. Most of who comes is in no list, and is told so by those
 * bytes: a million prefixes have two megabytes of them, which stay in the processor's cache. What else a place holds lies side by
 * side, so that whoever is in the list costs one wait for memory more. The hash is seeded, since addresses are the sender's choice.
 */
export class PrefixIndex {
  readonly #seed = Math.floor(Math.random() * 2 ** 32);
  #mask = 63;
  /** 0: the place is free. */
  #tags = new Uint8Array(64);
  #places = new Uint32Array(64 * width);
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** Where a prefix stands, until the next change; -1 where there is none. */
  find({ high, low, family, length }: PrefixKey): number {
    const kind = kindOf(family, length);
    const hash = this.#hash(high, low, kind);
    const tag = tagOf(hash);
    const tags = this.#tags;
    const mask = this.#mask;
    for (let place = hash & mask; ; place = (place + 1) & mask) {
      const standing = tags[place]!;
      if (standing === 0) return -1;
      if (standing === tag && this.#is(place, high, low, kind)) return place;
    }
  }

  /** The number of the prefix that stands at a place. */
  valueAt(place: number): number {
    return this.#places[place * width + kindAt]! & 0xffffff;
  }

  /** The mark of the prefix that stands at a place. */
  markAt(place: number): number {
    return this.#places[place * width + markAt]!;
  }

  /** The number of a prefix; -1 where there is none. */
  get(key: PrefixKey): number {
    const place = this.find(key);
    return place === -1 ? -1 : this.valueAt(place);
  }

  /**
   * @param value 0 or more, below `mostValues`
   * @param mark unsigned, 32 bits
   */
  set(key: PrefixKey, value: number, mark = 0): void {
    if (value >= mostValues) throw new RangeError(`${value} is more than fits into a place`);
    const kind = kindOf(key.family, key.length);
    let place = this.find(key);
    if (place === -1) {
      if (++this.#size * 2 > this.#mask) this.#grow();
      const hash = this.#hash(key.high, key.low, kind);
      place = this.#free(hash);
      this.#tags[place] = tagOf(hash);
    }
    const at = place * width;
    this.#places[at + highAt] = key.high;
    this.#places[at + lowAt] = key.low;
    this.#places[at + kindAt] = kind * mostValues + value;
    this.#places[at + markAt] = mark;
  }

  delete(key: PrefixKey): void {
    let hole = this.find(key);
    if (hole === -1) return;
    const [tags, places, mask] = [this.#tags, this.#places, this.#mask];
    this.#size--;
    // What stands behind moves up, as far as its own place allows: so no place need be marked as once taken.
    for (let place = (hole + 1) & mask; tags[place] !== 0; place = (place + 1) & mask) {
      const home = this.#hashAt(places, place * width) & mask;
      if (((place - home) & mask) < ((place - hole) & mask)) continue;
      places.copyWithin(hole * width, place * width, (place + 1) * width);
      tags[hole] = tags[place]!;
      hole = place;
    }
    tags[hole] = 0;
  }

  #is(place: number, high: number, low: number, kind: number): boolean {
    const at = place * width;
    const places = this.#places;
    return places[at + highAt] === high && places[at + lowAt] === low && places[at + kindAt]! >>> 24 === kind;
  }

  #free(hash: number): number {
    let place = hash & this.#mask;
    while (this.#tags[place] !== 0) place = (place + 1) & this.#mask;
    return place;
  }

  #hash(high: number, low: number, kind: number): number {
    let hash = Math.imul(high ^ this.#seed, mix1);
    hash = Math.imul((hash ^ (hash >>> 15) ^ low) + kind, mix2);
    hash = Math.imul(hash ^ (hash >>> 13), mix1);
    return hash ^ (hash >>> 16);
  }

  #hashAt(places: Uint32Array, at: number): number {
    return this.#hash(places[at + highAt]!, places[at + lowAt]!, places[at + kindAt]! >>> 24);
  }

  #grow(): void {
    const [tags, old] = [this.#tags, this.#places];
    const size = tags.length * 2;
    this.#mask = size - 1;
    this.#tags = new Uint8Array(size);
    this.#places = new Uint32Array(size * width);
    for (let from = 0; from < tags.length; from++) {
      if (tags[from] === 0) continue;
      const place = this.#free(this.#hashAt(old, from * width));
      this.#tags[place] = tags[from]!;
      this.#places.set(old.subarray(from * width, (from + 1) * width), place * width);
    }
  }
}

/** Below 256; no prefix that is kept has length 0. */
const kindOf = (family: 4 | 6, length: number): number => Math.min(length, 64) + (family === 6 ? 128 : 0);

/** From the upper end of the hash: the place is taken from the lower. */
const tagOf = (hash: number): number => hash >>> 24 || 1;
