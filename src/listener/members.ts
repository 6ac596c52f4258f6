export interface Member {
  /** Its index; only `Members` writes it. */
  place: number;
}

/**
 * A set whose members come and go with the traffic: connections, sessions.
 *
 * This is no Set because V8 links each table that a Set has outgrown to the next one. Once such a table is in the old generation, so is every
 * table after it with the members that were in it, until the next full collection (test/listener/members.test.ts).
 */
export class Members<T extends Member> implements Iterable<T> {
  readonly #all: T[] = [];

  get size(): number {
    return this.#all.length;
  }

  add(member: T): void {
    member.place = this.#all.length;
    this.#all.push(member);
  }

  /** @returns whether it was a member */
  delete(member: T): boolean {
    const { place } = member;
    if (this.#all[place] !== member) return false;
    const last = this.#all.pop()!;
    if (last === member) return true;
    this.#all[place] = last;
    last.place = place;
    return true;
  }

  /** Members of now: some may leave while the caller goes through them. */
  [Symbol.iterator](): Iterator<T> {
    return [...this.#all].values();
  }
}
