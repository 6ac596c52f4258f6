import type { PrefixKey } from './prefix-key.ts';

/** Odd, from MurmurHash3. */
const mix1 = 0x85ebca6b;
const mix2 = 0xc2b2ae35;

/**
 * Prefixes with a number each, found by exactly that prefix: open addressing over typed arrays, 26 bytes a prefix at the
 * most, one or two cache lines a look-up however many there are. The hash is seeded, since addresses are the sender's choice.
 */
export class PrefixIndex {
  readonly #seed = Math.floor(Math.random() * 2 ** 32);
  #mask = 63;
  #high = new Uint32Array(64);
  #low = new Uint32Array(64);
  /** Length and family; 0: the place is free. */
  #kind = new Uint8Array(64);
  #values = new Int32Array(64);
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** -1 where there is none. */
  get(key: PrefixKey): number {
    const place = this.#find(key);
    return this.#kind[place] === 0 ? -1 : this.#values[place]!;
  }

  set(key: PrefixKey, value: number): void {
    let place = this.#find(key);
    if (this.#kind[place] === 0) {
      if (++this.#size * 2 > this.#mask) {
        this.#grow();
        place = this.#find(key);
      }
      this.#high[place] = key.high;
      this.#low[place] = key.low;
      this.#kind[place] = kindOf(key);
    }
    this.#values[place] = value;
  }

  delete(key: PrefixKey): void {
    let hole = this.#find(key);
    if (this.#kind[hole] === 0) return;
    this.#size--;
    // What stands behind moves up, as far as its own place allows: so no place need be marked as once taken.
    for (let place = (hole + 1) & this.#mask; this.#kind[place] !== 0; place = (place + 1) & this.#mask) {
      const home = this.#home(this.#high[place]!, this.#low[place]!, this.#kind[place]!);
      if (((place - home) & this.#mask) < ((place - hole) & this.#mask)) continue;
      this.#move(place, hole);
      hole = place;
    }
    this.#kind[hole] = 0;
  }

  /** Where a prefix stands, or would. */
  #find(key: PrefixKey): number {
    const { high, low } = key;
    const kind = kindOf(key);
    let place = this.#home(high, low, kind);
    while (
      this.#kind[place] !== 0 &&
      (this.#high[place] !== high || this.#low[place] !== low || this.#kind[place] !== kind)
    )
      place = (place + 1) & this.#mask;
    return place;
  }

  #home(high: number, low: number, kind: number): number {
    let hash = Math.imul(high ^ this.#seed, mix1);
    hash = Math.imul((hash ^ (hash >>> 15) ^ low) + kind, mix2);
    hash = Math.imul(hash ^ (hash >>> 13), mix1);
    return (hash ^ (hash >>> 16)) & this.#mask;
  }

  #move(from: number, to: number): void {
    this.#high[to] = this.#high[from]!;
    this.#low[to] = this.#low[from]!;
    this.#kind[to] = this.#kind[from]!;
    this.#values[to] = this.#values[from]!;
  }

  #grow(): void {
    const [high, low, kind, values] = [this.#high, this.#low, this.#kind, this.#values];
    const size = kind.length * 2;
    this.#mask = size - 1;
    this.#high = new Uint32Array(size);
    this.#low = new Uint32Array(size);
    this.#kind = new Uint8Array(size);
    this.#values = new Int32Array(size);
    for (let old = 0; old < kind.length; old++) {
      if (kind[old] === 0) continue;
      let place = this.#home(high[old]!, low[old]!, kind[old]!);
      while (this.#kind[place] !== 0) place = (place + 1) & this.#mask;
      this.#high[place] = high[old]!;
      this.#low[place] = low[old]!;
      this.#kind[place] = kind[old]!;
      this.#values[place] = values[old]!;
    }
  }
}

/** Never 0: no prefix that is kept has length 0. */
const kindOf = ({ family, length }: PrefixKey): number => Math.min(length, 64) + (family === 6 ? 128 : 0);
