import type { PrefixKey } from './prefix-key.ts';

/** Odd, from MurmurHash3. */
const mix1 = 0x85ebca6b;
const mix2 = 0xc2b2ae35;

/** Words of a slot: the two halves of the key; length and family above the number; the mark. */
const highAt = 0;
const lowAt = 1;
const kindAt = 2;
const markAt = 3;
const width = 4;

/** Numbers must be smaller: they share a word with length and family. */
export const mostValues = 2 ** 24;

/**
 * A hash map from exact prefixes to a number and a mark: open addressing in two typed arrays, at most 68 bytes per prefix.
 * One byte of each slot's hash is kept in a separate array. Most clients are in no list, and those bytes alone show it:
 * a million prefixes have two megabytes of them, which stay in the processor's cache. The rest of a slot is contiguous,
 * so a client in the list costs one more cache miss. The hash is seeded, since senders choose their addresses.
 */
export class PrefixIndex {
  readonly #seed = Math.floor(Math.random() * 2 ** 32);
  #mask = 63;
  /** 0: the slot is free. */
  #tags = new Uint8Array(64);
  #slots = new Uint32Array(64 * width);
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** The slot of a prefix, valid until the next change; -1 if it is not in the index. */
  find({ high, low, family, length }: PrefixKey): number {
    const kind = kindOf(family, length);
    const hash = this.#hash(high, low, kind);
    const tag = tagOf(hash);
    const tags = this.#tags;
    const mask = this.#mask;
    for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
      const found = tags[slot]!;
      if (found === 0) return -1;
      if (found === tag && this.#is(slot, high, low, kind)) return slot;
    }
  }

  /** The number of the prefix in a slot. */
  valueAt(slot: number): number {
    return this.#slots[slot * width + kindAt]! & 0xffffff;
  }

  /** The mark of the prefix in a slot. */
  markAt(slot: number): number {
    return this.#slots[slot * width + markAt]!;
  }

  /** The number of a prefix; -1 if it is not in the index. */
  get(key: PrefixKey): number {
    const slot = this.find(key);
    return slot === -1 ? -1 : this.valueAt(slot);
  }

  /**
   * @param value 0 or more, below `mostValues`
   * @param mark unsigned, 32 bits
   */
  set(key: PrefixKey, value: number, mark = 0): void {
    if (value >= mostValues) throw new RangeError(`${value} does not fit into a slot`);
    const kind = kindOf(key.family, key.length);
    let slot = this.find(key);
    if (slot === -1) {
      if (++this.#size * 2 > this.#mask) this.#grow();
      const hash = this.#hash(key.high, key.low, kind);
      slot = this.#free(hash);
      this.#tags[slot] = tagOf(hash);
    }
    const at = slot * width;
    this.#slots[at + highAt] = key.high;
    this.#slots[at + lowAt] = key.low;
    this.#slots[at + kindAt] = kind * mostValues + value;
    this.#slots[at + markAt] = mark;
  }

  delete(key: PrefixKey): void {
    let hole = this.find(key);
    if (hole === -1) return;
    const [tags, slots, mask] = [this.#tags, this.#slots, this.#mask];
    this.#size--;
    // Backward-shift deletion: later entries of the run move up, so no tombstones are needed.
    for (let slot = (hole + 1) & mask; tags[slot] !== 0; slot = (slot + 1) & mask) {
      const home = this.#hashAt(slots, slot * width) & mask;
      if (((slot - home) & mask) < ((slot - hole) & mask)) continue;
      slots.copyWithin(hole * width, slot * width, (slot + 1) * width);
      tags[hole] = tags[slot]!;
      hole = slot;
    }
    tags[hole] = 0;
  }

  #is(slot: number, high: number, low: number, kind: number): boolean {
    const at = slot * width;
    const slots = this.#slots;
    return slots[at + highAt] === high && slots[at + lowAt] === low && slots[at + kindAt]! >>> 24 === kind;
  }

  #free(hash: number): number {
    let slot = hash & this.#mask;
    while (this.#tags[slot] !== 0) slot = (slot + 1) & this.#mask;
    return slot;
  }

  #hash(high: number, low: number, kind: number): number {
    let hash = Math.imul(high ^ this.#seed, mix1);
    hash = Math.imul((hash ^ (hash >>> 15) ^ low) + kind, mix2);
    hash = Math.imul(hash ^ (hash >>> 13), mix1);
    return hash ^ (hash >>> 16);
  }

  #hashAt(slots: Uint32Array, at: number): number {
    return this.#hash(slots[at + highAt]!, slots[at + lowAt]!, slots[at + kindAt]! >>> 24);
  }

  #grow(): void {
    const [tags, old] = [this.#tags, this.#slots];
    const size = tags.length * 2;
    this.#mask = size - 1;
    this.#tags = new Uint8Array(size);
    this.#slots = new Uint32Array(size * width);
    for (let from = 0; from < tags.length; from++) {
      if (tags[from] === 0) continue;
      const slot = this.#free(this.#hashAt(old, from * width));
      this.#tags[slot] = tags[from]!;
      this.#slots.set(old.subarray(from * width, (from + 1) * width), slot * width);
    }
  }
}

/** Below 256. Prefixes of length 0 are not stored. */
const kindOf = (family: 4 | 6, length: number): number => Math.min(length, 64) + (family === 6 ? 128 : 0);

/** The highest byte of the hash: the lower bits choose the slot. */
const tagOf = (hash: number): number => hash >>> 24 || 1;
