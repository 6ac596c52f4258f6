import { readFile, watch } from 'node:fs/promises';

/** A log file that a real server writes. */
export interface AccessLog {
  readonly path: string;
  /** The current lines. A server writes a line after its answer: see `waitFor`. */
  lines(): Promise<string[]>;
  /** Waits for a line that matches, past ones included. @throws after `timeout` milliseconds (default 5000) */
  waitFor(pattern: RegExp, timeout?: number): Promise<string>;
}

/** Reads the log file at `path`; the file must be there already. */
export function accessLog(path: string): AccessLog {
  const lines = async (): Promise<string[]> => (await readFile(path, 'utf8')).split('\n').slice(0, -1);
  return {
    path,
    lines,
    async waitFor(pattern, timeout = 5_000) {
      const signal = AbortSignal.timeout(timeout);
      // Watches before it reads, so that no line is missed in between.
      const changes = watch(path, { signal });
      try {
        let found = (await lines()).find((line) => pattern.test(line));
        while (found === undefined) {
          await changes.next();
          found = (await lines()).find((line) => pattern.test(line));
        }
        return found;
      } catch (cause) {
        throw new Error(`no line ${pattern} in ${path} in ${timeout} ms: ${(await lines()).join('\n')}`, {
          cause,
        });
      } finally {
        await changes.return?.();
      }
    },
  };
}
