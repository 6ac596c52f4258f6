/** Logs of Node applications: pino (Fastify, pino-http) and morgan (Express). */
import type { LineFormat, Parsed } from '../line-format.ts';
import { type LogEntry, logEntry, numberOrNull, statusOrNull } from '../log-entry.ts';
import { withoutColour } from '../request-text.ts';
import {
  bytesOf,
  type Fields,
  header,
  isObject,
  number,
  object,
  parseLine,
  text,
  time,
} from './json-fields.ts';

/** Most requests that wait for the line of their end; beyond, the oldest is emitted without it. */
const pendingLimit = 10_000;

export const pino: LineFormat = {
  id: 'pino',
  title: 'pino (Fastify, pino-http)',
  example: [
    '{"level":30,"time":1793959200000,"pid":1,"hostname":"h","reqId":"req-1","req":{"method":"GET","url":"http://www.example.com/","host":"www.example.net","remoteAddress":"192.0.2.7","remotePort":4000},"msg":"incoming request"}',
    '{"level":30,"time":1793959200003,"pid":1,"hostname":"h","reqId":"req-1","res":{"statusCode":404},"responseTime":3.2,"msg":"request completed"}',
  ].join('\n'),
  stateful: true,
  open() {
    const pending = new Map<string, LogEntry>();
    return {
      parse(line) {
        if (!line.includes('{"')) return null;
        const fields = parseLine(line);
        if (fields === null || typeof fields.level !== 'number') return null;
        if (!isObject(fields.req) && !isObject(fields.res))
          return typeof fields.msg === 'string' ? 'skip' : null;
        return join(pending, fields);
      },
      flush: () => [...pending.values()],
    };
  },
};

/** Fastify logs a line per request and one per answer; pino-http logs one line with both. */
function join(pending: Map<string, LogEntry>, fields: Fields): Parsed {
  const res = object(fields.res);
  const req = isObject(fields.req) ? requestOf(fields) : null;
  const answer = {
    status: statusOrNull(number(res.statusCode)),
    bytes: number(header(res.headers, 'content-length')),
    duration: number(fields.responseTime),
  };
  const id = text(fields.reqId);
  if (req !== null && isObject(fields.res)) return bytesOf({ ...req, ...answer });
  if (req === null) {
    const begun = id === null ? undefined : pending.get(id);
    if (begun === undefined) return 'skip';
    pending.delete(id!);
    return bytesOf({ ...begun, ...answer });
  }
  if (id === null) return bytesOf(req);
  // After a restart ids count from 1 again: the earlier request with this id was never answered.
  const lost = pending.get(id) ?? (pending.size >= pendingLimit ? pending.values().next().value! : null);
  if (lost !== null) for (const [key, entry] of pending) if (entry === lost) pending.delete(key);
  pending.set(id, bytesOf(req));
  return lost ?? 'skip';
}

function requestOf(fields: Fields): LogEntry {
  const req = object(fields.req);
  return logEntry({
    time: time(fields.time),
    client: text(req.remoteAddress) ?? text(req.ip) ?? '',
    host: text(req.host) ?? text(req.hostname) ?? header(req.headers, 'host'),
    request: `${text(req.method) ?? ''} ${text(req.url) ?? ''} HTTP/1.1`,
    referer: header(req.headers, 'referer'),
    agent: header(req.headers, 'user-agent'),
  });
}

const methods = '(?:GET|HEAD|POST|PUT|DELETE|OPTIONS|PATCH|TRACE|CONNECT|PROPFIND|SEARCH)';
/** `dev`: method, target, status, time ms - bytes */
const dev = new RegExp(`^(${methods}) (\\S+) (\\d{3}|-) (\\d+(?:\\.\\d+)?|-) ms - (\\d+|-)$`);
/** `tiny`: method, target, status, bytes - time ms */
const tiny = new RegExp(`^(${methods}) (\\S+) (\\d{3}|-) (\\d+|-) - (\\d+(?:\\.\\d+)?|-) ms$`);
/** `short`: client, user, method, target, version, status, bytes - time ms */
const short = new RegExp(
  `^(\\S+) \\S+ (${methods}) (\\S+) HTTP/\\d(?:\\.\\d)? (\\d{3}|-) (\\d+|-) - (\\d+(?:\\.\\d+)?|-) ms$`,
);

export const morgan: LineFormat = {
  id: 'morgan',
  title: 'morgan dev, tiny or short (Express)',
  example: 'GET http://www.example.com/ 404 3.200 ms - 196',
  open: () => ({
    parse(line) {
      if (line.length > 10_000 || !line.includes(' ms')) return null;
      const plain = withoutColour(line);
      const a = dev.exec(plain);
      if (a !== null) return morganEntry('', a[1]!, a[2]!, a[3], a[5], a[4]);
      const b = tiny.exec(plain);
      if (b !== null) return morganEntry('', b[1]!, b[2]!, b[3], b[4], b[5]);
      const c = short.exec(plain);
      return c === null ? null : morganEntry(c[1]!, c[2]!, c[3]!, c[4], c[5], c[6]);
    },
  }),
};

const morganEntry = (
  client: string,
  method: string,
  target: string,
  status: string | undefined,
  bytes: string | undefined,
  duration: string | undefined,
): LogEntry =>
  logEntry({
    client,
    request: `${method} ${target} HTTP/1.1`,
    status: statusOrNull(status),
    bytes: numberOrNull(bytes),
    duration: numberOrNull(duration),
  });
