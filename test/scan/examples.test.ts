/** `scan` and `explain` read the example line of every format in the reference. */
import assert from 'node:assert/strict';
import { resolve } from 'node:path';
import { suite, test } from 'node:test';
import { explain } from '../../src/explain/explain.ts';
import { fromLogLine, looksLogged } from '../../src/explain/input.ts';
import { formats } from '../../src/scan/detect.ts';
import { readLogged } from '../../src/scan/logged-line.ts';
import { wrappings } from '../../src/scan/wrapping.ts';
import { compiled } from '../support/policy.ts';
import { runProcess } from '../support/process.ts';
import { formatRows } from './format-rows.ts';
import { scannedText } from './scanned.ts';

const now = Date.UTC(2026, 11, 1);
const cli = resolve(import.meta.dirname, '../../src/cli.ts');
const { policy } = compiled('sites: [{ hosts: [www.example.net], backend: "http://127.0.0.1:8081" }]');

/** The rule that `explain` names for a line; null if the gateway allows the request. */
function explainedRule(text: string): string | null {
  const logged = readLogged(text, now)!;
  if (logged.entry!.mail !== undefined) return 'mail';
  return explain(fromLogLine(logged.entry!.request, 'www.example.net').bytes, policy).verdict.rule;
}

suite('the example of every format', () => {
  for (const { id, example, silent } of formats) {
    test(`${id}: scan detects the format and finds the probe`, async () => {
      const { files, findings, requests } = await scannedText(`${example}\n`);
      assert.equal(files[0]!.formatId, id);
      assert.equal(files[0]!.broken, 0);
      assert.equal(requests > 0, silent === undefined);
      if (id !== 'alb' && silent === undefined) assert.equal(findings.length, 1);
    });

    test(`${id}: explain reads it, wrapped or not, without a framing fault`, () => {
      for (const text of [example, ...wrappings.map((one) => wrappedIn(one.id, example))]) {
        const logged = readLogged(text, now);
        assert.equal(logged?.format.id, id, text);
        if (logged.entry === null) assert.ok(silent !== undefined);
        else assert.notEqual(explainedRule(text), 'framing');
      }
    });
  }

  for (const { format, lines } of formatRows) {
    test(`${format}: explain recognizes each line as a log line`, () => {
      const head = lines.filter((line) => line.startsWith('#'));
      for (const line of lines) {
        const text = line.startsWith('#') ? line : [...head, line].join('\n');
        const logged = readLogged(text, now);
        assert.ok(logged !== null, line);
      }
    });
  }
});

function wrappedIn(id: string, example: string): string {
  const lines = example.split('\n');
  switch (id) {
    case 'docker':
      return lines
        .map((line) => JSON.stringify({ log: `${line}\n`, stream: 'stdout', time: 'x' }))
        .join('\n');
    case 'cri':
      return lines.map((line) => `2026-11-10T10:00:00.1Z stdout F ${line}`).join('\n');
    case 'collector':
      return lines.map((line) => JSON.stringify({ MESSAGE: line })).join('\n');
    case 'compose':
      return lines.map((line) => `web-1  | ${line}`).join('\n');
    default:
      return lines.every((line) => line.startsWith('{')) ? `[${lines.join(',')}]` : example;
  }
}

const explained = (input: string) => runProcess(process.execPath, [cli, 'explain', '--json'], { input });

test('explain: a log line, a mail log line, a line without a request, an unknown format', async () => {
  const line = '192.0.2.7 - - [10/Nov/2026:10:00:00 +0000] "GET http://www.example.com/ HTTP/1.1" 404 196';
  const docker = await explained(JSON.stringify({ log: `${line}\n`, stream: 'stdout', time: 'x' }));
  assert.equal(JSON.parse(docker.stdout).rule, 'absolute-form-foreign');
  const mail = await explained(
    'Nov 10 10:00:00 mx postfix/smtp[3]: A100000001: to=<v@victim.example>, relay=mx.victim.example[203.0.113.9]:25, delay=1, delays=0/0/0/1, dsn=2.0.0, status=sent (250 2.0.0 OK)\n',
  );
  assert.equal(JSON.parse(mail.stdout).rule, 'smtp-foreign-recipient');
  const silent = await explained('Nov 10 10:00:00 mx postfix/qmgr[2]: A100000001: removed\n');
  assert.match(silent.stderr, /no request to judge in this line \(Postfix mail log\)/);
  assert.equal(silent.code, 1);
  const unknown = await explained('2026-11-10 10:00:00 somebody asked for something\n');
  assert.match(unknown.stderr, /looks like a log line, but its format is unknown/);
  assert.equal(unknown.code, 1);
});

test('lines that servers log for missing or unreadable requests have nothing to explain', () => {
  const lines = [
    '192.0.2.7 - - [10/Nov/2026:10:00:00 +0000] "-" 408 0 "-" "-"',
    '192.0.2.7 - - [10/Nov/2026:10:00:00 +0000] "" 400 0 "-" "-"',
    'Nov 10 10:00:00 lb haproxy[12]: 192.0.2.7:33318 [10/Nov/2026:10:00:00.001] http-in http-in/<NOSRV> -1/-1/-1/-1/0 400 187 - - PR-- 1/1/0/0/0 0/0 "<BADREQ>"',
    'http 2026-11-10T10:00:00.186641Z app/lb/1 192.0.2.7:44740 - -1 -1 -1 400 - 0 272 "- http://lb.example.net:80- -" "-" - - - "-" "-" "-" - 2026-11-10T10:00:00.364000Z "-" "-" "-" "-" "-" "-" "-"',
  ];
  for (const line of lines) assert.equal(readLogged(line, now)?.entry, null, line);
});

test('a raw request is not taken for a log line, whatever its body or headers contain', () => {
  const requests = [
    'GET / HTTP/1.1\r\nHost: www.example.net\r\nDate: Tue, 10 Nov 2026 10:00:00 GMT\r\n\r\n',
    'POST /log HTTP/1.1\nHost: www.example.net\n\n{"request":"GET http://x/ HTTP/1.1","status":200}',
    'CONNECT mail.example.com:25 HTTP/1.1\r\n\r\n',
    'GET /2026-11-10/10:00:00 HTTP/1.0\r\n\r\n',
    '\x16\x03\x01\x02\x00\x01\x00',
    '\x05\x01\x00',
  ];
  for (const request of requests) {
    assert.equal(readLogged(request, now), null);
    assert.equal(looksLogged(request), false);
  }
});
