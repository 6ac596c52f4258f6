/** A pure function under fuzzing. */
export interface Target {
  readonly name: string;
  /** Inputs to start from. */
  readonly seeds: readonly Buffer[];
  /** CPU milliseconds that one input may take. @default 200 */
  readonly tooSlow?: number;
  /** Pieces that are significant to the parser, one character per byte. */
  readonly words: readonly string[];
  /**
   * Reads the input and checks the result against the invariants.
   *
   * @returns a short description of how the input was read: an input that gives a new one is changed further
   * @throws if an invariant is violated
   */
  readonly run: (input: Buffer) => string;
  /** Reads the input once, for timing by input size. @default as `run` */
  readonly read?: (input: Buffer) => unknown;
}

/** @throws Error */
export function must(holds: boolean, what: string): void {
  if (!holds) throw new Error(what);
}
