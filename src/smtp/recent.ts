/**
 * A table that forgets: two generations, the older one forgotten whole when the younger holds as many as a generation may. What
 * was set last is kept longest.
 */
export class Recent<T> {
  readonly #most: number;
  #young = new Map<string, T>();
  #old = new Map<string, T>();

  /** @param most entries of a generation */
  constructor(most: number) {
    this.#most = most;
  }

  get(key: string): T | undefined {
    return this.#young.get(key) ?? this.#old.get(key);
  }

  set(key: string, value: T): void {
    this.#young.set(key, value);
    if (this.#young.size < this.#most) return;
    this.#old = this.#young;
    this.#young = new Map();
  }
}
