import { basename, dirname, join } from 'node:path';
import { styleText } from 'node:util';
import { destination, type Logger, pino, stdTimeFunctions } from 'pino';
import type { Config } from './config/config.ts';
import { combinedLine } from './events/combined-line.ts';
import { LogFile, type LogSink, stderrSink } from './log-file.ts';

export interface OpenLog {
  readonly log: Logger;
  /** Opens the file anew; nothing where the log is on stderr. */
  reopen(): void;
}

/**
 * The program's log, in `log.file`, or else on stderr: stdout belongs to what scripts read. On a terminal a line a person reads,
 * else JSON.
 *
 * @throws Error where the file can't be written, with the fix
 */
export async function openLog(config: Config['log']): Promise<OpenLog> {
  const { file, level, format, access } = config;
  const people = format === 'pretty' || (format === 'auto' && file === null && process.stderr.isTTY);
  const options = { level, base: null, timestamp: stdTimeFunctions.isoTime };
  const combined = access === 'combined';
  if (file === null && !people && !combined)
    return { log: pino(options, destination({ dest: 2, sync: false, minLength: 0 })), reopen: () => {} };
  const sink: LogSink = file === null ? stderrSink : new LogFile(file);
  const accessPath = accessFile(config);
  const accessSink = accessPath === null ? sink : new LogFile(accessPath);
  const shownLine = people ? await lineForPeople() : (line: string) => line;
  const write = (line: string): void => {
    const accessLine = combined ? combinedLine(line) : null;
    if (accessLine !== null) accessSink.write(accessLine);
    else sink.write(shownLine(line));
  };
  const reopen = (): void => {
    sink.reopen();
    if (accessSink !== sink) accessSink.reopen();
  };
  return { log: pino(options, { write }), reopen };
}

/** The file of lines in Combined Log Format; null: they go where the log goes. Apart from it, since analysers stop at lines they do not know. */
export const accessFile = ({ file, access }: Config['log']): string | null =>
  file === null || access !== 'combined' || basename(file) === 'access.log'
    ? null
    : join(dirname(file), 'access.log');

const colours = { block: 'red', flag: 'yellow', time: 'dim', rule: 'bold' } as const;
/** Coloured on a terminal, unless NO_COLOR is set; plain in a file. */
const paint = (colour: keyof typeof colours, text: string): string =>
  styleText(colours[colour], text, { stream: process.stderr });

/** What comes from a client is printable already; a terminal obeys what is not, so it is made sure of once more. */
const harmless = (value: unknown): string => String(value ?? '').replace(/[^\x20-\x7e]/g, '?');

/** One line an entry, for people. Its argument is one JSON object, as pino writes it. */
export async function lineForPeople(): Promise<(line: string) => string> {
  const { prettyFactory } = await import('pino-pretty');
  const pretty = prettyFactory({
    colorize: process.stderr.isTTY && process.env.NO_COLOR === undefined,
    translateTime: 'SYS:HH:MM:ss',
    ignore: 'event',
  });
  return (line) => logLine(line, pretty);
}

/** @param other writes what no line of its own is known for */
function logLine(line: string, other: (line: string) => string): string {
  const entry = JSON.parse(line) as Record<string, unknown>;
  switch (entry.event) {
    case 'probe':
    case 'banned':
      return probeLine(entry);
    case 'probes':
    case 'banned-more':
      return countLine(entry);
    default:
      return other(line);
  }
}

/** What came beside those that were written in full. */
function countLine({ time, action, client, rule, more }: Record<string, unknown>): string {
  return `${opening(time, action)}  ${harmless(client).padEnd(15)}  ${paint('rule', harmless(rule))}  ${harmless(more)} more within a minute\n`;
}

function opening(time: unknown, action: unknown): string {
  const clock = new Date(String(time)).toTimeString().slice(0, 8);
  const fate = action === 'block' ? 'turned away' : 'flagged    ';
  return `${paint('time', clock)}  ${paint(action === 'block' ? 'block' : 'flag', fate)}`;
}

function probeLine(entry: Record<string, unknown>): string {
  const { time, action, client, rule, request, answer, intent, destination: to } = entry;
  // Its line names no host, and the host is what is wrong with it.
  const host = rule === 'host-foreign' ? `Host: ${harmless(to).slice(0, 80)}  ` : '';
  const given = answer === null ? 'passed on' : answer === 'drop' ? 'dropped' : harmless(answer);
  return [
    opening(time, action),
    harmless(client).padEnd(15),
    paint('rule', harmless(rule)),
    host + harmless(request).slice(0, 100),
    paint('time', `(${harmless(intent)}) ${given}`),
  ]
    .join('  ')
    .concat('\n');
}
