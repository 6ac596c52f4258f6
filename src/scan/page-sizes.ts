/**
 * The sizes of the server's own answers by path, for comparison with answers to probes. Bounded: a direct-mapped table of
 * 32-bit path hashes with four recent sizes each. A hash collision, one in some billions, can cost a wrong comparison,
 * never memory.
 */

const sizesPerPath = 4;
/** Sizes this close are one page: dynamic pages and header counts vary by a few bytes between requests. */
const samePage = 8;

/** FNV-1a, 32 bits, of a path without its query; the CLF reader computes the same over bytes. */
export const hashStart = 0x811c9dc5 | 0;
export const hashStep = (hash: number, byte: number): number => Math.imul(hash ^ byte, 0x01000193);

export function pathHash(path: string): number {
  let hash = hashStart;
  for (let i = 0; i < path.length; i++) {
    const byte = path.charCodeAt(i);
    if (byte === 0x3f) break;
    hash = hashStep(hash, byte);
  }
  return hash;
}

export interface OwnSize {
  readonly size: number;
  /** Seconds since the epoch, last seen. */
  readonly last: number;
}

export class PageSizes {
  readonly #mask: number;
  readonly #tags: Int32Array;
  readonly #hits: Uint32Array;
  readonly #sizes: Float64Array;
  readonly #times: Float64Array;

  /** @param bits the table holds 2^bits paths, 76 bytes each */
  constructor(bits: number) {
    const slots = 1 << bits;
    this.#mask = slots - 1;
    this.#tags = new Int32Array(slots);
    this.#hits = new Uint32Array(slots);
    this.#sizes = new Float64Array(slots * sizesPerPath).fill(-1);
    this.#times = new Float64Array(slots * sizesPerPath);
  }

  add(hash: number, size: number, seconds: number): void {
    const slot = (hash ^ (hash >>> 15)) & this.#mask;
    const base = slot * sizesPerPath;
    const sizes = this.#sizes;
    const times = this.#times;
    const hits = this.#hits[slot]!;
    if (this.#tags[slot] !== hash) {
      // A frequent path keeps its slot: a scan of a thousand unknown paths must not evict it.
      if (hits > 0) {
        this.#hits[slot] = hits - 1;
        return;
      }
      this.#tags[slot] = hash;
      sizes.fill(-1, base, base + sizesPerPath);
    }
    if (hits < 1000) this.#hits[slot] = hits + 1;
    let oldest = base;
    for (let i = base; i < base + sizesPerPath; i++) {
      const known = sizes[i]!;
      if (Math.abs(known - size) <= samePage) {
        sizes[i] = size;
        times[i] = seconds;
        return;
      }
      if (known < 0) {
        oldest = i;
        break;
      }
      if (times[i]! < times[oldest]!) oldest = i;
    }
    sizes[oldest] = size;
    times[oldest] = seconds;
  }

  /** The sizes of the answers for this path; empty if it was never requested. */
  of(hash: number): OwnSize[] {
    const slot = (hash ^ (hash >>> 15)) & this.#mask;
    if (this.#tags[slot] !== hash || this.#hits[slot] === 0) return [];
    const sizes: OwnSize[] = [];
    for (let i = slot * sizesPerPath; i < (slot + 1) * sizesPerPath; i++) {
      if (this.#sizes[i]! >= 0) sizes.push({ size: this.#sizes[i]!, last: this.#times[i]! });
    }
    return sizes;
  }

  /** Whether any path was answered with exactly this size. */
  has(size: number): boolean {
    return this.#sizes.includes(size);
  }

  /** Adds the content of another table. */
  merge(other: PageSizes): void {
    for (let slot = 0; slot <= other.#mask; slot++) {
      if (other.#hits[slot] === 0) continue;
      const hash = other.#tags[slot]!;
      for (let i = slot * sizesPerPath; i < (slot + 1) * sizesPerPath; i++) {
        if (other.#sizes[i]! >= 0) this.add(hash, other.#sizes[i]!, other.#times[i]!);
      }
    }
  }

  /** Plain data for another thread. */
  pack(): PackedSizes {
    return { mask: this.#mask, tags: this.#tags, hits: this.#hits, sizes: this.#sizes, times: this.#times };
  }

  static unpack({ mask, tags, hits, sizes, times }: PackedSizes): PageSizes {
    const table = new PageSizes(Math.round(Math.log2(mask + 1)));
    table.#tags.set(tags);
    table.#hits.set(hits);
    table.#sizes.set(sizes);
    table.#times.set(times);
    return table;
  }
}

export interface PackedSizes {
  readonly mask: number;
  readonly tags: Int32Array;
  readonly hits: Uint32Array;
  readonly sizes: Float64Array;
  readonly times: Float64Array;
}
