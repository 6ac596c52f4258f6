/** Logs of Python applications: werkzeug (Flask) and http.server, uWSGI, uvicorn. Gunicorn writes the combined format. */
import type { LineFormat } from '../line-format.ts';
import { logEntry, numberOrNull, statusOrNull, withoutPort } from '../log-entry.ts';
import { ascTime, clfTime } from '../log-time.ts';
import { unescapeRequest, withoutColour } from '../request-text.ts';

const werkzeugLine =
  /^(?:.{0,80}?[: ])?([0-9a-f.:]+|\[[0-9a-f:]+\]) - \S+ \[(\d\d\/\w{3}\/\d{4}) (\d\d:\d\d:\d\d)\] "(.*)" (?:HTTPStatus\.\w+|(\d{3}|-)) (\d+|-)$/;

export const werkzeug: LineFormat = {
  id: 'werkzeug',
  title: 'werkzeug (Flask), http.server',
  example: 'INFO:werkzeug:192.0.2.7 - - [10/Nov/2026 10:00:00] "GET http://www.example.com/ HTTP/1.1" 404 -',
  open: () => ({
    parse(line) {
      const m = werkzeugLine.exec(withoutColour(line));
      if (m === null) return null;
      return logEntry({
        time: clfTime(`${m[2]}:${m[3]}`),
        client: m[1]!,
        request: unescapeRequest(m[4]!),
        status: statusOrNull(m[5]),
        bytes: numberOrNull(m[6]),
      });
    },
  }),
};

const uwsgiLine =
  /^\[pid: \d+\|app: -?\d*\|req: [-\d/]+\] (\S+) \([^)]*\) \{\d+ vars in \d+ bytes\} \[([^\]]+)\] (\S+) (.*) => generated (\d+) bytes in (\d+) (msecs|micros)(?: via \S+)? \((HTTP\/\S+) (\d{3})\)/;

export const uwsgi: LineFormat = {
  id: 'uwsgi',
  title: 'uWSGI',
  example:
    '[pid: 1|app: 0|req: 1/1] 192.0.2.7 () {38 vars in 696 bytes} [Tue Nov 10 10:00:00 2026] GET http://www.example.com/ => generated 196 bytes in 3 msecs (HTTP/1.1 404) 2 headers in 70 bytes (1 switches on core 0)',
  open: () => ({
    parse(line) {
      const m = uwsgiLine.exec(line);
      if (m === null) return null;
      return logEntry({
        time: ascTime(m[2]!),
        client: m[1]!,
        request: `${m[3]} ${m[4]} ${m[8]}`,
        status: statusOrNull(m[9]),
        bytes: numberOrNull(m[5]),
        duration: m[7] === 'msecs' ? +m[6]! : +m[6]! / 1000,
      });
    },
  }),
};

const uvicornLine = /^(?:INFO:?\s+)?(\S+:\d+) - "([A-Z]+ .* HTTP\/\d(?:\.\d)?)" (\d{3})(?: [A-Z][\w' -]*)?$/;

export const uvicorn: LineFormat = {
  id: 'uvicorn',
  title: 'uvicorn (FastAPI, Starlette)',
  example: 'INFO:     192.0.2.7:4000 - "GET http://www.example.com/ HTTP/1.1" 404 Not Found',
  open: () => ({
    parse(line) {
      const m = uvicornLine.exec(withoutColour(line));
      return m === null
        ? null
        : logEntry({
            client: withoutPort(m[1]!),
            request: unescapeRequest(m[2]!),
            status: statusOrNull(m[3]),
          });
    },
  }),
};
