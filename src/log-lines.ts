/** Formats log entries for people, one line each. */
import { styleText } from 'node:util';

const colours = { block: 'red', flag: 'yellow', time: 'dim', rule: 'bold' } as const;
/** Coloured on a terminal, unless NO_COLOR is set; plain in a file. */
const paint = (colour: keyof typeof colours, text: string): string =>
  styleText(colours[colour], text, { stream: process.stderr });

/** Terminal escapes: text from clients is printable already; this is the second line of defence. */
const harmless = (value: unknown): string => String(value ?? '').replace(/[^\x20-\x7e]/g, '?');
/** The same for our own messages, which may hold names in any script: only controls and bidi overrides are replaced. */
const harmlessWords = (value: unknown): string =>
  String(value ?? '').replace(/[\0-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g, '?');

type Entry = Readonly<Record<string, unknown>>;

/** @returns a function from one JSON entry, as pino writes it, to its line */
export async function lineForPeople(): Promise<(line: string) => string> {
  const { prettyFactory } = await import('pino-pretty');
  const pretty = prettyFactory({
    colorize: process.stderr.isTTY && process.env.NO_COLOR === undefined,
    translateTime: 'SYS:HH:MM:ss',
  });
  return (line) => logLine(line, pretty);
}

/** @param other formats entries without an event name */
function logLine(line: string, other: (line: string) => string): string {
  const entry = JSON.parse(line) as Entry;
  switch (entry.event) {
    case 'probe':
    case 'banned':
      return probeLine(entry);
    case 'probes':
    case 'banned-more':
      return countLine(entry);
    default:
      return typeof entry.event === 'string' ? eventLine(entry) : other(line);
  }
}

/** `12:00:00  banned       198.51.100.7/32 until …`: entries with an event name, in the same columns as probes. */
function eventLine({ time, event, level, msg, err }: Entry): string {
  const word = event === 'ban' ? 'banned' : harmless(event);
  const text = harmlessWords(msg);
  // The word is in its column already.
  const rest = text.startsWith(`${word} `) || text.startsWith(`${word}: `) ? text.slice(word.length) : text;
  const colour = Number(level) >= 50 ? 'block' : Number(level) >= 40 ? 'flag' : 'rule';
  const head = `${paint('time', clockOf(time))}  ${paint(colour, word.padEnd(11))}  ${rest.replace(/^:? /, '')}`;
  return [head, ...reasonLines(err)].join('\n').concat('\n');
}

/** The lines of an error message: a config can have several faults. The stack is left out. */
function reasonLines(err: unknown): string[] {
  const text = typeof err === 'string' ? err : (err as { message?: string } | undefined)?.message;
  return text === undefined ? [] : text.split('\n').map((line) => `    ${harmlessWords(line)}`);
}

/** Further probes that got no line of their own. */
function countLine({ time, action, client, rule, more }: Entry): string {
  return `${opening(time, action)}  ${harmless(client).padEnd(15)}  ${paint('rule', harmless(rule))}  ${harmless(more)} more within a minute\n`;
}

const clockOf = (time: unknown): string => new Date(String(time)).toTimeString().slice(0, 8);

function opening(time: unknown, action: unknown): string {
  const fate = action === 'block' ? 'blocked    ' : 'flagged    ';
  return `${paint('time', clockOf(time))}  ${paint(action === 'block' ? 'block' : 'flag', fate)}`;
}

function probeLine(entry: Entry): string {
  const { time, action, client, rule, request, answer, intent, destination: to } = entry;
  // The offending Host is not in the request line.
  const host = rule === 'host-foreign' ? `Host: ${harmless(to).slice(0, 80)}  ` : '';
  const passed = request === '' ? '' : 'forwarded';
  const given = answer === null ? passed : answer === 'drop' ? 'dropped' : harmless(answer);
  // Of a banned or limited client nothing is read, and of a TLS hello only the name.
  const asked = harmless(request).slice(0, 100) || harmless(to).slice(0, 80);
  return [
    opening(time, action),
    harmless(client).padEnd(15),
    paint('rule', harmless(rule)),
    ...(asked === '' ? [] : [host + asked]),
    paint('time', asked === '' ? given : `(${harmless(intent)}) ${given}`.trimEnd()),
  ]
    .join('  ')
    .concat('\n');
}
