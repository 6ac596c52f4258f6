/** Reading logs that are compressed, truncated, binary, rotating, or have huge lines: nothing stops a scan. */
import assert from 'node:assert/strict';
import { appendFile, mkdir, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import type { QuotedFinding } from '../../src/scan/finding.ts';
import { followLogs } from '../../src/scan/follow.ts';
import { LogScan } from '../../src/scan/log-scan.ts';
import { splitTask } from '../../src/scan/task-pool.ts';
import { tempDir } from '../support/temp-dir.ts';
import { scanned } from './scanned.ts';

const line = (request: string, second = 1): string =>
  `192.0.2.7 - - [10/Oct/2024:18:54:${String(second % 60).padStart(2, '0')} +0000] "${request}" 404 162 "-" "Mozilla/5.0"\n`;
const probe = line('CONNECT example.com:25 HTTP/1.1');
const ordinary = line('GET /index.html HTTP/1.1');

test('plain, gzip (also with several members) and zstd are recognized by their bytes, not their names', async (t) => {
  const dir = await tempDir(t, 'packed');
  const text = ordinary + probe;
  const files = { plain: Buffer.from(text), gzip: gzipSync(text), zstd: zstdCompressSync(text) };
  for (const [name, bytes] of Object.entries(files)) await writeFile(join(dir, name), bytes);
  await writeFile(join(dir, 'members'), Buffer.concat([gzipSync(ordinary), gzipSync(probe)]));
  const { findings, files: read } = await scanned([dir]);
  assert.deepEqual(
    read.map(({ lines }) => lines),
    [2, 2, 2, 2],
  );
  assert.deepEqual(
    findings.map((f) => f.line),
    [2, 2, 2, 2],
  );
});

test('a truncated and a damaged gzip file are read up to the break, and reported', async (t) => {
  const dir = await tempDir(t, 'broken');
  const whole = gzipSync(
    probe +
      Array.from({ length: 20_000 }, (_, i) => line(`GET /${(i * 7919) % 10_007} HTTP/1.1`, i)).join(''),
  );
  await writeFile(join(dir, 'truncated.gz'), whole.subarray(0, whole.length / 2));
  const damaged = Buffer.from(whole);
  damaged.fill(0xff, whole.length - 2000, whole.length - 1000);
  await writeFile(join(dir, 'damaged.gz'), damaged);
  await writeFile(join(dir, 'after.log'), probe);
  const { findings, faults } = await scanned([
    join(dir, 'truncated.gz'),
    join(dir, 'damaged.gz'),
    join(dir, 'after.log'),
  ]);
  assert.equal(findings.length, 3);
  assert.match(faults[0]!.message, /ends in the middle of its compressed data/);
  assert.match(faults[1]!.message, /is damaged/);
  assert.equal(faults.length, 2);
});

test('missing files, unsupported compression and files that are no logs are reported; the rest is scanned', async (t) => {
  const dir = await tempDir(t, 'mixed');
  await mkdir(join(dir, 'sub'));
  await writeFile(join(dir, 'sub', 'access.log'), probe);
  await writeFile(join(dir, 'notes.txt'), 'not a log\nat all\n');
  await writeFile(join(dir, 'old.xz'), Buffer.from([0xfd, 0x37, 0x7a, 0x58, 0x5a, 0, 0, 0]));
  await writeFile(join(dir, 'empty.log'), '');
  const missing = join(dir, 'missing.log');
  const { findings, faults } = await scanned([missing, dir, join(dir, 'notes.txt')]);
  assert.equal(findings.length, 1);
  const messages = Object.fromEntries(
    faults.map((f) => [`${f.file.slice(dir.length + 1)} ${f.harmless === true}`, f.message]),
  );
  assert.match(messages['missing.log false']!, /does not exist/);
  assert.match(messages['old.xz true']!, /xz -dc/);
  assert.match(messages['notes.txt false']!, /no line in a known log format/);
});

test('lines of a megabyte, invalid UTF-8, NULs, and a last line without a line feed', async (t) => {
  const dir = await tempDir(t, 'odd');
  const long = line(`GET http://example.com/${'a'.repeat(1_048_576)} HTTP/1.1`);
  const bytes = Buffer.concat([
    Buffer.from(ordinary),
    Buffer.from(long),
    Buffer.from(line(`GET /${'b'.repeat(1_048_576)} HTTP/1.1`)),
    Buffer.from('\xff\xfe\x00 what is this\n', 'latin1'),
    Buffer.from(line('GET /caf\xe9 HTTP/1.1'), 'latin1'),
    Buffer.from(probe.trimEnd()),
  ]);
  await writeFile(join(dir, 'access.log'), bytes);
  const { findings, files } = await scanned([join(dir, 'access.log')]);
  assert.deepEqual(
    findings.map((f) => [f.line, f.technique]),
    [
      [2, 'absolute'],
      [6, 'connect'],
    ],
  );
  assert.equal(findings[0]!.target.length, 512);
  assert.equal(files[0]!.broken, 1);
  assert.equal(files[0]!.lines, 6);
});

test('an endless line is truncated, so that memory stays bounded, and the lines after it are read', () => {
  const found: number[] = [];
  const scan = new LogScan({
    format: null,
    now: 0,
    all: false,
    clients: false,
    hosts: false,
    onCandidate: ({ line }) => found.push(line),
  });
  scan.push(Buffer.from(ordinary));
  for (let i = 0; i < 20; i++) scan.push(Buffer.alloc(1 << 20, 0x41));
  scan.push(Buffer.from(`\n${probe}`));
  const totals = scan.end();
  assert.deepEqual(found, [3]);
  assert.equal(totals.cut, 1);
});

test('chunks of any size give the same lines', () => {
  const text = Buffer.from((ordinary + probe + ordinary).repeat(50));
  for (const size of [1, 7, 100, 131, text.length]) {
    const found: number[] = [];
    const scan = new LogScan({
      format: null,
      now: 0,
      all: false,
      clients: false,
      hosts: false,
      onCandidate: ({ line }) => found.push(line),
    });
    for (let at = 0; at < text.length; at += size) {
      scan.push(text.subarray(at, at + size));
      if (at === 0) scan.settle();
    }
    assert.equal(scan.end().lines, 150, `pieces of ${size}`);
    assert.deepEqual(
      found,
      Array.from({ length: 50 }, (_, i) => 3 * i + 2),
    );
  }
});

test('a large log split over threads gives the same findings at the same lines', async (t) => {
  const dir = await tempDir(t, 'parts');
  const file = join(dir, 'access.log');
  const block = Buffer.from(ordinary.repeat(9_999) + probe);
  const blocks = Math.ceil((110 * 1024 * 1024) / block.length);
  await writeFile(file, Buffer.concat(Array.from({ length: blocks }, () => block)));
  const source = { name: file, size: block.length * blocks, packing: 'plain', group: dir } as const;
  const task = { source, range: null, format: null, now: 0, all: false, clients: false, hosts: false };
  assert.equal((await splitTask(task)).length, 2);
  const { findings, files } = await scanned([file], { threads: 2 });
  assert.deepEqual(
    files.map(({ lines, requests }) => [lines, requests]),
    [[blocks * 10_000, blocks * 10_000]],
  );
  assert.deepEqual(
    findings.map((f) => f.line),
    Array.from({ length: blocks }, (_, i) => (i + 1) * 10_000),
  );
});

test('a followed log is read on after appends, a rotation and truncation', async (t) => {
  const dir = await tempDir(t, 'follow');
  const file = join(dir, 'access.log');
  await writeFile(file, probe);
  const stop = new AbortController();
  const findings: QuotedFinding[] = [];
  let awaited = Promise.withResolvers<void>();
  let goal = 1;
  const reach = async (count: number): Promise<void> => {
    goal = count;
    awaited = Promise.withResolvers<void>();
    if (findings.length < count) await awaited.promise;
  };
  const done = followLogs(
    {
      logs: [file],
      hosts: [],
      ports: null,
      format: null,
      all: false,
      rehearse: null,
      threads: null,
      now: Date.UTC(2026, 0, 1),
      onFinding: (finding) => {
        findings.push(finding);
        if (findings.length >= goal) awaited.resolve();
      },
    },
    stop.signal,
  );
  await reach(1);
  await appendFile(file, ordinary + probe.slice(0, 20));
  await appendFile(file, probe.slice(20));
  await reach(2);
  await appendFile(file, probe);
  await rename(file, `${file}.1`);
  await writeFile(file, line('CONNECT after.example:443 HTTP/1.1'));
  await reach(4);
  // Truncated in place, as by logrotate with `copytruncate`: now shorter than the read position.
  await writeFile(file, '');
  await appendFile(file, line('CONNECT a.example:25 HTTP/1.1'));
  await reach(5);
  stop.abort();
  const result = await done;
  assert.deepEqual(
    findings.map((f) => f.target),
    ['example.com:25', 'example.com:25', 'example.com:25', 'after.example:443', 'a.example:25'],
  );
  assert.equal(result.tally.total, 5);
  assert.deepEqual(result.faults, []);
});
