import { writeSync } from 'node:fs';
import { destination, type Logger, pino, stdTimeFunctions } from 'pino';
import { prettyFactory } from 'pino-pretty';
import type { Config } from './config/config.ts';

/** The program's log, on stderr: stdout belongs to what scripts read. On a terminal a line a person reads, else JSON. */
export function createLog({ level, format }: Config['log']): Logger {
  const people = format === 'pretty' || (format === 'auto' && process.stderr.isTTY);
  const options = { level, base: null, timestamp: stdTimeFunctions.isoTime };
  if (!people) return pino(options, destination({ dest: 2, sync: false, minLength: 0 }));
  const shown = peopleLine(process.stderr.isTTY === true && process.env.NO_COLOR === undefined);
  return pino(options, { write: (line: string) => void writeSync(2, shown(line)) });
}

const colours = { block: '31', flag: '33', time: '2', rule: '1' } as const;

/** What comes from a client is printable already; a terminal obeys what is not, so it is made sure of once more. */
const harmless = (value: unknown): string => String(value ?? '').replace(/[^\x20-\x7e]/g, '?');

/**
 * One line an entry, for people.
 *
 * @param colour only where a terminal reads it
 * @returns a function of one JSON object as pino writes it
 */
export function peopleLine(colour: boolean): (line: string) => string {
  const pretty = prettyFactory({ colorize: colour, translateTime: 'SYS:HH:MM:ss', ignore: 'event' });
  const paint = (name: keyof typeof colours, text: string): string =>
    colour ? `\x1b[${colours[name]}m${text}\x1b[0m` : text;

  function probeLine({
    time,
    action,
    client,
    rule,
    request,
    answer,
    intent,
  }: Record<string, unknown>): string {
    const clock = new Date(String(time)).toTimeString().slice(0, 8);
    const fate = action === 'block' ? 'turned away' : 'flagged    ';
    const given = answer === null ? 'passed on' : answer === 'drop' ? 'dropped' : harmless(answer);
    const parts = [
      paint('time', clock),
      paint(action === 'block' ? 'block' : 'flag', fate),
      harmless(client).padEnd(15),
      paint('rule', harmless(rule)),
      harmless(request).slice(0, 100),
      paint('time', `(${harmless(intent)}) ${given}`),
    ];
    return `${parts.join('  ')}\n`;
  }

  return (line) => {
    const entry = JSON.parse(line) as Record<string, unknown>;
    return entry.event === 'probe' ? probeLine(entry) : pretty(line);
  };
}
