/** The journal's file: an unusable one is reported with a fix before anything starts, and the file is private. */
import assert from 'node:assert/strict';
import { chmodSync, statSync, writeFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { suite, test } from 'node:test';
import { SqliteBanJournal } from '../../src/bans/ban-journal.ts';
import { ConfigError } from '../../src/config/fault.ts';
import { parseConfig } from '../../src/config/load.ts';
import { journalFault } from '../../src/events/journal-file.ts';
import { JournalStore } from '../../src/events/journal-store.ts';
import { tempDir } from '../support/temp-dir.ts';

const bounds = { keep: 1000, maxSize: 1e9 };
const made = (path: string, sql: string): void => {
  const db = new DatabaseSync(path);
  db.exec(sql);
  db.close();
};
const banJournal = (path: string) =>
  new SqliteBanJournal({
    path,
    memory: 1000,
    clock: () => 0,
    onError: (error) => assert.fail(String(error)),
  });

suite('the journal cannot be a file', () => {
  for (const [what, make, message] of [
    [
      'in a missing folder',
      (dir: string) => join(dir, 'nowhere', 'a.db'),
      /the folder .*nowhere does not exist/,
    ],
    ['that is a folder', (dir: string) => dir, /is not a file/],
    [
      'that is not a database',
      (dir: string) => {
        writeFileSync(join(dir, 'a.db'), 'a'.repeat(4096));
        return join(dir, 'a.db');
      },
      /is not a SQLite database/,
    ],
    [
      'of another program',
      (dir: string) => {
        made(join(dir, 'a.db'), 'CREATE TABLE users (name TEXT)');
        return join(dir, 'a.db');
      },
      /is the database of another program/,
    ],
    [
      'of another program that numbers its schemas',
      (dir: string) => {
        made(join(dir, 'a.db'), 'CREATE TABLE users (name TEXT); PRAGMA user_version = 3');
        return join(dir, 'a.db');
      },
      /is the database of another program/,
    ],
    [
      'of another program that has events',
      (dir: string) => {
        made(join(dir, 'a.db'), 'CREATE TABLE events (id, name, prefix); PRAGMA user_version = 1');
        return join(dir, 'a.db');
      },
      /is the database of another program/,
    ],
    [
      'of another program that has bans',
      (dir: string) => {
        made(join(dir, 'a.db'), 'CREATE TABLE bans (id, name)');
        return join(dir, 'a.db');
      },
      /is the database of another program/,
    ],
    [
      'of a later version',
      (dir: string) => {
        made(join(dir, 'a.db'), 'CREATE TABLE events (a); PRAGMA user_version = 99');
        return join(dir, 'a.db');
      },
      /later version of sekisho \(schema 99/,
    ],
  ] as const)
    test(what, async (t) => {
      const path = make(await tempDir(t, 'journal'));
      assert.match(journalFault(path)!.message, message);
      const yaml = `listen: ["127.0.0.1:0"]\nsites: [{ hosts: [a.example], backend: welcome }]\njournal: { path: ${path} }`;
      assert.throws(
        () => parseConfig(yaml, '.'),
        (error: unknown) => {
          assert.ok(error instanceof ConfigError);
          assert.equal(error.faults[0]!.path, 'journal.path');
          assert.match(error.faults[0]!.message, message);
          assert.ok(error.faults[0]!.fix.length > 5);
          return true;
        },
      );
    });
});

test('the journal can be a missing file, one with bans only, and a journal', async (t) => {
  const dir = await tempDir(t, 'journal');
  assert.equal(journalFault(join(dir, 'a.db')), null);
  banJournal(join(dir, 'bans.db')).close();
  assert.equal(journalFault(join(dir, 'bans.db')), null);
  new JournalStore({ path: join(dir, 'events.db'), ...bounds }).close();
  assert.equal(journalFault(join(dir, 'events.db')), null);
  // Still open, like that of a killed process: its writes are in the write-ahead log, and the header is stale.
  const open = new JournalStore({ path: join(dir, 'open.db'), ...bounds });
  assert.equal(journalFault(join(dir, 'open.db')), null);
  open.close();
  writeFileSync(join(dir, 'empty.db'), '');
  assert.equal(journalFault(join(dir, 'empty.db')), null);
});

test('the file, its -wal and its -shm are private, whatever the umask, also if they were readable before', async (t) => {
  const dir = await tempDir(t, 'journal');
  const modes = (path: string): string[] =>
    ['', '-wal', '-shm'].map((end) => (statSync(path + end).mode & 0o777).toString(8));
  const before = process.umask(0);
  try {
    for (const open of [
      (path: string) => new JournalStore({ path, ...bounds }),
      (path: string) => banJournal(path),
    ]) {
      const folder = join(dir, open.toString().includes('Store') ? 'events' : 'bans');
      await mkdir(folder);
      const fresh = join(folder, 'fresh.db');
      const one = open(fresh);
      t.after(() => one.close());
      assert.deepEqual(modes(fresh), ['600', '600', '600']);
      const old = join(folder, 'old.db');
      made(old, 'PRAGMA journal_mode = WAL');
      chmodSync(old, 0o644);
      const two = open(old);
      t.after(() => two.close());
      assert.deepEqual(modes(old), ['600', '600', '600']);
    }
  } finally {
    process.umask(before);
  }
});
