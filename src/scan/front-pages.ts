/** The sizes of the server's own front page, day by day: front pages change within days. */

export interface FrontSize {
  readonly size: number;
  readonly count: number;
  /** Seconds since the epoch. */
  readonly first: number;
  readonly last: number;
}

interface Bucket {
  /** Up to `exactSizes` distinct sizes. */
  sizes: { size: number; count: number; first: number; last: number }[];
}

/** Exact sizes per day and sixteen-byte step; further sizes are counted for the first of them. */
const exactSizes = 4;
/** Most buckets: ten years of a page with twenty sizes a day. Beyond, the oldest quarter is evicted. */
const bucketLimit = 65_536;
const day = 86_400;

export class FrontPages {
  readonly #buckets = new Map<number, Bucket>();
  #count = 0;

  /** Front pages seen. */
  get count(): number {
    return this.#count;
  }

  add(size: number, seconds: number, count = 1, first = seconds): void {
    this.#count += count;
    const key = keyOf(Math.floor(seconds / day), size);
    let bucket = this.#buckets.get(key);
    if (bucket === undefined) {
      if (this.#buckets.size >= bucketLimit) this.#forget();
      bucket = { sizes: [] };
      this.#buckets.set(key, bucket);
    }
    let entry = bucket.sizes.find((known) => known.size === size);
    if (entry === undefined) {
      if (bucket.sizes.length < exactSizes) {
        bucket.sizes.push({ size, count, first, last: seconds });
        return;
      }
      entry = bucket.sizes[0]!;
    }
    entry.count += count;
    entry.first = Math.min(entry.first, first);
    entry.last = Math.max(entry.last, seconds);
  }

  /** Sizes within `reach` bytes, seen within `days` of a time, the nearest size first. */
  near(size: number, seconds: number, days: number, reach: number): FrontSize[] {
    const today = Math.floor(seconds / day);
    const found: FrontSize[] = [];
    const look = (bucket: Bucket | undefined): void => {
      for (const entry of bucket?.sizes ?? []) if (Math.abs(entry.size - size) <= reach) found.push(entry);
    };
    const lookups = (2 * days + 1) * (Math.ceil(reach / 8) + 1);
    if (this.#buckets.size <= lookups) {
      for (const [key, bucket] of this.#buckets) {
        if (Math.abs(Math.floor(key / sizeSteps) - today) <= days) look(bucket);
      }
    } else {
      for (let d = today - days; d <= today + days; d++) {
        for (let step = Math.max(0, size - reach) >>> 4; step <= (size + reach) >>> 4; step++) {
          look(this.#buckets.get(d * sizeSteps + step));
        }
      }
    }
    return found.sort((a, b) => Math.abs(a.size - size) - Math.abs(b.size - size));
  }

  /** Every size seen, oldest day first. */
  all(): FrontSize[] {
    return [...this.#buckets.values()].flatMap((bucket) => bucket.sizes);
  }

  merge(sizes: readonly FrontSize[]): void {
    for (const { size, count, first, last } of sizes) this.add(size, last, count, first);
  }

  #forget(): void {
    let drop = this.#buckets.size / 4;
    for (const key of this.#buckets.keys()) {
      if (drop-- <= 0) break;
      this.#buckets.delete(key);
    }
  }
}

/** Sixteen-byte steps per day. */
const sizeSteps = 0x10000000;

const keyOf = (day: number, size: number): number => day * sizeSteps + (Math.min(size, 0xffffffff) >>> 4);
