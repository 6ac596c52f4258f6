/** Common, combined, vhost_combined and other formats with a bracketed time and a quoted request line. */
import { clfVhost } from '../clf-reader.ts';
import type { LineFormat, Parsed } from '../line-format.ts';
import { type LogEntry, logEntry, numberOrNull, orNull, statusOrNull } from '../log-entry.ts';
import { clfTime } from '../log-time.ts';
import { unescapeRequest } from '../request-text.ts';
import { withoutPrefix } from '../wrapping.ts';

const timeAt = /\[(\d\d\/\w{3}\/\d{4}:\d\d:\d\d:\d\d(?:\.\d+)? [+-]\d{4})\]/;
/** The end of the request line: the quote before a status. Apache 1.3 did not escape quotes inside the request. */
const requestEnd = /" (\d{3}|-|000) (\d+|-)(?= |$)/;
const bareEnd = /" (\d{3})(?= |$)/;
/** NPMplus writes `[time] host client seconds "request" …`. */
const timeFirst = /^(\S+) (\S+) (?:(\d+(?:\.\d+)?) )?$/;

export const combined: LineFormat = {
  id: 'combined',
  title: 'Apache/nginx common or combined',
  example:
    '192.0.2.7 - - [10/Nov/2026:10:00:00 +0000] "GET http://www.example.com/ HTTP/1.1" 404 196 "-" "curl/8"',
  open: () => ({ parse: parseCombined }),
};

/** Request count, router, backend server, milliseconds. */
const traefikTail = / \d+ "[^"]*" "[^"]*" \d+ms$/;

/** Separate from `combined`, so that ordinary lines skip the fast path and their backend is read. */
export const traefikClf: LineFormat = {
  id: 'traefik-clf',
  title: 'Traefik common log format',
  example:
    '192.0.2.7 - - [10/Nov/2026:10:00:00 +0000] "GET http://www.example.com/ HTTP/1.1" 404 19 "-" "curl/8" 7 "web@docker" "http://10.0.0.5:80" 5ms',
  open: () => ({ parse: (text) => (traefikTail.test(text) ? parseCombined(text) : null) }),
};

export function parseCombined(text: string): Parsed {
  // A JSON object that contains a line: its beginning is no client.
  if (text.startsWith('{')) return null;
  const time = timeAt.exec(text);
  if (time === null) return null;
  const afterTime = time.index + time[0].length;
  const open = text.indexOf('"', afterTime);
  if (open === -1 || open - afterTime > 300) return null;
  const rest = text.slice(open + 1);
  const end = requestEnd.exec(rest) ?? bareEnd.exec(rest);
  if (end === null) return null;
  const between = text.slice(afterTime + 1, open);
  const who = time.index === 0 ? fieldsAfterTime(between) : fieldsBeforeTime(text.slice(0, time.index));
  const tail = rest.slice(end.index + end[0].length);
  return logEntry({
    ...who,
    time: clfTime(time[1]!),
    request: unescapeRequest(rest.slice(0, end.index)),
    status: statusOrNull(end[1]),
    bytes: numberOrNull(end[2]),
    ...tailFields(tail),
  });
}

function fieldsBeforeTime(text: string): Partial<LogEntry> {
  // Syslog and `docker logs -t` add a prefix.
  const words = (withoutPrefix(text) ?? text).trimEnd().split(' ');
  const vhost = clfVhost(words);
  return { vhost, client: (vhost === null ? words[0] : words[1]) ?? '' };
}

function fieldsAfterTime(text: string): Partial<LogEntry> {
  const m = timeFirst.exec(text);
  if (m === null) return {};
  return { host: orNull(m[1]), client: m[2]!, duration: m[3] === undefined ? null : +m[3] * 1000 };
}

/** ` "referer" "agent"`, and Traefik's fields after them. */
function tailFields(tail: string): Partial<LogEntry> {
  const quoted = /^ "((?:[^"\\]|\\.)*)"(?: "((?:[^"\\]|\\.)*)")?/.exec(tail);
  if (quoted === null) return {};
  const after = tail.slice(quoted[0].length);
  const traefik = /^ \d+ "([^"]*)" "([^"]*)" (\d+)ms/.exec(after);
  return {
    referer: orNull(quoted[1]),
    agent: orNull(quoted[2]),
    ...(traefik === null
      ? {}
      : { upstream: orNull(traefik[2]!.replace(/^https?:\/\//, '')), duration: +traefik[3]! }),
  };
}

const proxyManager =
  /^\[([^\]]+)\] (?:\S+ )?(?:(\d{3}|-) )?(\d{3}|-) - ([A-Z]+) (https?) (\S+) "((?:[^"\\]|\\.)*)" \[Client ([^\]]+)\] \[Length (\d+|-)\](?: \[Gzip [^\]]*\])?(?: \[Sent-to ([^\]]+)\])?(?: "((?:[^"\\]|\\.)*)" "((?:[^"\\]|\\.)*)")?/;

export const nginxProxyManager: LineFormat = {
  id: 'npm',
  title: 'Nginx Proxy Manager',
  example:
    '[10/Nov/2026:10:00:00 +0000] 400 - CONNECT http example.com "example.com:443" [Client 192.0.2.7] [Length 0] [Gzip -] "curl/8" "-"',
  open: () => ({
    parse(text) {
      const m = proxyManager.exec(text);
      if (m === null) return null;
      return logEntry({
        time: clfTime(m[1]!),
        client: m[8]!,
        host: m[6]!,
        request: unescapeRequest(`${m[4]} ${m[7]} HTTP/1.1`),
        status: statusOrNull(m[3]),
        bytes: numberOrNull(m[9]),
        upstream: orNull(m[10]),
        agent: orNull(m[11]),
        referer: orNull(m[12]),
      });
    },
  }),
};

const zoraxyLine =
  /^\d{4}\/\d\d\/\d\d \d\d:\d\d:\d\d \[(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d\.\d+)\] \[router:([^\]]*)\] \[origin:([^\]]*)\] \[client: ?([^\]]*)\] \[useragent: ?(.*?)\] ([A-Z]+) (.*) (\d{3})$/;

export const zoraxy: LineFormat = {
  id: 'zoraxy',
  title: 'Zoraxy',
  example:
    '2026/11/10 10:00:00 [2026-11-10 10:00:00.000000] [router:host-http] [origin:www.example.net] [client: 192.0.2.7] [useragent: curl/8] GET http://www.example.com/ 404',
  open: () => ({
    parse(text) {
      const m = zoraxyLine.exec(text);
      if (m === null) return null;
      return logEntry({
        time: Date.parse(`${m[1]}T${m[2]!.slice(0, 12)}Z`),
        client: m[5]!,
        host: orNull(m[4]),
        request: `${m[7]} ${m[8]} HTTP/1.1`,
        status: statusOrNull(m[9]),
        agent: orNull(m[6]),
      });
    },
  }),
};
