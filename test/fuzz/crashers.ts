/** Inputs that a parser failed on. They are kept in a file, and every run of the tests reads them again. */
import { readFileSync, writeFileSync } from 'node:fs';

const file = new URL('./crashers.json', import.meta.url);

export interface Crasher {
  readonly target: string;
  /** Base64. */
  readonly input: string;
  /** The error. */
  readonly error: string;
}

export const crashers = (): Crasher[] => JSON.parse(readFileSync(file, 'utf8')) as Crasher[];

/** Adds new crashers. */
export function saveCrashers(found: readonly Crasher[]): void {
  const known = crashers();
  const added = found.filter(({ target, input }) =>
    known.every((one) => one.target !== target || one.input !== input),
  );
  if (added.length > 0) writeFileSync(file, `${JSON.stringify([...known, ...added], null, 2)}\n`);
}
