/** Names that may be the server's own: only the operator knows. */

/** Names that are remembered. */
const limit = 10_000;

export class Questions {
  /** How often each came. */
  readonly names = new Map<string, number>();

  add(name: string): void {
    const count = this.names.get(name);
    if (count !== undefined || this.names.size < limit) this.names.set(name, (count ?? 0) + 1);
  }
}
