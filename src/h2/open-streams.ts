/**
 * The open streams of a connection by number. There are few enough (`maxStreams`, `maxBackendStreams`) to search an array.
 *
 * This is no Map because V8 links each table that a Map has outgrown to the next one. Once such a table is in the old generation, so is every
 * table after it with the streams that were in it, until the next full collection (test/http2/open-streams.test.ts).
 */
export class OpenStreams<Stream> {
  readonly #ids: number[] = [];
  readonly #streams: Stream[] = [];

  get size(): number {
    return this.#ids.length;
  }

  get(id: number): Stream | undefined {
    const at = this.#ids.indexOf(id);
    return at === -1 ? undefined : this.#streams[at];
  }

  add(id: number, stream: Stream): void {
    this.#ids.push(id);
    this.#streams.push(stream);
  }

  /** @returns whether it was open */
  delete(id: number): boolean {
    const at = this.#ids.indexOf(id);
    if (at === -1) return false;
    const lastId = this.#ids.pop()!;
    const last = this.#streams.pop()!;
    if (at < this.#ids.length) {
      this.#ids[at] = lastId;
      this.#streams[at] = last;
    }
    return true;
  }

  clear(): void {
    this.#ids.length = 0;
    this.#streams.length = 0;
  }

  /** Visits each stream that is still open when its turn comes: a visit may close any of them. */
  each(visit: (stream: Stream, id: number) => void): void {
    const streams = [...this.#streams];
    const ids = [...this.#ids];
    for (const [at, id] of ids.entries())
      if (this.#ids[at] === id || this.#ids.includes(id)) visit(streams[at]!, id);
  }
}
