/** Exit codes and verdicts of `scan`: above all, an unread log is not a clean one. */
import assert from 'node:assert/strict';
import { mkdir, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { test } from 'node:test';
import { runProcess } from '../support/process.ts';
import { tempDir } from '../support/temp-dir.ts';

const cli = resolve(import.meta.dirname, '../../src/cli.ts');
const line = (request: string, status: number, bytes = 300): string =>
  `192.0.2.7 - - [10/Nov/2026:10:00:00 +0000] "${request}" ${status} ${bytes} "-" "curl/8"\n`;
const ordinary = line('GET / HTTP/1.1', 200, 2890);
const refused = line('CONNECT mail.example.com:25 HTTP/1.1', 405);
const unclear = line('GET http://www.example.com/x HTTP/1.1', 200, 8123);
const attempted = line('GET http://www.example.com/x HTTP/1.1', 502);
const relayed =
  '1793959200.123    507 192.0.2.7 TCP_MISS/200 1234 GET http://www.example.com/ - HIER_DIRECT/203.0.113.1 text/html\n';
const errors =
  '2026/11/10 10:00:00 [error] 12#12: *1 open() "/var/www/x" failed (2: No such file or directory), client: 192.0.2.7, server: _, request: "GET /x HTTP/1.1", host: "www.example.net"\n';
const proof =
  '2026/11/10 10:00:00 [error] 12#12: *1 www.example.com could not be resolved (3: Host not found), client: 192.0.2.7, server: _, request: "GET http://www.example.com/ HTTP/1.1", host: "www.example.com"\n';
const tcp =
  'Nov 10 10:00:00 lb haproxy[12]: 192.0.2.7:40001 [10/Nov/2026:10:00:00.000] fe be/s1 1/0/300 5000 -- 1/1/1/1/0 0/0\n';

const rows: readonly {
  readonly what: string;
  readonly log: string;
  readonly code: number;
  readonly says: RegExp;
}[] = [
  {
    what: 'nothing but ordinary requests',
    log: ordinary,
    code: 0,
    says: /^No relay probe among 1 request\.$/m,
  },
  {
    what: 'refused probes',
    log: ordinary + refused,
    code: 0,
    says: /^No relay succeeded: 1 CONNECT \(refused\)\.$/m,
  },
  { what: 'a relayed page', log: relayed, code: 1, says: /^1 probe was likely relayed/ },
  {
    what: 'a relayed page and an unclear probe',
    log: relayed + unclear,
    code: 1,
    says: /^1 probe was likely relayed/,
  },
  {
    what: 'an unclear probe',
    log: unclear,
    code: 3,
    says: /For 1 probe the log does not show the outcome\./,
  },
  {
    what: 'probes that were forwarded and failed',
    log: attempted.repeat(2),
    code: 3,
    says: /2 foreign URLs \(all forwarded without success\)\. 2 were apparently forwarded and failed: look at them\./,
  },
  {
    what: 'an empty log',
    log: '',
    code: 2,
    says: /^No request was found in the input: no verdict\. .*log is empty\.$/m,
  },
  {
    what: 'an unknown format',
    log: 'alpha beta\n'.repeat(1160),
    code: 2,
    says: /^No request was found .*log has no line in a known log format: give its format with --format\.$[\s\S]*1,160 lines {2}no known format$/m,
  },
  {
    what: 'an error log alone',
    log: errors,
    code: 2,
    says: /has no answers: give the access log of the same server too/,
  },
  {
    what: 'an error log alone that proves forwarding',
    log: proof,
    code: 2,
    says: /However, a line of an error log is about a foreign upstream: the server forwards requests\./,
  },
  { what: 'HAProxy in TCP mode', log: tcp, code: 2, says: /has no requests, only connections/ },
  {
    what: 'lines of an unknown format that look like probes',
    log: `${ordinary}10:00 192.0.2.7 asked CONNECT mail.example.com:25 and got 200\n`,
    code: 3,
    says: /1 line looks like relay probes in no known log format/,
  },
  {
    what: 'a container log that is mostly other output',
    log: `web-1  | ${ordinary}${'web-1  | alpha beta\n'.repeat(9)}`,
    code: 0,
    says: /^No relay probe among 1 request\.$/m,
  },
  {
    what: 'a log mostly in an unknown format',
    log: `${ordinary}${'alpha beta\n'.repeat(9)}`,
    code: 3,
    says: /has 9 lines in no known log format, more than were read/,
  },
];

for (const { what, log, code, says } of rows) {
  test(`exit code ${code}: ${what}`, async (t) => {
    const file = join(await tempDir(t, 'nothing-read'), 'some.log');
    await writeFile(file, log);
    const result = await runProcess(process.execPath, [cli, 'scan', file], { input: '' });
    assert.match(result.stdout, says);
    assert.equal(result.code, code);
    assert.doesNotMatch(result.stdout, /\b1 (?:requests|lines|mails|clients|probes)\b/);
  });
}

test('exit code 2: an empty directory, /dev/null, a directory without logs, a missing file', async (t) => {
  const dir = await tempDir(t, 'nothing-read');
  await mkdir(join(dir, 'empty'));
  await mkdir(join(dir, 'other'));
  await writeFile(join(dir, 'other', 'notes.txt'), 'alpha beta\n');
  for (const [given, says] of [
    [join(dir, 'empty'), /is a directory without files/],
    ['/dev/null', /\/dev\/null is empty/],
    [join(dir, 'other'), /notes\.txt has no line in a known log format/],
    [join(dir, 'missing.log'), /does not exist/],
  ] as const) {
    const { code, stdout } = await runProcess(process.execPath, [cli, 'scan', given], { input: '' });
    assert.match(stdout, says);
    assert.match(stdout, /^No request was found in the input: no verdict\./);
    assert.equal(code, 2, given);
  }
});

test('in a directory, files that are no logs do not change the exit code of a clean log', async (t) => {
  const dir = await tempDir(t, 'nothing-read');
  await writeFile(join(dir, 'access.log'), ordinary);
  await writeFile(join(dir, 'error.log'), errors);
  await writeFile(join(dir, 'notes.txt'), 'alpha beta\n');
  const { code } = await runProcess(process.execPath, [cli, 'scan', dir], { input: '' });
  assert.equal(code, 0);
});
