/**
 * Removes what container runtimes and log collectors put around a line, before any format sees it: otherwise `{"log":` or
 * `web-1` would be read as a client.
 */

/** The inner line; none or several if records span lines; null if the line is not wrapped this way. */
type Unwrap = (line: string) => string | readonly string[] | null;

export interface Wrapping {
  readonly id: string;
  /** The program that adds the wrapping. */
  readonly title: string;
  /** The wrapping around `LINE`. */
  readonly example: string;
  /** Records depend on earlier lines, so a large log is not split for threads. */
  readonly stateful?: true;
  /** @param limit longest joined record, in characters */
  open(limit: number): Unwrap;
}

/** Docker splits lines into records of this many bytes; only the last one ends with a line feed. */
const dockerRecord = 16_384;

const docker: Wrapping = {
  id: 'docker',
  title: "Docker's json-file driver",
  example: '{"log":"LINE\\n","stream":"stdout","time":"2026-11-10T10:00:00.000000001Z"}',
  open(limit) {
    return joinParts(limit, (line) => {
      if (!line.startsWith('{') || !line.includes('"log"') || !line.includes('"stream"')) return null;
      const log = logOf(line);
      if (log === null) return null;
      return {
        text: log.replace(/\r?\n$/, ''),
        continues: log.length >= dockerRecord && !log.endsWith('\n'),
      };
    });
  },
};

/** Joins the parts of a line that a runtime split over several records. */
function joinParts(
  limit: number,
  read: (line: string) => { readonly text: string; readonly continues: boolean } | null,
): Unwrap {
  let held = '';
  return (line) => {
    const part = read(line);
    if (part === null) return null;
    const text = held + part.text;
    const continues = part.continues && text.length < limit;
    held = continues ? text : '';
    return continues ? [] : text;
  };
}

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
    return joinParts(limit, (line) => {
      const m = criLine.exec(line);
      // P: partial, the line continues in the next record.
      return m === null ? null : { text: m[2]!, continues: m[1] === 'P' };
    });
  },
};

const composeLine = /^(?:\x1b\[[\d;]*m)*[A-Za-z0-9][\w.-]* +\|(?:\x1b\[[\d;]*m)* (.*)$/s;

const compose: Wrapping = {
  id: 'compose',
  title: '`docker compose logs`',
  example: 'web-1  | LINE',
  open: () => (line) => composeLine.exec(line)?.[1] ?? null,
};

/** JSON that is not one object per line: exported arrays, pretty-printed output of `jq` or a console. */
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
      // No log object is that long, so this is not JSON.
      depth = 0;
      quoted = false;
      object = '';
      return null;
    };
  },
};

/** Fields in which collectors keep the line: journald, Filebeat, Google Cloud, Loki, winston and others. */
const lineFields = ['MESSAGE', 'message', 'textPayload', 'line', 'log', 'msg'];

/** Tried only if no format reads the objects themselves: many formats have a message field besides the request. */
export const collector: Wrapping = {
  id: 'collector',
  title: 'the message of a JSON object: `journalctl -o json`, Filebeat, Google Cloud, winston',
  example: '{"@timestamp":"2026-11-10T10:00:00Z","message":"LINE"}',
  open: () => messageOf,
};

/** The line inside a collector's JSON object; null if there is none. */
export function messageOf(line: string): string | null {
  if (!line.startsWith('{')) return null;
  const fields = objectOf(line);
  const name = fields === null ? undefined : lineFields.find((field) => typeof fields[field] === 'string');
  return name === undefined ? null : latin1(fields![name] as string).replace(/\r?\n$/, '');
}

/** Every wrapping, as `docs/reference/log-formats.md` lists them. */
export const wrappings: readonly Wrapping[] = [docker, cri, compose, jsonText, collector];

/** A collector may wrap a runtime's wrapping; deeper nesting does not occur. */
const deepest = 3;

/** The wrappings of most lines, outermost first. @param lines the first lines of a log, without empty ones */
export function detectWrapping(lines: readonly string[], limit: number): Wrapping[] {
  const found: Wrapping[] = [];
  let texts = lines;
  while (found.length < deepest && texts.length > 0) {
    const next = beginsJsonText(texts)
      ? jsonText
      : [docker, cri, compose].find((one) => {
          const unwrap = one.open(limit);
          return texts.filter((line) => unwrap(line) !== null).length * 2 > texts.length;
        });
    if (next === undefined || found.includes(next)) break;
    found.push(next);
    texts = unwrapAll(texts, next.open(limit));
  }
  return found;
}

/** `[` alone or before an object, or `{` alone: not the `[` of a timestamp, not one object per line. */
function beginsJsonText(lines: readonly string[]): boolean {
  return /^\s*(?:\[\s*(?:\{|$)|\{\s*$)/.test(lines[0]!.slice(0, 1000));
}

/** The inner lines; a line without the wrapping stays as it is. */
function unwrapAll(lines: readonly string[], unwrap: Unwrap): string[] {
  return lines.flatMap((line) => unwrap(line) ?? line);
}

/** A function that removes all wrappings of one log from a line. */
export function openWrappings(
  layers: readonly Wrapping[],
  limit: number,
): (line: string) => readonly string[] {
  const unwraps = layers.map((one) => one.open(limit));
  return (line) => unwraps.reduce<readonly string[]>((lines, unwrap) => unwrapAll(lines, unwrap), [line]);
}

/** The syslog prefix of a line: RFC 5424, or RFC 3164 with its own or an ISO time, with or without a host. */
const syslog =
  /^(?:<\d{1,3}>)?(?:1 \S+ \S+ \S+ \S+ \S+ (?:-|\[[^\]]*\]) |(?:\w{3} +\d{1,2} \d\d:\d\d:\d\d|\d{4}-\d\d-\d\dT[\d:.]+(?:Z|[+-]\d\d:?\d\d)) (?:[\w.:-]+ )?[\w./@-]+(?:\[\d+\])?: )/;
/** The timestamp of `docker logs -t` and `kubectl logs --timestamps`. */
const stamp = /^\d{4}-\d\d-\d\dT[\d:.]+(?:Z|[+-]\d\d:\d\d) /;
/** Longest prefix, in characters. */
const longestPrefix = 300;

export const isSyslog = (line: string): boolean => syslog.test(line.slice(0, longestPrefix));

/** The line without its syslog or time prefix; null if it has none. */
export function withoutPrefix(line: string): string | null {
  const head = line.slice(0, longestPrefix);
  const m = syslog.exec(head) ?? stamp.exec(head);
  return m === null ? null : line.slice(m[0].length);
}
