/** HAProxy, Envoy's text format, and AWS load balancers. */
import type { LineFormat } from '../line-format.ts';
import { type LogEntry, logEntry, numberOrNull, orNull, statusOrNull, withoutPort } from '../log-entry.ts';
import { clfTime, isoTime } from '../log-time.ts';
import { unescapeHash, unescapeRequest } from '../request-text.ts';

const haproxyLine =
  /(?:^|\s)(\S+):(\d+) \[(\d\d\/\w{3}\/\d{4}:\d\d:\d\d:\d\d\.\d{1,6})\] (\S+) (\S+)\/(\S+) (-?\d+)\/(-?\d+)\/(-?\d+)\/(-?\d+)\/\+?(-?\d+) (-?\d+) \+?(\d+) \S+ \S+ (\S{2,4}) \S+ \S+ (?:\{[^}]*\} ){0,2}"(.*)$/;

export const haproxy: LineFormat = {
  id: 'haproxy',
  title: 'HAProxy',
  example:
    'Nov 10 10:00:00 lb haproxy[12]: 192.0.2.7:33318 [10/Nov/2026:10:00:00.001] http-in http-in/<NOSRV> -1/-1/-1/-1/0 400 187 - - PR-- 1/1/0/0/0 0/0 "CONNECT example.com:25 HTTP/1.1"',
  open: () => ({
    parse(text) {
      const m = haproxyLine.exec(text);
      if (m === null)
        return /\]: Proxy \S+ (?:started|stopped)|SSL handshake failure|heartbeat attack/.test(text)
          ? 'skip'
          : null;
      // `<NOSRV>`: no server was chosen, HAProxy answered itself. A request truncated by syslog has no closing quote.
      const server = m[6] === '<NOSRV>' ? null : `${m[5]}/${m[6]}`;
      return logEntry({
        time: clfTime(m[3]!),
        client: m[1]!.replace(/^\[|\]$/g, ''),
        request: unescapeHash(m[15]!.replace(/"[^"]*$/, '')),
        status: statusOrNull(m[12]),
        bytes: numberOrNull(m[13]),
        duration: +m[11]!,
        upstream: server,
      });
    },
  }),
};

const haproxyTcpLine =
  /(?:^|\s)\S+:\d+ \[\d\d\/\w{3}\/\d{4}:\d\d:\d\d:\d\d\.\d{1,6}\] \S+ \S+\/\S+ -?\d+\/-?\d+\/\+?-?\d+ \+?\d+ \S{2} \d+\/\d+\/\d+\/\d+\/\+?\d+ \d+\/\d+\s*$/;

export const haproxyTcp: LineFormat = {
  id: 'haproxy-tcp',
  title: 'HAProxy in TCP mode',
  example:
    'Nov 10 10:00:00 lb haproxy[12]: 192.0.2.7:40001 [10/Nov/2026:10:00:00.000] fe be/s1 1/0/300 5000 -- 1/1/1/1/0 0/0',
  silent:
    'has no requests, only connections: give the log of the server behind HAProxy, or set mode http and option httplog',
  open: () => ({ parse: (text) => (haproxyTcpLine.test(text) ? 'skip' : null) }),
};

const envoyLine =
  /\[(\d{4}-\d\d-\d\dT[\d:.]+Z)\] "((?:[^"\\]|\\.)*)" (\d{1,3}) (\S+) (?:\S+ )*?(\d+) (\d+) (\d+) (\S+) "([^"]*)" "([^"]*)" "([^"]*)" "([^"]*)" "([^"]*)"/;

export const envoyText: LineFormat = {
  id: 'envoy',
  title: 'Envoy',
  example:
    '[2026-11-10T10:00:00.310Z] "CONNECT - HTTP/1.1" 404 NR 0 0 226 - "192.0.2.7" "curl/8" "cc21d9b0" "example.com:443" "-"',
  open: () => ({
    parse(text) {
      const m = envoyLine.exec(text);
      if (m === null) return null;
      const authority = orNull(m[12]);
      const request = m[2]!.startsWith('CONNECT ') ? `CONNECT ${authority ?? ''} HTTP/1.1` : m[2]!;
      return logEntry({
        time: isoTime(m[1]!),
        client: m[9]!.split(',')[0]!.replace(/^-$/, ''),
        host: authority,
        request: unescapeRequest(request),
        status: statusOrNull(m[3]),
        bytes: numberOrNull(m[6]),
        duration: +m[7]!,
        agent: orNull(m[10]),
        upstream: orNull(m[13]),
      });
    },
  }),
};

/**
 * An AWS load balancer logs every request as a URL with the client's Host and a port, so that is no sign of absolute-form. A
 * URL without a port is what the client sent.
 */
function balancedRequest(request: string): Pick<LogEntry, 'host' | 'request'> {
  const url = /^(\S+) [a-z]+:\/\/([^/ ]*:\d+)(\/\S*)? (.*)$/.exec(request);
  return url === null
    ? { host: null, request: unescapeRequest(request) }
    : { host: url[2]!, request: unescapeRequest(`${url[1]} ${url[3] ?? '/'} ${url[4]}`) };
}

const albLine =
  /^(https?|h2|grpcs|wss?) (\S+Z) (\S+) (\S+) (\S+) (-?[\d.]+) (-?[\d.]+) (-?[\d.]+) (\d{3}|-) (\d{3}|-) (\d+) (\d+) "([^"]*)" "([^"]*)"/;

export const alb: LineFormat = {
  id: 'alb',
  title: 'AWS application load balancer',
  example:
    'http 2026-11-10T10:00:00.186641Z app/lb/1 192.0.2.7:44740 10.0.0.1:80 0.086 0.048 0.037 404 404 0 57 "GET http://www.example.net:80/robots.txt HTTP/1.1" "curl/8" - - arn "Root=1" "-" "-" 1 2026-11-10T10:00:00.364000Z "forward" "-" "-" "10.0.0.1:80" "404" "-" "-"',
  open: () => ({
    parse(text) {
      const m = albLine.exec(text);
      if (m === null) return null;
      return logEntry({
        time: isoTime(m[2]!),
        client: withoutPort(m[4]!),
        ...balancedRequest(m[13]!),
        status: statusOrNull(m[9]),
        bytes: numberOrNull(m[12]),
        duration: +m[7]! < 0 ? null : +m[7]! * 1000,
        agent: orNull(m[14]),
        upstream: orNull(m[5]),
      });
    },
  }),
};

const elbLine =
  /^(\d{4}-\d\d-\d\dT[\d:.]+Z) (\S+) (\S+:\d+) (\S+) (-?[\d.]+) (-?[\d.]+) (-?[\d.]+) (\d{3}|-|0) (\d{3}|-|0) (\d+) (\d+) "([^"]*)"(?: "([^"]*)")?/;

export const elb: LineFormat = {
  id: 'elb',
  title: 'AWS classic load balancer',
  example:
    '2026-11-10T10:00:00.000000Z my-elb 192.0.2.7:4000 10.0.0.5:80 0.00002 0.001 0.00002 405 405 0 312 "CONNECT mail.example.com:25 HTTP/1.1" "curl/8" - -',
  open: () => ({
    parse(text) {
      const m = elbLine.exec(text);
      if (m === null) return null;
      return logEntry({
        time: isoTime(m[1]!),
        client: withoutPort(m[3]!),
        ...balancedRequest(m[12]!),
        status: statusOrNull(m[8]),
        bytes: numberOrNull(m[11]),
        duration: +m[6]! < 0 ? null : +m[6]! * 1000,
        agent: orNull(m[13]),
        upstream: orNull(m[4]),
      });
    },
  }),
};
