/** A reload in two steps: everything that can fail is prepared first, and can be undone. */
export interface Prepared {
  /** Applies the reload, and ends what it replaces. */
  commit(): Promise<void>;
  /** Undoes the preparation. */
  abort(): Promise<void>;
}

/** A part of a reload. Another part may use the replaced objects until it has committed too, so they are ended after all commits. */
export interface PreparedPart {
  /** Applies this part. @returns a function that ends what it replaces */
  commit(): Promise<() => Promise<void>>;
  /** Undoes the preparation. */
  abort(): Promise<void>;
}
