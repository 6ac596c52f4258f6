/** A reload in two steps: everything that can fail is prepared first, and can be undone. */
export interface Prepared {
  /** Applies the reload, and ends what it replaces. */
  commit(): Promise<void>;
  /** Undoes the preparation. */
  abort(): Promise<void>;
}

/** A part of a reload. What one part replaces may be in use by another until that one has committed too, so it ends last. */
export interface PreparedPart {
  /** Applies this part. @returns a function that ends what it replaces */
  commit(): Promise<() => Promise<void>>;
  /** Undoes the preparation. */
  abort(): Promise<void>;
}
