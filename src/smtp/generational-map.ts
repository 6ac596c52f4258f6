/** A bounded map of two generations: when the younger one is full, the older one is dropped whole; the entries of the last generation survive. */
export class GenerationalMap<T> {
  readonly #most: number;
  #young = new Map<string, T>();
  #old = new Map<string, T>();

  /** @param most entries in a generation */
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
