/** One JSON object a line: Caddy, Traefik, Envoy, Zeek, Suricata, and access logs that nginx or Apache write as JSON. */
import type { LineFormat, Parsed } from '../line-format.ts';
import { type LogEntry, logEntry, numberOrNull, orNull, statusOrNull, withoutPort } from '../log-entry.ts';
import { clfTime, epochTime, isoTime } from '../log-time.ts';
import { unescapeRequest } from '../request-text.ts';

type Fields = Readonly<Record<string, unknown>>;

const text = (value: unknown): string | null =>
  typeof value === 'string' ? orNull(value) : typeof value === 'number' ? String(value) : null;
/** A number of some hundred digits reads as Infinity. */
const finite = (value: number): number | null => (Number.isFinite(value) ? value : null);
const number = (value: unknown): number | null =>
  typeof value === 'number' ? finite(value) : typeof value === 'string' ? numberOrNull(value) : null;
const object = (value: unknown): Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : {};
const isObject = (value: unknown): boolean => typeof value === 'object' && value !== null;

function time(value: unknown): number | null {
  if (typeof value === 'number') return epochTime(value);
  if (typeof value !== 'string') return null;
  return (
    clfTime(value) ?? isoTime(value) ?? (/^\d+(?:\.\d+)?$/.test(value) ? epochTime(Number(value)) : null)
  );
}

/** A header of Go's map of lists, whatever its case. */
function header(headers: unknown, name: string): string | null {
  const value = Object.entries(object(headers)).find(([key]) => key.toLowerCase() === name)?.[1];
  return text(Array.isArray(value) ? value[0] : value);
}

const ms = (seconds: number | null): number | null => (seconds === null ? null : seconds * 1000);

interface Shape {
  readonly id: string;
  readonly title: string;
  readonly is: (fields: Fields) => boolean;
  readonly read: (fields: Fields) => Parsed;
}

const caddy: Shape = {
  id: 'caddy',
  title: 'Caddy JSON',
  is: ({ request, logger }) => isObject(request) || typeof logger === 'string',
  read: (fields) => {
    const request = object(fields.request);
    if (typeof request.method !== 'string') return 'skip';
    return logEntry({
      time: time(fields.ts),
      client: text(request.remote_ip) ?? withoutPort(text(request.remote_addr) ?? ''),
      host: text(request.host),
      request: `${request.method} ${text(request.uri) ?? ''} ${text(request.proto) ?? ''}`,
      status: statusOrNull(number(fields.status)),
      bytes: number(fields.size),
      duration: ms(number(fields.duration)),
      referer: header(request.headers, 'referer'),
      agent: header(request.headers, 'user-agent'),
    });
  },
};

const traefik: Shape = {
  id: 'traefik',
  title: 'Traefik JSON',
  is: (fields) => 'RequestMethod' in fields && ('RequestPath' in fields || 'RequestHost' in fields),
  read: (fields) => {
    const method = text(fields.RequestMethod) ?? '';
    // Traefik logs no authority in the path; of a CONNECT there is nothing but the host.
    const target = method === 'CONNECT' ? text(fields.RequestAddr) : text(fields.RequestPath);
    return logEntry({
      time: time(fields.StartUTC ?? fields.StartLocal ?? fields.time),
      client: text(fields.ClientHost) ?? withoutPort(text(fields.ClientAddr) ?? ''),
      host: text(fields.RequestHost),
      request: `${method} ${target ?? ''} ${text(fields.RequestProtocol) ?? ''}`,
      status: statusOrNull(number(fields.DownstreamStatus)),
      bytes: number(fields.DownstreamContentSize),
      duration: number(fields.Duration) === null ? null : number(fields.Duration)! / 1e6,
      referer: text(fields.request_Referer),
      agent: text(fields['request_User-Agent']),
      upstream: text(fields.ServiceAddr),
    });
  },
};

const suricata: Shape = {
  id: 'eve',
  title: 'Suricata eve.json',
  is: (fields) => typeof fields.event_type === 'string' && 'timestamp' in fields,
  read: (fields) => {
    const http = object(fields.http);
    if (fields.event_type !== 'http' || typeof http.http_method !== 'string') return 'skip';
    return logEntry({
      time: isoTime(String(fields.timestamp).replace(/([+-]\d\d)(\d\d)$/, '$1:$2')),
      client: text(fields.src_ip) ?? '',
      host: text(http.hostname),
      request: `${http.http_method} ${text(http.url) ?? ''} ${text(http.protocol) ?? ''}`,
      status: statusOrNull(number(http.status)),
      bytes: number(http.length),
      referer: text(http.http_refer),
      agent: text(http.http_user_agent),
    });
  },
};

const zeek: Shape = {
  id: 'zeek',
  title: 'Zeek http.log (JSON)',
  is: (fields) => 'id.orig_h' in fields && 'uid' in fields,
  read: (fields) =>
    typeof fields.method === 'string'
      ? logEntry({
          time: time(fields.ts),
          client: text(fields['id.orig_h']) ?? '',
          host: text(fields.host),
          request: `${fields.method} ${text(fields.uri) ?? ''} HTTP/${text(fields.version) ?? '1.1'}`,
          status: statusOrNull(number(fields.status_code)),
          bytes: number(fields.response_body_len),
          referer: text(fields.referrer),
          agent: text(fields.user_agent),
        })
      : 'skip',
};

const envoy: Shape = {
  id: 'envoy-json',
  title: 'Envoy JSON',
  is: (fields) => 'response_code' in fields && 'method' in fields,
  read: (fields) => {
    const path =
      text(fields.path) ?? text(fields['x-envoy-origin-path']) ?? text(fields['x-envoy-original-path']);
    const authority = text(fields[':authority']) ?? text(fields.authority);
    const method = text(fields.method) ?? '';
    return logEntry({
      time: time(fields.start_time),
      client: withoutPort(text(fields.downstream_remote_address) ?? ''),
      host: authority,
      request: `${method} ${(method === 'CONNECT' ? authority : path) ?? ''} ${text(fields.protocol) ?? 'HTTP/1.1'}`,
      status: statusOrNull(number(fields.response_code)),
      bytes: number(fields.bytes_sent),
      duration: number(fields.duration),
      referer: text(fields.referer),
      agent: text(fields['user-agent']) ?? text(fields.user_agent),
      upstream: text(fields.upstream_host),
    });
  },
};

const first = (fields: Fields, names: readonly string[]): unknown => {
  for (const name of names) if (fields[name] !== undefined && fields[name] !== '') return fields[name];
  return undefined;
};

/** Names that nginx variables and Apache directives mostly get in hand-written JSON formats. */
const generic: Shape = {
  id: 'json',
  title: 'access log as JSON',
  is: (fields) =>
    first(fields, ['request', 'request_method', 'method', 'verb']) !== undefined &&
    first(fields, statusNames) !== undefined,
  read: (fields) => {
    const line = text(fields.request);
    const request = line?.includes(' ')
      ? unescapeRequest(line)
      : [
          text(first(fields, ['request_method', 'method', 'verb'])) ?? '',
          text(first(fields, ['request_uri', 'uri', 'url', 'path'])) ?? line ?? '',
          text(first(fields, ['server_protocol', 'protocol', 'http_version'])) ?? '',
        ].join(' ');
    return logEntry({
      time: time(
        first(fields, ['time_iso8601', 'time_local', 'msec', '@timestamp', 'timestamp', 'time', 'ts']),
      ),
      client: withoutPort(
        text(
          first(fields, ['remote_addr', 'remote_ip', 'client_ip', 'clientip', 'client', 'remoteIP', 'ip']),
        ) ?? '',
      ),
      host: text(first(fields, ['http_host', 'host', 'vhost'])),
      vhost: text(fields.server_name),
      request,
      status: statusOrNull(number(first(fields, statusNames))),
      bytes: number(first(fields, ['body_bytes_sent', 'bytes_sent', 'bytes', 'size', 'response_size'])),
      duration: ms(number(fields.request_time)),
      referer: text(first(fields, ['http_referer', 'http_referrer', 'referer', 'referrer'])),
      agent: text(first(fields, ['http_user_agent', 'user_agent', 'agent'])),
      upstream: text(fields.upstream_addr),
    });
  },
};
const statusNames = ['status', 'status_code', 'response', 'code'];

const shapes = [caddy, traefik, suricata, zeek, envoy, generic];

/** Container runtimes and syslog put a time and a stream before the object. */
function parseObject(line: string): Fields | null {
  const open = line.startsWith('{') ? 0 : line.search(/(?:^|\s)\{"/);
  if (open === -1 || open > 300) return null;
  try {
    const value: unknown = JSON.parse(line.slice(open));
    return isObject(value) ? (value as Fields) : null;
  } catch {
    return null;
  }
}

/** Text that was read one character a byte, as the UTF-8 that JSON is. */
const utf8 = (line: string): string =>
  /[\x80-\xff]/.test(line) ? Buffer.from(line, 'latin1').toString('utf8') : line;

export const jsonFormats: readonly LineFormat[] = shapes.map((shape) => ({
  id: shape.id,
  title: shape.title,
  open: () => ({
    parse(line) {
      if (!line.includes('{"')) return null;
      const fields = parseObject(utf8(line));
      if (fields === null) return null;
      const entry: Parsed = shape.is(fields) ? shape.read(fields) : null;
      return entry === null || entry === 'skip' ? entry : bytesOf(entry);
    },
  }),
}));

/** What follows reads one character a byte. */
function bytesOf(entry: LogEntry): LogEntry {
  return /[^\0-\xff]/.test(entry.request)
    ? { ...entry, request: Buffer.from(entry.request, 'utf8').toString('latin1') }
    : entry;
}
