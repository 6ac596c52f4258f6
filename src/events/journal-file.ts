/** The file of the journal, before SQLite has it: whether it can be one, and who may read it. */
import { chmodSync, closeSync, existsSync, openSync, readSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { version } from './journal-schema.ts';

/** Why a file can't be the journal, and what to do about it. */
export interface JournalFault {
  readonly message: string;
  readonly fix: string;
}

const elsewhere = 'move it away, or name another file';

/** @returns null where it can be one, or nothing can be told: it is another user's, say */
export function journalFault(path: string): JournalFault | null {
  const folder = dirname(path);
  if (!existsSync(folder))
    return {
      message: `can't be made: the folder ${folder} is not there`,
      fix: `make it (mkdir -p ${folder}), or name a file elsewhere`,
    };
  let head: Buffer;
  try {
    if (!existsSync(path)) return null;
    if (!statSync(path).isFile()) return { message: 'is no file', fix: 'name a file' };
    head = headOf(path);
  } catch {
    return null;
  }
  if (head.length === 0) return null;
  if (head.toString('latin1', 0, 16) !== 'SQLite format 3\0' || head.length < 100)
    return { message: 'is no database', fix: elsewhere };
  // The database file format, section 1.3: the user version.
  const found = head.readUInt32BE(60);
  if (found > version)
    return {
      message: `was written by a later version of sekisho (schema ${found}; this one knows ${version})`,
      fix: 'install that version, or name another file',
    };
  return found === 0 && holdsOthersTables(path)
    ? { message: 'is the database of another program', fix: elsewhere }
    : null;
}

function headOf(path: string): Buffer {
  const file = openSync(path, 'r');
  try {
    const head = Buffer.alloc(100);
    return head.subarray(0, readSync(file, head, 0, 100, 0));
  } finally {
    closeSync(file);
  }
}

/** Bans alone make a file of version 0 too. */
function holdsOthersTables(path: string): boolean {
  // Not imported above: of who has no journal, some Nodes would warn that it is experimental.
  const { DatabaseSync } = process.getBuiltinModule('node:sqlite');
  try {
    const db = new DatabaseSync(path, { readOnly: true });
    try {
      // The head of the file is old where what was written last is still in the log beside it.
      if (db.prepare('PRAGMA user_version').get()?.user_version !== 0) return false;
      return db.prepare("SELECT 1 FROM sqlite_schema WHERE tbl_name <> 'bans' LIMIT 1").get() !== undefined;
    } finally {
      db.close();
    }
  } catch {
    return false;
  }
}

/**
 * Makes the file where it is not there, and takes it from everybody else's eyes: it holds what clients sent, cookies of other
 * names than we know among it. SQLite gives the files beside it the same rights.
 */
export function makePrivate(path: string): void {
  if (path === ':memory:') return;
  closeSync(openSync(path, 'a', 0o600));
  for (const file of [path, `${path}-wal`, `${path}-shm`]) {
    try {
      if ((statSync(file).mode & 0o077) !== 0) chmodSync(file, 0o600);
    } catch {
      // Not there, or not ours to change.
    }
  }
}
