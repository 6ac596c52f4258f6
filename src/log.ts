import { basename, dirname, join } from 'node:path';
import { destination, type Logger, pino, stdTimeFunctions } from 'pino';
import type { Config } from './config/config.ts';
import { combinedLine } from './events/combined-line.ts';
import { LogFile, type LogSink, stderrSink } from './log-file.ts';
import { lineForPeople } from './log-lines.ts';

export interface OpenLog {
  readonly log: Logger;
  /** Reopens the file; does nothing if the log goes to stderr. */
  reopen(): void;
}

/**
 * The program's log: in `log.file`, or on stderr (stdout is for scripts). For people on a terminal, otherwise JSON, with our field
 * names or those of ECS.
 *
 * @throws Error if the file can't be written; the message says how to fix it
 */
export async function openLog(config: Config['log']): Promise<OpenLog> {
  const { file, level, format, access } = config;
  const people = format === 'pretty' || (format === 'auto' && file === null && process.stderr.isTTY);
  const options = { level, base: null, timestamp: stdTimeFunctions.isoTime };
  const combined = access === 'combined';
  const shownLine = people ? await lineForPeople() : format === 'ecs' ? await lineByEcs() : null;
  if (file === null && shownLine === null && !combined)
    return { log: pino(options, destination({ dest: 2, sync: false, minLength: 0 })), reopen: () => {} };
  const sink: LogSink = file === null ? stderrSink : new LogFile(file);
  const accessPath = accessFile(config);
  const accessSink = accessPath === null ? sink : new LogFile(accessPath);
  const write = (line: string): void => {
    const accessLine = combined ? combinedLine(line) : null;
    if (accessLine !== null) accessSink.write(accessLine);
    else sink.write(shownLine === null ? line : shownLine(line));
  };
  const reopen = (): void => {
    sink.reopen();
    if (accessSink !== sink) accessSink.reopen();
  };
  return { log: pino(options, { write }), reopen };
}

const lineByEcs = async () => (await import('./events/ecs-line.ts')).ecsLine;

/** The file for Combined Log Format lines, apart from the log, since log analysers fail on other lines; null: they go to the log. */
export const accessFile = ({ file, access }: Config['log']): string | null =>
  file === null || access !== 'combined' || basename(file) === 'access.log'
    ? null
    : join(dirname(file), 'access.log');
