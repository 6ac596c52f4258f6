/** Wrappings of container runtimes, collectors and syslog are removed before a line is read. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { scannedText } from './scanned.ts';

const clf = (request: string, status: number, bytes: number, client = '192.0.2.7'): string =>
  `${client} - - [10/Nov/2026:10:00:00 +0000] "${request} HTTP/1.1" ${status} ${bytes} "-" "Mozilla/5.0"`;
const inner: Readonly<Record<string, readonly string[]>> = {
  'Apache/nginx common or combined': [
    clf('GET /', 200, 5120, '192.0.2.8'),
    clf('GET http://www.example.com/', 200, 5120),
    clf('CONNECT mail.example.com:25', 405, 312),
  ],
  'Caddy JSON': [
    '{"level":"info","ts":1793959200.1,"logger":"http.log.access","request":{"remote_ip":"192.0.2.8","proto":"HTTP/1.1","method":"GET","host":"www.example.net","uri":"/"},"size":5120,"status":200}',
    '{"level":"info","ts":1793959200.2,"logger":"http.log.access","request":{"remote_ip":"192.0.2.7","proto":"HTTP/1.1","method":"GET","host":"www.example.com","uri":"http://www.example.com/"},"size":5120,"status":200}',
    '{"level":"info","ts":1793959200.3,"logger":"http.log.access","request":{"remote_ip":"192.0.2.7","proto":"HTTP/1.1","method":"CONNECT","host":"www.example.com","uri":"mail.example.com:25"},"size":312,"status":405}',
  ],
};
const found = [
  'absolute http://www.example.com/ local 192.0.2.7',
  'connect mail.example.com:25 refused 192.0.2.7',
];

const wrappers: Readonly<Record<string, (line: string, i: number) => string>> = {
  "Docker's json-file": (line) =>
    `${JSON.stringify({ log: `${line}\n`, stream: 'stdout', time: '2026-11-10T10:00:00.1Z' })}`,
  'json-file as a collector passes it on': (line) =>
    JSON.stringify({ stream: 'stderr', log: line, kubernetes: { pod: 'web-1' } }),
  'CRI, whole lines': (line) => `2026-11-10T10:00:00.123456789Z stdout F ${line}`,
  'CRI, lines in parts': (line) =>
    `2026-11-10T10:00:00.123456789Z stdout P ${line.slice(0, 40)}\n2026-11-10T10:00:00.123456790Z stdout F ${line.slice(40)}`,
  'docker compose logs': (line, i) => `${['web-1', 'web-long-2'][i % 2]!.padEnd(11)}| ${line}`,
  'docker compose logs, coloured': (line) => `\x1b[36mweb-1  |\x1b[0m ${line}`,
  'docker compose logs -t': (line) => `web-1  | 2026-11-10T10:00:00.123456789Z ${line}`,
  'journalctl -o json': (line) => JSON.stringify({ _HOSTNAME: 'web', MESSAGE: line, PRIORITY: '6' }),
  'Filebeat that parses nothing': (line) =>
    JSON.stringify({ '@timestamp': '2026-11-10T10:00:00Z', message: line, agent: { type: 'filebeat' } }),
  'docker logs -t': (line) => `2026-11-10T10:00:00.123456789Z ${line}`,
  'json-file in CRI': (line) =>
    `2026-11-10T10:00:00.1Z stdout F ${JSON.stringify({ log: `${line}\n`, stream: 'stdout', time: '2026-11-10T10:00:00.1Z' })}`,
  'syslog as nginx writes it': (line) => `Nov 10 10:00:00 web nginx: ${line}`,
  'syslog with a priority': (line) => `<190>Nov 10 10:00:00 web nginx: ${line}`,
  'journald, ISO times': (line) => `2026-11-10T10:00:00+0000 web caddy[12]: ${line}`,
  'RFC 5424': (line) => `<190>1 2026-11-10T10:00:00Z web nginx 12 - - ${line}`,
};

for (const [wrapper, wrap] of Object.entries(wrappers)) {
  for (const [format, lines] of Object.entries(inner)) {
    test(`${wrapper} around ${format}`, async () => {
      const { findings, files, requests } = await scannedText(`${lines.map(wrap).join('\n')}\n`);
      assert.deepEqual(
        findings.map((f) => `${f.technique} ${f.target} ${f.outcome} ${f.client}`),
        found,
      );
      assert.equal(files[0]!.format, format);
      assert.equal(files[0]!.broken, 0);
      assert.equal(requests, 3);
    });
  }
}

const event = (request: string, status: number): object => ({
  timestamp: '2026-11-10T10:00:00.000000+0000',
  event_type: 'http',
  src_ip: '192.0.2.7',
  dest_ip: '10.0.0.1',
  http: {
    hostname: 'www.example.com',
    url: request,
    http_method: 'GET',
    protocol: 'HTTP/1.1',
    status,
    length: 10,
  },
});
const events = [
  event('/', 200),
  { timestamp: '2026-11-10T10:00:00.0+0000', event_type: 'flow', src_ip: '192.0.2.7' },
  event('http://www.example.com/a?b={"[', 403),
];
const arrays: Readonly<Record<string, string>> = {
  'on one line': JSON.stringify(events),
  'an event a line': `[\n${events.map((one) => JSON.stringify(one)).join(',\n')}\n]\n`,
  'as jq prints it': `${JSON.stringify(events, null, 2)}\n`,
  'events printed one after the other': events.map((one) => `${JSON.stringify(one, null, 2)}\n`).join(''),
};
for (const [what, text] of Object.entries(arrays)) {
  test(`eve.json as an array: ${what}`, async () => {
    const { findings, files, requests } = await scannedText(text);
    assert.equal(files[0]!.format, 'Suricata eve.json');
    assert.deepEqual(
      findings.map((f) => `${f.target} ${f.outcome}`),
      ['http://www.example.com/a?b={"[ refused'],
    );
    assert.equal(requests, 2);
    assert.equal(files[0]!.broken, 0);
  });
}

test('a line that Docker split into records of 16 KiB is joined', async () => {
  const long = clf(`GET http://www.example.com/${'a'.repeat(20_000)}`, 404, 196);
  const records = [long.slice(0, 16_384), `${long.slice(16_384)}\n`].map((log) =>
    JSON.stringify({ log, stream: 'stdout', time: '2026-11-10T10:00:00Z' }),
  );
  const { findings, files } = await scannedText(`${records.join('\n')}\n`);
  assert.deepEqual(
    findings.map((f) => `${f.outcome} ${f.client} ${f.status}`),
    ['refused 192.0.2.7 404'],
  );
  assert.equal(files[0]!.broken, 0);
});

test('output of an application at its start does not hide later requests', async () => {
  const noise = Array.from({ length: 60 }, (_, i) => `starting worker ${i}`);
  const lines = [...noise, ...inner['Apache/nginx common or combined']!];
  for (const wrap of [
    wrappers['docker compose logs']!,
    wrappers['CRI, whole lines']!,
    (line: string) => line,
  ]) {
    const { findings, files } = await scannedText(`${lines.map(wrap).join('\n')}\n`);
    assert.deepEqual(
      findings.map((f) => f.client),
      ['192.0.2.7', '192.0.2.7'],
    );
    assert.equal(files[0]!.format, 'Apache/nginx common or combined');
  }
});

test('lines of another format, through syslog or a collector, are read among others', async () => {
  const exim =
    '2026-11-10 10:00:00 H=(x) [192.0.2.7]:5555 F=<a@example.org> rejected RCPT <v@victim.example>: relay not permitted';
  const lines = [
    ...inner['Apache/nginx common or combined']!,
    'Nov 10 10:00:00 mx systemd[1]: Started Session 7 of user root.',
    exim,
    `Nov 10 10:00:00 mx exim[7]: ${exim}`,
    JSON.stringify({ MESSAGE: exim }),
    `Nov 10 10:00:00 web nginx: ${clf('CONNECT other.example.com:25', 405, 312)}`,
    JSON.stringify({ message: clf('CONNECT last.example.com:25', 405, 312) }),
  ];
  const shown = [
    'http://www.example.com/',
    'mail.example.com:25',
    ...Array.from({ length: 3 }, () => 'v@victim.example'),
    'other.example.com:25',
    'last.example.com:25',
  ];
  for (const order of [lines, [...lines.slice(3), ...lines.slice(0, 3)]]) {
    const { findings, files } = await scannedText(`${order.join('\n')}\n`);
    assert.deepEqual(findings.map((f) => f.target).sort(), [...shown].sort());
    assert.ok(findings.every((f) => f.client === '192.0.2.7'));
    assert.equal(files[0]!.broken, 0);
  }
});

test('a custom format that looks like a wrapping is read as given', async () => {
  const { findings } = await scannedText(
    'web-1 | 192.0.2.7 | "CONNECT mail.example.com:25 HTTP/1.1" | 405\n',
    {
      format: '%v | %h | "%r" | %>s',
    },
  );
  assert.deepEqual(
    findings.map((f) => `${f.client} ${f.target}`),
    ['192.0.2.7 mail.example.com:25'],
  );
});
