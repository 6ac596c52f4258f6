/** Counts names where a server's own names appear. Bounded: names beyond the first thousand are not counted. */

const limit = 1000;

/** Where a name was seen. */
export type Sighting =
  /** In the vhost column, which the server writes. */
  | 'vhost'
  /** In the Host header, which the client writes. */
  | 'host'
  /** In the referer of a delivered image, style or script: the page that embeds it. */
  | 'asset'
  /** In any other referer. */
  | 'referer'
  /** In a referer with the requested path itself. */
  | 'self'
  /** The domain of mail delivered to a local mailbox. */
  | 'mail';

export type NameCounts = Partial<Record<Sighting, number>>;

export class NameTally {
  readonly #names = new Map<string, NameCounts>();

  add(name: string, sighting: Sighting, count = 1): void {
    const counts = this.of(name);
    if (counts !== null) counts[sighting] = (counts[sighting] ?? 0) + count;
  }

  /** The live counters of a name; null if there are too many names. */
  of(name: string): NameCounts | null {
    let counts = this.#names.get(name);
    if (counts === undefined) {
      if (this.#names.size >= limit) return null;
      counts = {};
      this.#names.set(name, counts);
    }
    return counts;
  }

  merge(data: ReadonlyMap<string, NameCounts>): void {
    for (const [name, counts] of data) {
      for (const [sighting, count] of Object.entries(counts)) this.add(name, sighting as Sighting, count);
    }
  }

  get names(): ReadonlyMap<string, NameCounts> {
    return this.#names;
  }
}
