/** Logs of real servers: every probe is found with its technique, and no ordinary line is reported. */
import assert from 'node:assert/strict';
import { existsSync, readdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { test } from 'node:test';
import { counts, scanned } from './scanned.ts';

const root = resolve(import.meta.dirname, '../..');
const folder = [process.env.SEKISHO_LOGS, '../shared/data/logs', '../../shared/data/logs']
  .filter((path) => path !== undefined)
  .map((path) => resolve(root, path))
  .find((path) => existsSync(path));
const skip = folder === undefined ? 'needs the real logs: SEKISHO_LOGS names their folder' : false;

interface Row {
  readonly source: string;
  /** Declared own names. @default learned */
  readonly hosts?: readonly string[];
  readonly techniques: Record<string, number>;
  /** Expected counts by `technique outcome`. */
  readonly outcomes?: Record<string, number>;
  readonly ownAbsolute?: number;
  readonly requests?: number;
}

const rows: readonly Row[] = [
  {
    source: 'wagaken+first-step-for-log-analysis',
    techniques: { connect: 427, absolute: 984, socks5: 36 },
    outcomes: {
      'connect refused': 427,
      'socks5 refused': 36,
      'absolute local': 804,
      'absolute unclear': 34,
      'absolute refused': 146,
    },
  },
  {
    source: 'lovecoding1987+sample_logs',
    techniques: { connect: 7, 'connect-self': 12, absolute: 48, tls: 198 },
    outcomes: { 'connect refused': 7, 'connect-self refused': 12, 'tls refused': 198 },
  },
  {
    source: 'lovecoding1987+sample_logs',
    hosts: ['geolynx.com.ar', '198.199.75.218', '127.0.0.1'],
    techniques: { connect: 7, 'connect-self': 12, absolute: 48, tls: 198 },
  },
  {
    source: 'ajitmp+ngnix-log-parser',
    techniques: { connect: 20, absolute: 1, socks5: 2, socks4: 2, tls: 134 },
    outcomes: {
      'connect refused': 20,
      'absolute refused': 1,
      'socks5 refused': 2,
      'socks4 refused': 2,
      'tls refused': 134,
    },
  },
  {
    source: 'GGos3+Log_Paser',
    techniques: { connect: 2, absolute: 5, tls: 6 },
    outcomes: { 'connect local': 2, 'absolute local': 4, 'absolute unclear': 1 },
  },
  {
    source: 'Linkvenck-first+errores',
    techniques: { connect: 11, 'connect-bad': 1, absolute: 101, tls: 103 },
    outcomes: { 'connect refused': 11, 'connect-bad refused': 1, 'absolute refused': 101 },
    ownAbsolute: 3,
  },
  {
    source: 'nikolai0045+buffalo-bank-backend-errors',
    hosts: ['buffalo-bank.com', '52.15.244.4', '18.220.108.235'],
    techniques: { absolute: 1, tls: 2 },
    ownAbsolute: 5113,
  },
  {
    source: 'nikolai0045+buffalo-bank-backend-errors',
    techniques: { absolute: 1, tls: 2 },
    ownAbsolute: 5113,
  },
  {
    source: '1geek0+weblog',
    techniques: { absolute: 8 },
    outcomes: { 'absolute local': 2, 'absolute refused': 6 },
  },
  { source: 'Poufy+nginx-clients-map', techniques: { absolute: 1 }, outcomes: { 'absolute local': 1 } },
  { source: 'cs102+logs', techniques: { absolute: 1 }, outcomes: { 'absolute local': 1 } },
  { source: 'elastic+examples', techniques: {}, requests: 10_000 },
];

for (const { source, hosts, techniques, outcomes = {}, ownAbsolute, requests } of rows) {
  const names = hosts === undefined ? 'own names learned' : 'own names declared';
  test(`${source}, ${names}: every probe, its technique and outcome`, { skip }, async () => {
    const result = await scanned([join(folder!, source)], { hosts: hosts ?? [] });
    assert.deepEqual(
      counts(result.findings, (f) => f.technique),
      techniques,
    );
    const found = counts(result.findings, (f) => `${f.technique} ${f.outcome}`);
    for (const [key, count] of Object.entries(outcomes)) assert.equal(found[key], count, key);
    assert.equal(result.tally.outcomes['likely-relayed'], 0);
    if (ownAbsolute !== undefined) assert.equal(result.ownAbsolute, ownAbsolute);
    if (requests !== undefined) assert.equal(result.requests, requests);
  });
}

test("answers of 2890 bytes for foreign names are the honeypot's own front page", { skip }, async () => {
  const { findings } = await scanned([join(folder!, 'wagaken+first-step-for-log-analysis')]);
  const answered = findings.filter(({ bytes, technique }) => technique === 'absolute' && bytes === 2890);
  assert.equal(answered.length, 804);
  for (const { outcome, why } of answered) {
    assert.equal(outcome, 'local');
    assert.match(why, /front page/);
  }
  assert.deepEqual(
    counts(
      findings.filter((f) => f.technique === 'connect'),
      (f) => String(f.status),
    ),
    { 405: 427 },
  );
});

test('a Microsoft RPC bind is not reported as a SOCKS5 greeting', { skip }, async () => {
  const { findings } = await scanned([join(folder!, 'ajitmp+ngnix-log-parser')]);
  assert.deepEqual(
    findings.filter((f) => f.target.startsWith('\\x05\\x00')),
    [],
  );
  const socks4 = findings.filter((f) => f.technique === 'socks4').map((f) => f.intent);
  assert.ok(socks4.includes('mail-relay'), 'the port in the SOCKS4 request gives the intent');
});

test('every log of the corpus is read without broken lines, except debug output', {
  skip,
}, async () => {
  const fixtures = join(folder!, 'crowdsecurity+hub');
  const { files, findings, faults } = await scanned([fixtures]);
  assert.deepEqual(faults, []);
  assert.ok(files.every(({ format }) => format !== null));
  assert.ok(files.reduce((sum, { broken }) => sum + broken, 0) <= 1);
  assert.deepEqual(
    counts(findings, (f) => f.technique),
    { connect: 1, absolute: 1, tls: 16 },
  );
  assert.equal(readdirSync(join(fixtures, 'tests')).length, files.length);
});

test('packet captures are reported with a way to read them', { skip }, async () => {
  const { faults } = await scanned([join(folder!, 'OISF+suricata-verify')]);
  assert.equal(faults.length, 11);
  for (const { message, harmless } of faults) {
    assert.match(message, /packet capture/);
    assert.equal(harmless, true);
  }
});
