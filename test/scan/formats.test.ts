/** Probes found in every built-in format and in custom formats. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { namedFormat } from '../../src/scan/detect.ts';
import { formatRows } from './format-rows.ts';
import { scannedText } from './scanned.ts';

for (const { format, lines, probes, requests } of formatRows) {
  test(`${format}: ${probes[0] ?? 'no probe'}`, async () => {
    const { files, findings, ...result } = await scannedText(`${lines.join('\n')}\n`);
    const title = files[0]!.format ?? '';
    if (typeof format === 'string') assert.equal(title, format);
    else assert.match(title, format);
    assert.deepEqual(
      findings.map((f) => `${f.technique} ${f.target} ${f.outcome} ${f.client}`),
      probes,
    );
    assert.equal(files[0]!.broken, 0);
    if (requests !== undefined) assert.equal(result.requests, requests);
  });
}

const custom: readonly { readonly definition: string; readonly line: string }[] = [
  {
    definition: 'LogFormat "%v %a %{X}i %t %D \\"%r\\" %>s %O \\"%{Referer}i\\"" mine',
    line: 'www.example.net 192.0.2.7 - [10/Oct/2024:18:54:01 +0900] 812 "CONNECT example.com:25 HTTP/1.1" 405 300 "-"',
  },
  {
    definition:
      "log_format mine '$time_iso8601|$remote_addr|$request_method|$request_uri'\n '|$status|$bytes_sent|$upstream_addr';",
    line: '2024-10-10T18:54:01+09:00|192.0.2.7|CONNECT|example.com:25|405|300|-',
  },
  {
    definition: '%a %t "%r" %>s',
    line: '192.0.2.7 [10/Oct/2024:18:54:01 +0900] "CONNECT example.com:25 HTTP/1.0" 405',
  },
];

for (const { definition, line } of custom) {
  test(`custom format: ${definition}`, async () => {
    const { findings } = await scannedText(`${line}\n`, { format: definition });
    assert.equal(findings.length, 1);
    const { technique, client, status, time, intent } = findings[0]!;
    assert.deepEqual(
      [technique, client, status, time, intent],
      ['connect', '192.0.2.7', 405, '2024-10-10T09:54:01.000Z', 'mail-relay'],
    );
  });
}

test('a custom format without a request is refused, and so is an unknown id', () => {
  assert.throws(() => namedFormat('%a %b'), /has no request/);
  assert.throws(() => namedFormat('apache3'), /no log format "apache3"/);
});
