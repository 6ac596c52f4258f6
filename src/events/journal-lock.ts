/**
 * One journal, one process. Two processes that fold, count and delete in the same file would corrupt each other's counts, so the
 * second one is refused, with the id of the first.
 */
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import type { DatabaseSync } from 'node:sqlite';

/** The process that has the journal open. Stored in the file itself. */
interface Holder {
  readonly host: string;
  readonly pid: number;
  /** Start time of the process, as the kernel reports it: detects a reused pid. */
  readonly started: string;
  /** Unique per opened journal: during a reload of the config a process has two. */
  readonly id: string;
}

/** @returns the function that unlocks it @throws Error if another process of this machine has it */
export function lockJournal(db: DatabaseSync): () => void {
  const id = randomUUID();
  const own: Holder = { host: hostname(), pid: process.pid, started: startOf(process.pid) ?? '', id };
  db.exec('BEGIN IMMEDIATE');
  try {
    const other = read(db);
    if (other !== null && other.host === own.host && other.pid !== own.pid && runs(other))
      throw new Error(`is in use by process ${other.pid}: stop that process, or give each its own journal`);
    db.prepare("INSERT INTO meta VALUES ('holder', ?) ON CONFLICT DO UPDATE SET value = excluded.value").run(
      JSON.stringify(own),
    );
    db.exec('COMMIT');
  } catch (error) {
    if (db.isTransaction) db.exec('ROLLBACK');
    throw error;
  }
  return () => {
    if (read(db)?.id === id) db.exec("DELETE FROM meta WHERE name = 'holder'");
  };
}

function read(db: DatabaseSync): Holder | null {
  const row = db.prepare("SELECT value FROM meta WHERE name = 'holder'").get();
  try {
    const { host, pid, started, id } = JSON.parse(String(row?.value ?? 'null')) as Holder;
    return Number.isInteger(pid) ? { host, pid, started, id } : null;
  } catch {
    return null;
  }
}

function runs({ pid, started }: Holder): boolean {
  const now = startOf(pid);
  if (now !== null) return now === started;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** Field 22 of `/proc/PID/stat`, counted after the name, which can contain anything; null without such a process or without /proc. */
function startOf(pid: number): string | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? null;
  } catch {
    return null;
  }
}
