/** Certificate files that cannot be used, in this process. */

export class FileFaults {
  /** Called after each change. */
  onChange: (() => void) | null = null;
  readonly #byUser = new Map<object, ReadonlyMap<string, string>>();

  /** Reasons by file; the files of several users may be the same. */
  get all(): Readonly<Record<string, string>> {
    return Object.fromEntries([...this.#byUser.values()].flatMap((faults) => [...faults]));
  }

  /** @param faults reasons by file; they replace the user's earlier ones */
  put(user: object, faults: ReadonlyMap<string, string>): void {
    if (faults.size === 0 && !this.#byUser.has(user)) return;
    if (faults.size === 0) this.#byUser.delete(user);
    else this.#byUser.set(user, new Map(faults));
    this.onChange?.();
  }

  /** Forgets a user that ends. Does not call `onChange`, since no problem is resolved. */
  leave(user: object): void {
    this.#byUser.delete(user);
  }
}

export const fileFaults = new FileFaults();
