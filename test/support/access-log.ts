import { readFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';

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
    async waitFor(pattern, timeout = 20_000) {
      const end = Date.now() + timeout;
      for (;;) {
        const all = await lines();
        const found = all.find((line) => pattern.test(line));
        if (found !== undefined) return found;
        if (Date.now() > end)
          throw new Error(`no line ${pattern} in ${path} in ${timeout} ms: ${all.join('\n')}`);
        await delay(20);
      }
    },
  };
}
