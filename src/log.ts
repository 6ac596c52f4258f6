import { writeSync } from 'node:fs';
import { destination, type Logger, pino, stdTimeFunctions } from 'pino';
import type { Config } from './config/config.ts';
import { logLine } from './log-line.ts';

/** The program's log, on stderr: stdout belongs to what scripts read. On a terminal a line a person reads, else JSON. */
export function createLog({ level, format }: Config['log']): Logger {
  const people = format === 'pretty' || (format === 'auto' && process.stderr.isTTY);
  const options = { level, base: null, timestamp: stdTimeFunctions.isoTime };
  return people
    ? pino(options, { write: (line: string) => void writeSync(2, logLine(line)) })
    : pino(options, destination({ dest: 2, sync: false, minLength: 0 }));
}
