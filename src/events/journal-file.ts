/** Checks and prepares the journal's file before SQLite opens it. */
import { chmodSync, closeSync, existsSync, openSync, readSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { pathToFileURL } from 'node:url';
import { isForeign, version } from './journal-schema.ts';

/** Why a file can't be the journal, and how to fix it. */
export interface JournalFault {
  readonly message: string;
  readonly fix: string;
}

const elsewhere = 'move it away, or set another file';

/** @returns null if it can be the journal, or if it can't be read, for example as another user's file */
export function journalFault(path: string): JournalFault | null {
  const folder = dirname(path);
  if (!existsSync(folder))
    return {
      message: `can't be created: the folder ${folder} does not exist`,
      fix: `create it (mkdir -p ${folder}), or set a file elsewhere`,
    };
  let head: Buffer;
  try {
    if (!existsSync(path)) return null;
    if (!statSync(path).isFile()) return { message: 'is not a file', fix: 'set the name of a file' };
    head = headOf(path);
  } catch {
    return null;
  }
  if (head.length === 0) return null;
  if (head.toString('latin1', 0, 16) !== 'SQLite format 3\0' || head.length < 100)
    return { message: 'is not a SQLite database', fix: elsewhere };
  // Offset 60 of the header is the user version (SQLite file format, section 1.3).
  const found = head.readUInt32BE(60);
  if (found > version)
    return {
      message: `was written by a later version of sekisho (schema ${found}; this version knows ${version})`,
      fix: 'install that version, or set another file',
    };
  return holdsOthersTables(path) ? { message: 'is the database of another program', fix: elsewhere } : null;
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

function holdsOthersTables(path: string): boolean {
  // Not a static import: on some Node versions node:sqlite prints an ExperimentalWarning, even for programs without a journal.
  const { DatabaseSync } = process.getBuiltinModule('node:sqlite');
  try {
    // Immutable: no write-ahead log is read, or made beside another user's file. If the latest writes are only in the log, the file has
    // fewer tables, but these are ours too.
    const url = pathToFileURL(path);
    url.search = 'immutable=1';
    const db = new DatabaseSync(url, { readOnly: true });
    try {
      return isForeign(db);
    } finally {
      db.close();
    }
  } catch {
    return false;
  }
}

/**
 * Creates the file if it is missing, and makes it private to its owner: it holds what clients sent, including cookies whose names
 * we do not know to redact. SQLite gives -wal and -shm the same mode.
 */
export function makePrivate(path: string): void {
  if (path === ':memory:') return;
  closeSync(openSync(path, 'a', 0o600));
  for (const file of [path, `${path}-wal`, `${path}-shm`]) {
    try {
      if ((statSync(file).mode & 0o077) !== 0) chmodSync(file, 0o600);
    } catch {
      // Missing, or owned by another user.
    }
  }
}
