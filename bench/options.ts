/** Options and output of every benchmark that `npm run bench` runs. */
export interface BenchOptions {
  /** One JSON object a line on stdout, instead of text. */
  readonly json?: boolean;
  /** Fewer and shorter rounds: a check that the benchmark works, not a measurement. */
  readonly quick?: boolean;
  /** Of `forward`: only loads whose name contains this. */
  readonly scene?: string;
  /** Of `forward`: only this peer beside Sekisho. */
  readonly peer?: string;
}

/** Prints one result: the object with --json, else the line of text. */
export function print(options: BenchOptions, result: object, line: string): void {
  process.stdout.write(options.json === true ? `${JSON.stringify(result)}\n` : `${line}\n`);
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}
