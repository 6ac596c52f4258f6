/** Advice comes in the configuration language of the server that wrote the log. */
import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { adviceFor } from '../../src/scan/advice.ts';
import { formats } from '../../src/scan/detect.ts';
import { htmlReport } from '../../src/scan/html-report.ts';
import { textReport } from '../../src/scan/text-report.ts';
import { scanned, scannedText } from './scanned.ts';

const exampleOf = (id: string): string => formats.find((one) => one.id === id)!.example;

const rows: readonly (readonly [format: string, servers: readonly string[], says: RegExp])[] = [
  ['combined', ['Apache', 'nginx'], /default_server/],
  ['haproxy', ['HAProxy'], /deny_status 405 if METH_CONNECT/],
  ['caddy', ['Caddy'], /respond 421/],
  ['traefik-clf', ['Traefik'], /Host\(`www\.example\.net`\)/],
  ['w3c', ['IIS'], /binding/],
  ['squid', ['squid'], /http_access deny all/],
  ['envoy', ['Envoy'], /connect_matcher/],
  ['pino', ['Node'], /421/],
  ['werkzeug', ['Python'], /TRUSTED_HOSTS/],
  ['postfix', ['Postfix'], /reject_unauth_destination/],
  ['exim', ['Exim'], /relay_to_domains/],
  ['sendmail', ['sendmail'], /promiscuous_relay/],
  ['opensmtpd', ['OpenSMTPD'], /match from any for domain/],
];

for (const [format, servers, says] of rows) {
  test(`advice for a ${format} log`, async () => {
    const result = await scannedText(`${exampleOf(format)}\n`);
    const steps = adviceFor(result.tally, result.files).flatMap((one) => one.steps);
    assert.deepEqual([...new Set(steps.map(({ server }) => server))], servers);
    assert.match(textReport(result), says);
    assert.ok(htmlReport(result).includes(`${servers[0]}: <code>`));
  });
}

test('every format with requests has advice', async () => {
  for (const { id, example, silent } of formats) {
    if (silent !== undefined) continue;
    const { tally, files, findings } = await scannedText(`${example}\n`);
    if (findings.length > 0) assert.notDeepEqual(adviceFor(tally, files), [], id);
  }
});

test('an error log next to a combined log decides between Apache and nginx advice', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'sekisho-advice-'));
  try {
    await writeFile(join(dir, 'access.log'), `${exampleOf('combined')}\n`);
    await writeFile(join(dir, 'error.log'), `${exampleOf('nginx-error')}\n`);
    const { tally, files } = await scanned([dir]);
    const steps = adviceFor(tally, files).flatMap((one) => one.steps);
    assert.deepEqual([...new Set(steps.map(({ server }) => server))], ['nginx']);
  } finally {
    await rm(dir, { recursive: true });
  }
});
