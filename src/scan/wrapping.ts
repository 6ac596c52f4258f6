/**
 * What container runtimes and log collectors put around a line. It is taken off before the line is read, whatever is
 * inside: a client called `{"log":` or `web-1` is nobody.
 */

/** The line within; several, or none yet, where lines and records do not match; null where a line does not wear it. */
type Unwrap = (line: string) => string | readonly string[] | null;

export interface Wrapping {
  readonly id: string;
  /** For people: what puts it there. */
  readonly title: string;
  /** A line of it around `LINE`. */
  readonly example: string;
  /** A record needs the lines before it: a large log is not read in parts. */
  readonly stateful?: true;
  /** @param limit longest record that is put together, in characters */
  open(limit: number): Unwrap;
}

/** Docker cuts lines into records of so many bytes; only the last one ends with a line feed. */
const dockerRecord = 16_384;

const docker: Wrapping = {
  id: 'docker',
  title: "Docker's json-file driver",
  example: '{"log":"LINE\\n","stream":"stdout","time":"2026-11-10T10:00:00.000000001Z"}',
  open(limit) {
    let held = '';
    return (line) => {
      if (!line.startsWith('{') || !line.includes('"log"') || !line.includes('"stream"')) return null;
      const log = logOf(line);
      if (log === null) return null;
      const text = held + log.replace(/\r?\n$/, '');
      const goesOn = log.length >= dockerRecord && !log.endsWith('\n') && text.length < limit;
      held = goesOn ? text : '';
      return goesOn ? [] : text;
    };
  },
};

function logOf(line: string): string | null {
  const log = objectOf(line)?.log;
  return typeof log === 'string' ? latin1(log) : null;
}

function objectOf(line: string): Readonly<Record<string, unknown>> | null {
  try {
    return JSON.parse(Buffer.from(line, 'latin1').toString('utf8')) as Record<string, unknown>;
  } catch {
    return null;
  }
}

const latin1 = (text: string): string => Buffer.from(text, 'utf8').toString('latin1');

const criLine =
  /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d) std(?:out|err) ([FP])(?::\S+)? ?(.*)$/s;

const cri: Wrapping = {
  id: 'cri',
  title: 'Kubernetes: containerd, CRI-O (CRI)',
  example: '2026-11-10T10:00:00.000000001Z stdout F LINE',
  open(limit) {
    let held = '';
    return (line) => {
      const m = criLine.exec(line);
      if (m === null) return null;
      const text = held + m[2]!;
      // P: a part, the rest of the line is in the next record.
      const goesOn = m[1] === 'P' && text.length < limit;
      held = goesOn ? text : '';
      return goesOn ? [] : text;
    };
  },
};

const composeLine = /^(?:\x1b\[[\d;]*m)*[A-Za-z0-9][\w.-]* +\|(?:\x1b\[[\d;]*m)* (.*)$/s;

const compose: Wrapping = {
  id: 'compose',
  title: '`docker compose logs`',
  example: 'web-1  | LINE',
  open: () => (line) => composeLine.exec(line)?.[1] ?? null,
};

/** A JSON text of many lines, or of one line with many objects: arrays of exports, whatever `jq` or a console printed. */
const jsonText: Wrapping = {
  id: 'json-text',
  title: 'a JSON array, on one line or on many',
  example: '[LINE, …]',
  stateful: true,
  open(limit) {
    let depth = 0;
    let quoted = false;
    let escaped = false;
    let object = '';
    return (line) => {
      const found: string[] = [];
      let from = 0;
      for (let i = 0; i < line.length; i++) {
        const byte = line.charCodeAt(i);
        if (quoted) {
          if (escaped) escaped = false;
          else if (byte === 0x5c) escaped = true;
          else if (byte === 0x22) quoted = false;
        } else if (byte === 0x22) quoted = true;
        else if (byte === 0x7b && depth++ === 0) from = i;
        else if (byte === 0x7d && depth > 0 && --depth === 0) {
          found.push(object + line.slice(from, i + 1));
          object = '';
        }
      }
      if (depth > 0) object += `${line.slice(from)} `;
      if (object.length <= limit) return found;
      // No object is that long: it is no JSON.
      depth = 0;
      quoted = false;
      object = '';
      return null;
    };
  },
};

/** Names under which collectors keep a line: journald, Filebeat, Google Cloud, Loki, winston and others. */
const lineFields = ['MESSAGE', 'message', 'textPayload', 'line', 'log', 'msg'];

/** Asked only where no format reads the objects themselves: many of those have a message beside their fields. */
export const collector: Wrapping = {
  id: 'collector',
  title: 'the message of a JSON object: `journalctl -o json`, Filebeat, Google Cloud, winston',
  example: '{"@timestamp":"2026-11-10T10:00:00Z","message":"LINE"}',
  open: () => messageOf,
};

/** The line that a collector has put into a JSON object; null where the line is none. */
export function messageOf(line: string): string | null {
  if (!line.startsWith('{')) return null;
  const fields = objectOf(line);
  const name = fields === null ? undefined : lineFields.find((field) => typeof fields[field] === 'string');
  return name === undefined ? null : latin1(fields![name] as string).replace(/\r?\n$/, '');
}

/** Every wrapping, as `docs/reference/log-formats.md` lists them. */
export const wrappings: readonly Wrapping[] = [docker, cri, compose, jsonText, collector];

/** A collector may wrap what a runtime has wrapped; more than that nobody does. */
const deepest = 3;

/** The wrapping that most of the lines wear, from the outside in. @param lines the first ones of a log, none empty */
export function detectWrapping(lines: readonly string[], limit: number): Wrapping[] {
  const worn: Wrapping[] = [];
  let texts = lines;
  while (worn.length < deepest && texts.length > 0) {
    const next = beginsJsonText(texts)
      ? jsonText
      : [docker, cri, compose].find((one) => {
          const unwrap = one.open(limit);
          return texts.filter((line) => unwrap(line) !== null).length * 2 > texts.length;
        });
    if (next === undefined || worn.includes(next)) break;
    worn.push(next);
    texts = unwrapAll(texts, next.open(limit));
  }
  return worn;
}

/** `[` alone or before an object, or `{` alone: not the `[` of a time, and not an object a line. */
function beginsJsonText(lines: readonly string[]): boolean {
  return /^\s*(?:\[\s*(?:\{|$)|\{\s*$)/.test(lines[0]!.slice(0, 1000));
}

/** What is within each line; a line that does not wear the wrapping is passed on as it is. */
export function unwrapAll(lines: readonly string[], unwrap: Unwrap): string[] {
  return lines.flatMap((line) => unwrap(line) ?? line);
}

/** Opens the wrappings of one log: a line in, the lines within out. */
export function openWrappings(worn: readonly Wrapping[], limit: number): (line: string) => readonly string[] {
  const unwraps = worn.map((one) => one.open(limit));
  return (line) => unwraps.reduce<readonly string[]>((lines, unwrap) => unwrapAll(lines, unwrap), [line]);
}

/** What syslog puts before a line: RFC 5424, or RFC 3164 with its time or an ISO one, with or without a host. */
const syslog =
  /^(?:<\d{1,3}>)?(?:1 \S+ \S+ \S+ \S+ \S+ (?:-|\[[^\]]*\]) |(?:\w{3} +\d{1,2} \d\d:\d\d:\d\d|\d{4}-\d\d-\d\dT[\d:.]+(?:Z|[+-]\d\d:?\d\d)) (?:[\w.:-]+ )?[\w./@-]+(?:\[\d+\])?: )/;
/** The time of `docker logs -t` and `kubectl logs --timestamps`. */
const stamp = /^\d{4}-\d\d-\d\dT[\d:.]+(?:Z|[+-]\d\d:\d\d) /;
/** A longer prefix is none, in characters. */
const longestPrefix = 300;

export const isSyslog = (line: string): boolean => syslog.test(line.slice(0, longestPrefix));

/** The line without the prefix of syslog or of a time; null where it has none. */
export function withoutPrefix(line: string): string | null {
  const head = line.slice(0, longestPrefix);
  const m = syslog.exec(head) ?? stamp.exec(head);
  return m === null ? null : line.slice(m[0].length);
}
