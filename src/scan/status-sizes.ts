/** The sizes of the server's own redirects and errors, by status. */

const kept = 64;

export interface StatusSizesData {
  readonly counts: readonly (readonly [status: number, count: number])[];
  readonly sizes: readonly (readonly [status: number, sizes: readonly number[]])[];
  readonly headersCounted: number;
  readonly bodiless: number;
}

export class StatusSizes {
  readonly #counts = new Float64Array(1000);
  readonly #sizes = new Map<number, Set<number>>();
  #headersCounted = 0;
  #bodiless = 0;

  /**
   * @param bytes -1 if not logged
   * @param bodiless an answer without a body (304, HEAD): if it has bytes, the log counts headers
   */
  add(status: number, bytes: number, bodiless: boolean): void {
    if (status < 0 || status > 999) return;
    this.#counts[status]!++;
    if (bodiless) {
      this.#bodiless++;
      if (bytes > 0) this.#headersCounted++;
      return;
    }
    if (bytes < 0 || (status >= 200 && status < 300)) return;
    const sizes = this.#sizes.get(status);
    if (sizes === undefined) this.#sizes.set(status, new Set([bytes]));
    else if (sizes.size < kept) sizes.add(bytes);
  }

  count(status: number): number {
    return this.#counts[status] ?? 0;
  }

  /** Some distinct sizes of ordinary answers with this status. */
  sizes(status: number): number[] {
    return [...(this.#sizes.get(status) ?? [])];
  }

  /** The log counts header bytes (Apache `%O`, `%I`): most answers without a body have a size. */
  get countsHeaders(): boolean {
    return this.#headersCounted > 0 && this.#headersCounted * 2 > this.#bodiless;
  }

  merge(data: StatusSizesData): void {
    for (const [status, count] of data.counts) this.#counts[status]! += count;
    for (const [status, sizes] of data.sizes) {
      const own = this.#sizes.get(status) ?? new Set();
      for (const size of sizes) if (own.size < kept) own.add(size);
      this.#sizes.set(status, own);
    }
    this.#headersCounted += data.headersCounted;
    this.#bodiless += data.bodiless;
  }

  pack(): StatusSizesData {
    const counts: [number, number][] = [];
    this.#counts.forEach((count, status) => {
      if (count > 0) counts.push([status, count]);
    });
    return {
      counts,
      sizes: [...this.#sizes].map(([status, sizes]) => [status, [...sizes]]),
      headersCounted: this.#headersCounted,
      bodiless: this.#bodiless,
    };
  }
}
