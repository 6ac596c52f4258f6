/** JSON from clouds and collectors: Cloudflare Logpush, Google Cloud load balancers, the Elastic Common Schema. */
import { logEntry, statusOrNull } from '../log-entry.ts';
import { type Fields, number, object, type Shape, text, time } from './json-fields.ts';

const cloudflare: Shape = {
  id: 'cloudflare',
  title: 'Cloudflare Logpush (HTTP requests)',
  example:
    '{"ClientIP":"192.0.2.7","ClientRequestHost":"www.example.net","ClientRequestMethod":"GET","ClientRequestURI":"http://www.example.com/","EdgeStartTimestamp":"2026-11-10T10:00:00Z","EdgeResponseStatus":404,"EdgeResponseBytes":196,"RayID":"1"}',
  is: (fields) => 'ClientRequestMethod' in fields,
  read: (fields) =>
    logEntry({
      time: time(fields.EdgeStartTimestamp),
      client: text(fields.ClientIP) ?? '',
      host: text(fields.ClientRequestHost),
      request: `${text(fields.ClientRequestMethod) ?? ''} ${text(fields.ClientRequestURI) ?? ''} ${text(fields.ClientRequestProtocol) ?? 'HTTP/1.1'}`,
      status: statusOrNull(number(fields.EdgeResponseStatus)),
      bytes: number(fields.EdgeResponseBytes),
      referer: text(fields.ClientRequestReferer),
      agent: text(fields.ClientRequestUserAgent),
      upstream: text(fields.OriginIP),
    }),
};

const gcp: Shape = {
  id: 'gcp',
  title: 'Google Cloud load balancer',
  example:
    '{"httpRequest":{"requestMethod":"GET","requestUrl":"http://www.example.com/","status":404,"responseSize":"196","remoteIp":"192.0.2.7","serverIp":"10.0.0.2","latency":"0.1s"},"timestamp":"2026-11-10T10:00:00Z","resource":{"type":"http_load_balancer"}}',
  is: (fields) => typeof object(fields.httpRequest).requestMethod === 'string',
  read: (fields) => {
    const http = object(fields.httpRequest);
    const latency = /^([\d.]+)s$/.exec(text(http.latency) ?? '');
    return logEntry({
      time: time(fields.timestamp),
      client: text(http.remoteIp) ?? '',
      request: `${text(http.requestMethod)} ${text(http.requestUrl) ?? ''} ${text(http.protocol) ?? 'HTTP/1.1'}`,
      status: statusOrNull(number(http.status)),
      bytes: number(http.responseSize),
      duration: latency === null ? null : Number(latency[1]) * 1000,
      referer: text(http.referer),
      agent: text(http.userAgent),
      upstream: text(http.serverIp),
      writtenAsUrl: true,
    });
  },
};

/** A field of the schema, nested or with a dotted key. */
function ecsField(fields: Fields, name: string): unknown {
  if (fields[name] !== undefined) return fields[name];
  const dot = name.indexOf('.');
  return dot === -1 ? undefined : ecsField(object(fields[name.slice(0, dot)]), name.slice(dot + 1));
}

const ecs: Shape = {
  id: 'ecs',
  title: 'Elastic Common Schema (Filebeat and others)',
  example:
    '{"@timestamp":"2026-11-10T10:00:00Z","client":{"ip":"192.0.2.7"},"http":{"request":{"method":"GET"},"response":{"status_code":404,"body":{"bytes":196}}},"url":{"original":"http://www.example.com/"}}',
  is: (fields) => typeof ecsField(fields, 'http.request.method') === 'string',
  read: (fields) => {
    const of = (...names: string[]): unknown =>
      names.map((name) => ecsField(fields, name)).find((value) => value !== undefined);
    const nanoseconds = number(of('event.duration'));
    return logEntry({
      time: time(of('@timestamp')),
      client: text(of('client.ip', 'source.ip', 'client.address', 'source.address')) ?? '',
      host: text(of('url.domain', 'destination.domain')),
      request: `${text(of('http.request.method'))} ${text(of('url.original', 'url.path', 'url.full')) ?? ''} HTTP/${text(of('http.version')) ?? '1.1'}`,
      status: statusOrNull(number(of('http.response.status_code'))),
      bytes: number(of('http.response.body.bytes', 'http.response.bytes')),
      duration: nanoseconds === null ? null : nanoseconds / 1e6,
      referer: text(of('http.request.referrer')),
      agent: text(of('user_agent.original')),
      // url.full is put together by the collector, so it has a host in every line.
      ...(of('url.original', 'url.path') === undefined ? { writtenAsUrl: true as const } : {}),
    });
  },
};

export const cloudShapes: readonly Shape[] = [cloudflare, gcp, ecs];
