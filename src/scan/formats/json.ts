/** One JSON object per line: Caddy, Traefik, Envoy, Zeek, Suricata, and JSON access logs of nginx or Apache. */
import type { LineFormat, Parsed } from '../line-format.ts';
import { logEntry, statusOrNull, withoutPort } from '../log-entry.ts';
import { isoTime } from '../log-time.ts';
import { unescapeRequest } from '../request-text.ts';
import { cloudShapes } from './cloud.ts';
import {
  bytesOf,
  type Fields,
  header,
  isObject,
  ms,
  number,
  object,
  parseLine,
  type Shape,
  text,
  time,
} from './json-fields.ts';

const caddy: Shape = {
  id: 'caddy',
  title: 'Caddy JSON',
  example:
    '{"level":"info","ts":1793959200.75,"logger":"http.log.access","msg":"handled request","request":{"remote_ip":"192.0.2.7","client_ip":"192.0.2.7","proto":"HTTP/1.1","method":"GET","host":"www.example.com","uri":"http://www.example.com/","headers":{"User-Agent":["curl/8"]}},"duration":0.01,"size":0,"status":404}',
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
  example:
    '{"ClientAddr":"192.0.2.7:39496","ClientHost":"192.0.2.7","DownstreamContentSize":19,"DownstreamStatus":404,"Duration":357313,"RequestAddr":"example.com:443","RequestHost":"example.com","RequestMethod":"CONNECT","RequestPath":"","RequestProtocol":"HTTP/1.1","StartUTC":"2026-11-10T10:00:00.587782192Z"}',
  is: (fields) => 'RequestMethod' in fields && ('RequestPath' in fields || 'RequestHost' in fields),
  read: (fields) => {
    const method = text(fields.RequestMethod) ?? '';
    // Traefik logs paths without authority; for a CONNECT only the address is logged.
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
  example:
    '{"timestamp":"2026-11-10T10:00:00.000000+0000","event_type":"http","src_ip":"192.0.2.7","src_port":4000,"dest_ip":"10.0.0.1","http":{"hostname":"www.example.com","url":"http://www.example.com/","http_method":"GET","protocol":"HTTP/1.1","status":403,"length":10}}',
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
  example:
    '{"ts":1793959200.1,"uid":"C1","id.orig_h":"192.0.2.7","id.orig_p":4000,"id.resp_h":"10.0.0.1","id.resp_p":80,"method":"CONNECT","host":"example.com","uri":"example.com:25","version":"1.1","response_body_len":166,"status_code":405}',
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
  example:
    '{"start_time":"2026-11-10T10:00:00.000Z","method":"GET","path":"http://www.example.com/","protocol":"HTTP/1.1","response_code":404,"bytes_sent":19,"duration":3,"downstream_remote_address":"192.0.2.7:4000",":authority":"www.example.com","upstream_host":"10.0.0.5:80"}',
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

/** Custom JSON formats of nginx or Apache, with the common field names. */
const generic: Shape = {
  id: 'json',
  title: 'access log as JSON',
  example:
    '{"time_iso8601":"2026-11-10T10:00:00+00:00","remote_addr":"192.0.2.7","http_host":"www.example.net","request":"GET http://www.example.com/ HTTP/1.1","status":404,"body_bytes_sent":196}',
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

const shapes = [caddy, traefik, suricata, zeek, envoy, ...cloudShapes, generic];

export const jsonFormats: readonly LineFormat[] = shapes.map(({ id, title, example, is, read }) => ({
  id,
  title,
  example,
  open: () => ({
    parse(line) {
      const fields = parseLine(line);
      if (fields === null) return null;
      const entry: Parsed = is(fields) ? read(fields) : null;
      return entry === null || typeof entry === 'string' ? entry : bytesOf(entry);
    },
  }),
}));
