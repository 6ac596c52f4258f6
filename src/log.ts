import { destination, type Logger, pino, stdTimeFunctions } from 'pino';
import pretty from 'pino-pretty';
import type { Config } from './config/config.ts';

/** The program's log, on stderr: stdout belongs to what scripts read. */
export function createLog({ level, format }: Config['log']): Logger {
  const people = format === 'pretty' || (format === 'auto' && process.stderr.isTTY);
  const options = { level, base: null, timestamp: stdTimeFunctions.isoTime };
  return people
    ? pino(
        options,
        pretty({
          destination: 2,
          sync: true,
          translateTime: 'HH:MM:ss',
          ignore: 'bytes,event,rules,listener,why,action',
        }),
      )
    : pino(options, destination({ dest: 2, sync: false, minLength: 0 }));
}
