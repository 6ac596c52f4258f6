import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { type TestContext, test } from 'node:test';
import { runProcess, startProcess } from '../support/process.ts';
import { exchange } from '../support/raw-client.ts';
import { eventually } from '../support/redis.ts';
import { tempDir } from '../support/temp-dir.ts';

async function configured(t: TestContext) {
  const dir = await tempDir(t, 'journal');
  const file = join(dir, 'sekisho.yaml');
  await writeFile(
    file,
    `listen: ["127.0.0.1:0"]
sites: [{ hosts: [www.example.net], backend: welcome }]
admin: false
journal: { path: ./sekisho.db }
bans: { after: 1 }
`,
  );
  return { dir, file };
}

const start = (t: TestContext, file: string) =>
  startProcess(t, process.execPath, ['src/cli.ts', 'start', '--config', file]);
const backup = (file: string, target: string) =>
  runProcess(process.execPath, ['src/cli.ts', 'journal', 'backup', target, '--config', file]);

test('a journal is copied, bans included, while the gateway writes to it', async (t) => {
  const { dir, file } = await configured(t);
  const target = join(dir, 'copy.db');
  const early = await backup(file, target);
  assert.equal(early.code, 1);
  assert.match(early.stderr, /does not exist yet/);
  const gateway = await start(t, file);
  const [, port] = await gateway.waitForLine(/^listening http 127\.0\.0\.1:(\d+)$/, 60_000);
  await exchange(Number(port), 'CONNECT www.example.com:25 HTTP/1.1\r\nHost: www.example.com:25\r\n\r\n', {
    from: '127.0.0.9',
  });
  const rows = (path: string, table: string): number => {
    const db = new DatabaseSync(path, { readOnly: true });
    const { n } = db.prepare(`SELECT COUNT(*) AS n FROM ${table}`).get() as { n: number };
    db.close();
    return n;
  };
  await eventually(() => rows(join(dir, 'sekisho.db'), 'events') === 1, 'written');
  assert.equal((await backup(file, target)).code, 0);
  for (const table of ['events', 'evidence', 'bans']) assert.equal(rows(target, table), 1, table);
  assert.equal((await stat(target)).mode & 0o077, 0, 'only its owner reads it');
  const nowhere = await backup(file, join(dir, 'no', 'copy.db'));
  assert.equal(nowhere.code, 1);
  assert.match(nowhere.stderr, /the folder .*\/no does not exist\n {2}fix: create it: mkdir -p /);
  const again = await backup(file, target);
  assert.equal(again.code, 1);
  assert.match(again.stderr, /copy\.db already exists/);
  // The copy opens like any journal, although the process that holds the original still runs.
  const text = (await readFile(file, 'utf8')).replace('sekisho.db', 'copy.db');
  await writeFile(join(dir, 'copy.yaml'), text);
  const other = await start(t, join(dir, 'copy.yaml'));
  await other.waitForLine(/^listening http/, 60_000);
});

test('a second process on the same journal is refused with the pid of the first; a killed process holds no lock', async (t) => {
  const { dir, file } = await configured(t);
  const first = await start(t, file);
  await first.waitForLine(/^listening http/, 60_000);
  const second = await runProcess(process.execPath, ['src/cli.ts', 'start', '--config', file]);
  assert.equal(second.code, 1);
  assert.match(second.stderr, new RegExp(`sekisho\\.db is in use by process ${first.pid}`));
  first.signal('SIGKILL');
  await first.exited;
  assert.ok(existsSync(join(dir, 'sekisho.db')));
  const third = await start(t, file);
  await third.waitForLine(/^listening http/, 60_000);
});
