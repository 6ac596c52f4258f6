/** HAProxy, Envoy's text format, and AWS application load balancers. */
import type { LineFormat } from '../line-format.ts';
import { logEntry, numberOrNull, orNull, statusOrNull, withoutPort } from '../log-entry.ts';
import { clfTime, isoTime } from '../log-time.ts';
import { unescapeHash, unescapeRequest } from '../request-text.ts';

const haproxyLine =
  /(?:^|\s)(\S+):(\d+) \[(\d\d\/\w{3}\/\d{4}:\d\d:\d\d:\d\d\.\d{1,6})\] (\S+) (\S+)\/(\S+) (-?\d+)\/(-?\d+)\/(-?\d+)\/(-?\d+)\/\+?(-?\d+) (-?\d+) \+?(\d+) \S+ \S+ (\S{2,4}) \S+ \S+ (?:\{[^}]*\} ){0,2}"(.*)$/;

export const haproxy: LineFormat = {
  id: 'haproxy',
  title: 'HAProxy',
  open: () => ({
    parse(text) {
      const m = haproxyLine.exec(text);
      if (m === null)
        return /\]: Proxy \S+ (?:started|stopped)|SSL handshake failure|heartbeat attack/.test(text)
          ? 'skip'
          : null;
      // `<NOSRV>`: no server was chosen, HAProxy answered itself. A request cut off by syslog has no closing quote.
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

const envoyLine =
  /\[(\d{4}-\d\d-\d\dT[\d:.]+Z)\] "((?:[^"\\]|\\.)*)" (\d{1,3}) (\S+) (?:\S+ )*?(\d+) (\d+) (\d+) (\S+) "([^"]*)" "([^"]*)" "([^"]*)" "([^"]*)" "([^"]*)"/;

export const envoyText: LineFormat = {
  id: 'envoy',
  title: 'Envoy',
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

const albLine =
  /^(https?|h2|grpcs|wss?) (\S+Z) (\S+) (\S+) (\S+) (-?[\d.]+) (-?[\d.]+) (-?[\d.]+) (\d{3}|-) (\d{3}|-) (\d+) (\d+) "([^"]*)" "([^"]*)"/;

export const alb: LineFormat = {
  id: 'alb',
  title: 'AWS application load balancer',
  open: () => ({
    parse(text) {
      const m = albLine.exec(text);
      if (m === null) return null;
      // The balancer writes every request as a URL made of the Host that the client sent: no sign of absolute-form.
      const url = /^(\S+) [a-z]+:\/\/([^/ ]*)(\/\S*)? (.*)$/.exec(m[13]!);
      return logEntry({
        time: isoTime(m[2]!),
        client: withoutPort(m[4]!),
        host: url?.[2] ?? null,
        request: url === null ? m[13]! : `${url[1]} ${url[3] ?? '/'} ${url[4]}`,
        status: statusOrNull(m[9]),
        bytes: numberOrNull(m[12]),
        duration: +m[7]! < 0 ? null : +m[7]! * 1000,
        agent: orNull(m[14]),
        upstream: orNull(m[5]),
      });
    },
  }),
};
