/** Custom formats: compiles Apache's LogFormat and nginx's log_format into one pattern. */
import type { LineFormat } from '../line-format.ts';
import { type LogEntry, logEntry, numberOrNull, orNull, statusOrNull, withoutPort } from '../log-entry.ts';
import { clfTime, epochTime, isoTime } from '../log-time.ts';
import { unescapeRequest } from '../request-text.ts';

type Draft = { -readonly [K in keyof LogEntry]?: LogEntry[K] } & {
  method?: string;
  target?: string;
  query?: string;
  protocol?: string;
};

type Take = (draft: Draft, value: string) => void;

const ignore: Take = () => {};
const client: Take = (draft, value) => {
  draft.client = withoutPort(value);
};
const request: Take = (draft, value) => {
  draft.request = unescapeRequest(value);
};
const bytes: Take = (draft, value) => {
  draft.bytes = numberOrNull(value);
};
const status: Take = (draft, value) => {
  draft.status = statusOrNull(value);
};
const time: Take = (draft, value) => {
  draft.time = clfTime(value.replace(/^\[|\]$/g, '')) ?? isoTime(value) ?? epochTime(Number(value));
};
const text =
  (
    key: 'host' | 'vhost' | 'referer' | 'agent' | 'upstream' | 'method' | 'target' | 'query' | 'protocol',
  ): Take =>
  (draft, value) => {
    const known = orNull(value);
    if (known !== null) draft[key] = known;
  };
const duration =
  (unit: number): Take =>
  (draft, value) => {
    const number = numberOrNull(value);
    draft.duration = number === null ? null : number * unit;
  };

/** Apache's directives by the letter after `%`, with the name in braces if there is one. */
const apache: Readonly<Record<string, Take>> = {
  h: client,
  a: client,
  '{c}a': client,
  r: request,
  s: status,
  b: bytes,
  B: bytes,
  O: bytes,
  t: time,
  v: text('vhost'),
  V: text('host'),
  m: text('method'),
  U: text('target'),
  q: text('query'),
  H: text('protocol'),
  D: duration(1e-3),
  T: duration(1000),
  '{host}i': text('host'),
  '{referer}i': text('referer'),
  '{user-agent}i': text('agent'),
  '{ms}T': duration(1),
  '{us}T': duration(1e-3),
  '{BALANCER_WORKER_NAME}e': text('upstream'),
};

const nginx: Readonly<Record<string, Take>> = {
  remote_addr: client,
  realip_remote_addr: ignore,
  request,
  status,
  body_bytes_sent: bytes,
  bytes_sent: bytes,
  time_local: time,
  time_iso8601: time,
  msec: time,
  server_name: text('vhost'),
  host: text('host'),
  http_host: text('host'),
  request_method: text('method'),
  request_uri: text('target'),
  server_protocol: text('protocol'),
  http_referer: text('referer'),
  http_user_agent: text('agent'),
  request_time: duration(1000),
  upstream_addr: text('upstream'),
};

const apacheDirective = /%[!\d,]*[<>]?(\{[^}]*\})?(\^?[A-Za-z]{1,2}|%)/g;
const nginxVariable = /\$(?:\{(\w+)\}|(\w+))/g;

/**
 * Compiles a format string, with or without its directive (`LogFormat "…" name`, `log_format name '…' '…';`).
 *
 * @throws RangeError if it has no request
 */
export function customFormat(definition: string): LineFormat {
  const body = formatBody(definition);
  const takes: Take[] = [];
  const isNginx = !/%[<>{]?[A-Za-z{]/.test(body) && body.includes('$');
  const pattern = isNginx
    ? compile(body, nginxVariable, (m) => nginx[m[1] ?? m[2]!] ?? ignore, takes)
    : compile(body, apacheDirective, (m) => apacheTake(m), takes);
  if (!takes.some((take) => take === request || take === apache.m || take === nginx.request_method)) {
    throw new RangeError(
      `the format ${JSON.stringify(definition)} has no request: give a LogFormat with %r, or a log_format with $request`,
    );
  }
  const expression = new RegExp(`^${pattern}`, 's');
  return {
    id: 'custom',
    title: `${isNginx ? 'log_format' : 'LogFormat'} ${body}`,
    example: body,
    open: () => ({
      parse(line) {
        const m = expression.exec(line);
        if (m === null) return null;
        const draft: Draft = {};
        for (const [i, take] of takes.entries()) take(draft, m[i + 1] ?? '');
        const { method, target, query, protocol, ...fields } = draft;
        return logEntry({
          ...fields,
          request:
            fields.request ??
            unescapeRequest(`${method ?? ''} ${target ?? ''}${query ?? ''} ${protocol ?? 'HTTP/1.1'}`),
        });
      },
    }),
  };
}

function formatBody(definition: string): string {
  const named = /^\s*(?:LogFormat|CustomLog|log_format)\s+([\s\S]*?);?\s*$/i.exec(definition)?.[1];
  if (named === undefined) return definition.replaceAll('\\"', '"');
  const quoted = named.match(/"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'/g);
  if (quoted === null) return named;
  return quoted
    .map((part) => part.slice(1, -1))
    .join('')
    .replaceAll('\\"', '"');
}

function apacheTake(m: RegExpMatchArray): Take {
  const brace = m[1] ?? '';
  const letter = m[2]!;
  if (letter === 'i') return apache[`${brace.toLowerCase()}i`] ?? ignore;
  return (
    apache[`${brace}${letter}`] ?? (brace === '' || letter === 't' ? (apache[letter] ?? ignore) : ignore)
  );
}

function compile(body: string, word: RegExp, take: (m: RegExpMatchArray) => Take, takes: Take[]): string {
  let pattern = '';
  let at = 0;
  for (const m of body.matchAll(word)) {
    const before = body.slice(at, m.index);
    at = m.index + m[0].length;
    pattern += literal(before);
    if (m[0].endsWith('%') && m[2] === '%') {
      pattern += '%';
      continue;
    }
    const taken = take(m);
    takes.push(taken);
    const next = body[at];
    // A quoted value may contain escaped quotes. A request from Apache 1.3 may contain bare ones, so backtracking finds its end.
    if (before.endsWith('"') && next === '"')
      pattern += taken === request ? '(.*?)' : '((?:[^"\\\\]|\\\\.)*)';
    else if (m[0].endsWith('t') && m[0].startsWith('%')) pattern += '(\\[[^\\]]*\\]|\\S+)';
    else if (next === undefined) pattern += '(.*)';
    else pattern += next === ' ' ? '(\\S*)' : `([^${escaped(next)}]*)`;
  }
  return pattern + literal(body.slice(at));
}

const escaped = (text: string): string => text.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&');
const literal = (text: string): string => escaped(text).replace(/ +/g, ' +');
