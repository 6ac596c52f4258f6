/** Certificate files that some process of the gateway cannot use. One per gateway: workers and this process read the same files. */
export class FileReports {
  readonly #known = new Map<object, Readonly<Record<string, string>>>();
  /** Reported problems, by file. */
  #reported: Readonly<Record<string, string>> = {};
  readonly #onTrouble: (file: string, reason: string | null) => void;

  /** @param onTrouble gets problems; reason null: resolved */
  constructor(onTrouble: (file: string, reason: string | null) => void) {
    this.#onTrouble = onTrouble;
  }

  /**
   * @param process any object that identifies the process
   * @param faults reasons by file
   */
  take(process: object, faults: Readonly<Record<string, string>>): void {
    this.#known.set(process, faults);
    const [before, now] = [this.#reported, this.all];
    this.#reported = now;
    for (const file of new Set([...Object.keys(before), ...Object.keys(now)]))
      if (before[file] !== now[file]) this.#onTrouble(file, now[file] ?? null);
  }

  /** Forgets a process that has ended. Its problems are resolved with the next report of another one. */
  forget(process: object): void {
    this.#known.delete(process);
  }

  /** Reasons by file. */
  get all(): Readonly<Record<string, string>> {
    return Object.assign({}, ...this.#known.values());
  }
}
