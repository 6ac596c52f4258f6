/**
 * One journal, one process. Two that fold, count and let go in the same file would each go by what the other has deleted, so the
 * second one is refused, and told who is there.
 */
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import type { DatabaseSync } from 'node:sqlite';

/** Who keeps a journal. Plain data, kept in the file itself. */
interface Holder {
  readonly host: string;
  readonly pid: number;
  /** When the process started, as the system tells it: a number that another process has later is another process. */
  readonly started: string;
  /** One of several in a process: while the config is read again there are two. */
  readonly id: string;
}

/** @returns what lets go of it; @throws Error where another process of this machine keeps it */
export function hold(db: DatabaseSync): () => void {
  const id = randomUUID();
  const own: Holder = { host: hostname(), pid: process.pid, started: startOf(process.pid) ?? '', id };
  db.exec('BEGIN IMMEDIATE');
  try {
    const other = read(db);
    if (other !== null && other.host === own.host && other.pid !== own.pid && runs(other))
      throw new Error(`is in use by process ${other.pid}: end that one, or give each a journal of its own`);
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

/** Field 22 of `/proc/PID/stat`, behind a name that may hold anything; null where there is no such process, or no such file. */
function startOf(pid: number): string | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? null;
  } catch {
    return null;
  }
}
