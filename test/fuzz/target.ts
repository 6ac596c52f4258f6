/** A pure function under fuzzing. */
export interface Target {
  readonly name: string;
  /** Inputs to start from. */
  readonly seeds: readonly Buffer[];
  /** Milliseconds of processor that one input may take. @default 200 */
  readonly tooSlow?: number;
  /** Pieces that mean something to it, one character a byte. */
  readonly words: readonly string[];
  /**
   * Reads the input and holds what comes out against what must always be true.
   *
   * @returns a short description of how the input was read: an input that gives a new one is changed further
   * @throws where something that must be true is not
   */
  readonly run: (input: Buffer) => string;
  /** Reads the input once, and no more: what is timed against the size of the input. @default as `run` */
  readonly read?: (input: Buffer) => unknown;
}

/** @throws Error */
export function must(holds: boolean, what: string): void {
  if (!holds) throw new Error(what);
}
