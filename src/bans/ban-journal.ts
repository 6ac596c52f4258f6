/** Bans over a restart, in SQLite. */
import { DatabaseSync, type StatementSync } from 'node:sqlite';
import { type Ban, readBan } from './ban.ts';

/** Where bans outlive the process. */
export interface BanJournal {
  /** Every record that is not yet forgotten. */
  load(): Ban[];
  /** Keeps a record, in place of an earlier one of its prefix. Returns at once; `flush` tells when it is on disk. */
  save(ban: Ban): void;
  /** Writes what has been saved. */
  flush(): void;
  close(): void;
}

export interface SqliteBanJournalOptions {
  /** File name; other tables in it are left alone. */
  readonly path: string;
  /** How long a record is kept after its end, in milliseconds. */
  readonly memory: number;
  /** Milliseconds since the epoch. */
  readonly clock: () => number;
  /** Told where bans can't be written; they stay in memory and are tried again with the next ones. */
  readonly onError: (error: unknown) => void;
}

/** The most records that wait to be written; beyond it the oldest one is only in memory, and an error is told. */
const mostWaiting = 100_000;

const columns = 'prefix, since, until, changed, level, by, reason';

/** What comes in during one turn of the event loop is one transaction: under attack that is many bans a write. */
export class SqliteBanJournal implements BanJournal {
  readonly #options: SqliteBanJournalOptions;
  readonly #database: DatabaseSync;
  readonly #insert: StatementSync;
  readonly #waiting = new Map<string, Ban>();
  #scheduled: NodeJS.Immediate | null = null;

  /** @throws Error where the file can't be opened */
  constructor(options: SqliteBanJournalOptions) {
    this.#options = options;
    this.#database = new DatabaseSync(options.path, { timeout: 1000 });
    this.#database.exec(
      `PRAGMA journal_mode = WAL;
       PRAGMA synchronous = NORMAL;
       CREATE TABLE IF NOT EXISTS bans (
         prefix TEXT PRIMARY KEY, since INTEGER NOT NULL, until INTEGER NOT NULL, changed INTEGER NOT NULL,
         level INTEGER NOT NULL, by TEXT NOT NULL, reason TEXT NOT NULL
       ) STRICT, WITHOUT ROWID`,
    );
    this.#insert = this.#database.prepare(
      `INSERT OR REPLACE INTO bans (${columns}) VALUES (?, ?, ?, ?, ?, ?, ?)`,
    );
  }

  load(): Ban[] {
    const { memory, clock } = this.#options;
    this.#database.prepare('DELETE FROM bans WHERE until <= ?').run(clock() - memory);
    const bans: Ban[] = [];
    for (const row of this.#database.prepare(`SELECT ${columns} FROM bans`).iterate()) {
      const ban = readBan(row);
      if (ban !== null) bans.push(ban);
    }
    return bans;
  }

  save(ban: Ban): void {
    this.#waiting.set(ban.prefix, ban);
    if (this.#waiting.size > mostWaiting) {
      this.#waiting.delete(this.#waiting.keys().next().value!);
      this.#options.onError(
        new Error('more bans wait to be written than fit into memory; the oldest is not kept'),
      );
    }
    this.#scheduled ??= setImmediate(() => this.flush());
  }

  flush(): void {
    if (this.#scheduled !== null) clearImmediate(this.#scheduled);
    this.#scheduled = null;
    if (this.#waiting.size === 0) return;
    try {
      this.#database.exec('BEGIN IMMEDIATE');
      for (const { prefix, since, until, changed, level, by, reason } of this.#waiting.values())
        this.#insert.run(prefix, since, until, changed, level, by, reason);
      this.#database.exec('COMMIT');
      this.#waiting.clear();
    } catch (error) {
      if (this.#database.isTransaction) this.#database.exec('ROLLBACK');
      this.#options.onError(error);
    }
  }

  close(): void {
    if (!this.#database.isOpen) return;
    this.flush();
    this.#database.close();
  }
}
