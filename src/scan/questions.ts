/** Names that may be the server's own, which only the operator knows. */

/** Most names remembered. */
const limit = 10_000;

export class Questions {
  /** Occurrences of each name. */
  readonly names = new Map<string, number>();

  add(name: string): void {
    const count = this.names.get(name);
    if (count !== undefined || this.names.size < limit) this.names.set(name, (count ?? 0) + 1);
  }
}
