/** A histogram; an observation costs one comparison loop and one increment. */

export interface HistogramSnapshot {
  /** Upper bounds of the buckets, seconds, ascending. */
  readonly bounds: readonly number[];
  /** Observations per bucket; the last bucket has no upper bound. */
  readonly counts: readonly number[];
  /** Sum of all observations, seconds. */
  readonly sum: number;
}

export class Histogram {
  readonly #bounds: readonly number[];
  readonly #counts: number[];
  #sum = 0;

  /** @param bounds seconds, ascending */
  constructor(bounds: readonly number[]) {
    this.#bounds = bounds;
    this.#counts = new Array<number>(bounds.length + 1).fill(0);
  }

  observe(seconds: number): void {
    const bounds = this.#bounds;
    let bucket = 0;
    while (bucket < bounds.length && seconds > bounds[bucket]!) bucket++;
    this.#counts[bucket]!++;
    this.#sum += seconds;
  }

  snapshot(): HistogramSnapshot {
    return { bounds: this.#bounds, counts: [...this.#counts], sum: this.#sum };
  }
}

/** Adds up the histograms of several processes, which have the same bounds. */
export function sumHistograms(parts: readonly HistogramSnapshot[]): HistogramSnapshot {
  const [first] = parts;
  if (first === undefined) return { bounds: [], counts: [0], sum: 0 };
  return {
    bounds: first.bounds,
    counts: first.counts.map((_, bucket) => parts.reduce((sum, part) => sum + (part.counts[bucket] ?? 0), 0)),
    sum: parts.reduce((sum, part) => sum + part.sum, 0),
  };
}
