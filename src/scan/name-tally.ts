/** How often names stand where a server's own names stand. Bounded: names beyond the first thousand are not counted. */

const limit = 1000;

/** Where a name was seen. */
export type Sighting =
  /** The vhost column: the server wrote it. */
  | 'vhost'
  /** The Host that a client wrote. */
  | 'host'
  /** The referer of an image, a style, a script that was delivered: the page that holds it. */
  | 'asset'
  /** Any other referer. */
  | 'referer'
  /** A referer that names the very path that is asked for. */
  | 'self'
  /** A domain whose mail was put into a mailbox here. */
  | 'mail';

export type NameCounts = Partial<Record<Sighting, number>>;

export class NameTally {
  readonly #names = new Map<string, NameCounts>();

  add(name: string, sighting: Sighting, count = 1): void {
    const counts = this.of(name);
    if (counts !== null) counts[sighting] = (counts[sighting] ?? 0) + count;
  }

  /** What is counted for a name, to be counted on; null where there are too many names. */
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
