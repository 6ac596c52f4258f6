/** Error logs settle what the access log leaves open: that relaying was tried, or that it succeeded. */
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { tempDir } from '../support/temp-dir.ts';
import { scanned } from './scanned.ts';

const access = (request: string, rest: string, time = '10:00:30 +0000'): string =>
  `192.0.2.7 - - [10/Nov/2026:${time}] "${request} HTTP/1.1" ${rest} "-" "curl/8"\n`;
const nginx = (said: string, request: string, more = ''): string =>
  `2026/11/10 10:00:00 [error] 12#12: *1 ${said}, client: 192.0.2.7, server: _, request: "${request} HTTP/1.1"${more}, host: "www.example.com"\n`;
const apache = (said: string): string =>
  `[Tue Nov 10 10:00:00.000000 2026] [proxy:error] [pid 1:tid 2] [client 192.0.2.7:4000] ${said}\n`;
const foreign = 'GET http://www.example.com/';

const rows: readonly {
  readonly what: string;
  readonly access: string;
  readonly error: string;
  readonly outcome: string;
}[] = [
  {
    what: 'nginx: a foreign name that could not be resolved is an attempt',
    access: access(foreign, '502 150'),
    error: nginx('www.example.com could not be resolved (3: Host not found)', foreign),
    outcome: 'attempted high',
  },
  {
    what: 'nginx: 500 with "no host in upstream" is an attempt',
    access: access(foreign, '500 170'),
    error: nginx('no host in upstream', foreign),
    outcome: 'attempted high',
  },
  {
    what: 'nginx: a foreign upstream that timed out is an attempt',
    access: access(foreign, '504 160'),
    error: nginx(
      'upstream timed out (110: Connection timed out) while connecting to upstream',
      foreign,
      ', upstream: "http://203.0.113.9:80/"',
    ),
    outcome: 'attempted high',
  },
  {
    what: 'nginx: a foreign upstream that answered is a relay',
    access: access(foreign, '200 8123'),
    error: nginx(
      'an upstream response is buffered to a temporary file /var/cache/nginx/1 while reading upstream',
      foreign,
      ', upstream: "http://203.0.113.9:80/"',
    ),
    outcome: 'likely-relayed high',
  },
  {
    what: 'nginx: an error log in local time matches an access log with a zone',
    access: access(foreign, '200 8123', '19:30:05 +0930'),
    error: nginx(
      'upstream prematurely closed connection while reading upstream',
      foreign,
      ', upstream: "http://203.0.113.9:80/"',
    ),
    outcome: 'likely-relayed high',
  },
  {
    what: 'nginx: the own backend was down for ordinary requests too',
    access: access('GET /', '502 150') + access(foreign, '502 150'),
    error: nginx(
      'connect() failed (111: Connection refused) while connecting to upstream',
      foreign,
      ', upstream: "http://127.0.0.1:8080/"',
    ),
    outcome: 'attempted low',
  },
  {
    what: 'nginx: a backend on a UNIX socket or in a container did not answer',
    access: access('GET /', '502 150') + access(foreign, '502 150'),
    error:
      nginx(
        'connect() to unix:/run/app.sock failed (2: No such file or directory) while connecting to upstream',
        foreign,
        ', upstream: "http://unix:/run/app.sock:/"',
      ) +
      nginx(
        'upstream timed out (110: Connection timed out) while connecting to upstream',
        foreign,
        ', upstream: "http://app:3000/"',
      ),
    outcome: 'attempted low',
  },
  {
    what: 'nginx: a public backend that ordinary requests went to as well is own',
    access: access('GET /', '502 150') + access(foreign, '502 150'),
    error:
      nginx(
        'connect() failed (111: Connection refused) while connecting to upstream',
        'GET /',
        ', upstream: "http://203.0.113.5:80/"',
      ) +
      nginx(
        'connect() failed (111: Connection refused) while connecting to upstream',
        foreign,
        ', upstream: "http://203.0.113.5:80/"',
      ),
    outcome: 'attempted low',
  },
  {
    what: 'nginx: an error of another client or host proves nothing',
    access:
      access(foreign, '200 8123').replace('192.0.2.7', '192.0.2.8') +
      access('GET http://www.example.org/', '200 9999'),
    error: nginx(
      'upstream prematurely closed connection while reading upstream',
      foreign,
      ', upstream: "http://203.0.113.9:80/"',
    ),
    outcome: 'unclear low',
  },
  {
    what: 'nginx: an error at another time, not a zone apart, proves nothing',
    access: access(foreign, '200 8123', '11:07:00 +0000'),
    error: nginx(
      'upstream prematurely closed connection while reading upstream',
      foreign,
      ', upstream: "http://203.0.113.9:80/"',
    ),
    outcome: 'unclear low',
  },
  {
    what: 'Apache: AH00898, a foreign name that could not be resolved, is an attempt',
    access: access(foreign, '502 400'),
    error: apache('AH00898: DNS lookup failure for: www.example.com returned by /'),
    outcome: 'attempted high',
  },
  {
    what: 'Apache: AH01102, a foreign server that was reached, is a relay',
    access: access(foreign, '502 400'),
    error: apache(
      '(70007)The timeout specified has expired: AH01102: error reading status line from remote server www.example.com:80',
    ),
    outcome: 'likely-relayed high',
  },
  {
    what: 'Apache: AH01114, a foreign server that could not be reached, is an attempt',
    access: access(foreign, '503 299'),
    error: apache('AH01114: HTTP: failed to make connection to backend: www.example.com'),
    outcome: 'attempted high',
  },
  {
    what: 'Apache: an own backend that could not be reached proves nothing',
    access: access('GET /', '503 299') + access(foreign, '503 299'),
    error: apache('AH01114: HTTP: failed to make connection to backend: 127.0.0.1'),
    outcome: 'attempted low',
  },
  {
    what: "squid's cache.log: a foreign server that could not be reached is an attempt",
    access: access(foreign, '503 3999'),
    error: '2026/11/10 10:00:31 kid1| TCP connection to www.example.com/80 failed\n',
    outcome: 'attempted high',
  },
];

for (const { what, access, error, outcome } of rows) {
  test(what, async (t) => {
    const dir = await tempDir(t, 'error-logs');
    await writeFile(join(dir, 'access.log'), access);
    await writeFile(join(dir, 'error.log'), error);
    const { findings, faults } = await scanned([dir]);
    const probe = findings.find((f) => f.target === 'http://www.example.com/')!;
    assert.equal(`${probe.outcome} ${probe.confidence}`, outcome, probe.why);
    assert.ok(findings.every((f) => f.file.endsWith('access.log')));
    assert.ok(faults.every(({ harmless }) => harmless === true));
  });
}
