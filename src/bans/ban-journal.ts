/** Keeps bans across restarts, in SQLite. */
import { DatabaseSync, type StatementSync } from 'node:sqlite';
import { makePrivate } from '../events/journal-file.ts';
import { plural } from '../plural.ts';
import { fault } from './admission.ts';
import { type Ban, readBan } from './ban.ts';

/** Storage in which bans outlive the process. */
export interface BanJournal {
  /** Every record still remembered. Rows that are not valid bans are deleted and reported. */
  load(): Ban[];
  /** Stores a record in place of the earlier one for its prefix. Returns at once; the record is on disk after `flush`. */
  save(ban: Ban): void;
  /** Writes every saved record to disk. */
  flush(): void;
  close(): void;
}

export interface SqliteBanJournalOptions {
  /** File name. Other tables in the file are left alone. */
  readonly path: string;
  /** How long a record is kept after the ban ends, in milliseconds. */
  readonly memory: number;
  /** Milliseconds since the epoch. */
  readonly clock: () => number;
  /** Called when bans can't be written. They stay in memory and are retried after a second. */
  readonly onError: (error: unknown) => void;
  /** The most records kept in the file. Above it, the probe bans that end soonest are deleted. @default 1_000_000 */
  readonly most?: number;
  /** The pause between two writes, in milliseconds. @default 100 */
  readonly rest?: number;
}

/** The most records waiting to be written. Above it, the oldest is kept only in memory and an error is reported. */
const mostWaiting = 100_000;

/** Milliseconds to wait for another writer's lock on the file: `patience` at start and stop, `impatience` while requests wait. */
const patience = 1000;
const impatience = 5;

/** How often a write may be postponed because of that lock before it counts as an error. */
const mostPutOff = 50;

/** SQLITE_BUSY: the file is locked. */
const isBusy = (error: unknown): boolean => (error as { errcode?: number }).errcode === 5;

/** The approximate size of a record in the file, in bytes. */
export const banBytes = 120;

const columns = 'prefix, since, until, changed, level, by, reason';

/**
 * A ban is written at the end of the event-loop turn in which it is made. After each write the journal pauses, and everything
 * saved during the pause becomes one transaction. An attack by thousands of clients a second thus costs ten writes a second
 * that requests wait for, not thousands.
 */
export class SqliteBanJournal implements BanJournal {
  readonly #options: SqliteBanJournalOptions;
  readonly #database: DatabaseSync;
  readonly #insert: StatementSync;
  readonly #trim: StatementSync;
  /** An upper bound of the rows in the file: replaced rows count twice until the next recount. */
  #rows = 0;
  readonly #waiting = new Map<string, Ban>();
  #scheduled: NodeJS.Immediate | null = null;
  #resting: NodeJS.Timeout | null = null;
  #putOff = 0;

  /** @throws Error if the file can't be opened */
  constructor(options: SqliteBanJournalOptions) {
    this.#options = options;
    makePrivate(options.path);
    this.#database = new DatabaseSync(options.path, { timeout: patience });
    this.#database.exec(
      `PRAGMA journal_mode = WAL;
       PRAGMA synchronous = NORMAL;
       CREATE TABLE IF NOT EXISTS bans (
         prefix TEXT PRIMARY KEY, since INTEGER NOT NULL, until INTEGER NOT NULL, changed INTEGER NOT NULL,
         level INTEGER NOT NULL, by TEXT NOT NULL, reason TEXT NOT NULL
       ) STRICT, WITHOUT ROWID`,
    );
    this.#trim = this.#database.prepare(
      `DELETE FROM bans WHERE prefix IN (SELECT prefix FROM bans WHERE by = 'probes' ORDER BY until LIMIT ?)`,
    );
    this.#insert = this.#database.prepare(
      `INSERT OR REPLACE INTO bans (${columns}) VALUES (?, ?, ?, ?, ?, ?, ?)`,
    );
  }

  load(): Ban[] {
    const { memory, clock } = this.#options;
    this.#database.prepare('DELETE FROM bans WHERE until <= ?').run(clock() - memory);
    const bans: Ban[] = [];
    const unsound: string[] = [];
    for (const row of this.#database.prepare(`SELECT ${columns} FROM bans`).iterate()) {
      const ban = readBan(row);
      if (ban === null || fault(ban) !== null) unsound.push(String(row.prefix));
      // If a clock is or was wrong, a decision dated in the future could never be superseded.
      else bans.push({ ...ban, changed: Math.min(ban.changed, clock()) });
    }
    this.#rows = bans.length;
    // Earlier versions accepted records from the fleet that no command could list or remove.
    const drop = this.#database.prepare('DELETE FROM bans WHERE prefix = ?');
    for (const prefix of unsound) drop.run(prefix);
    if (unsound.length > 0) {
      const named = JSON.stringify(unsound.slice(0, 5)).slice(1, 200);
      this.#options.onError(
        new Error(`deleted ${plural(unsound.length, 'invalid ban record')} from the journal: ${named}`),
      );
    }
    return bans;
  }

  save(ban: Ban): void {
    this.#waiting.set(ban.prefix, ban);
    if (this.#waiting.size > mostWaiting) {
      this.#waiting.delete(this.#waiting.keys().next().value!);
      this.#options.onError(
        new Error(`more than ${mostWaiting} bans wait to be written; the oldest will not survive a restart`),
      );
    }
    if (this.#resting === null) this.#scheduled ??= setImmediate(() => this.#write());
  }

  flush(): void {
    if (this.#scheduled !== null) clearImmediate(this.#scheduled);
    this.#scheduled = null;
    if (this.#waiting.size === 0) return;
    try {
      this.#transact();
    } catch (error) {
      this.#options.onError(error);
    }
  }

  /** Like `flush`, but requests wait for this write: it is postponed while another thread writes to the file. */
  #write(): void {
    this.#scheduled = null;
    let rest = this.#options.rest ?? 100;
    try {
      this.#database.exec(`PRAGMA busy_timeout = ${impatience}`);
      this.#transact();
      this.#putOff = 0;
    } catch (error) {
      if (!isBusy(error) || ++this.#putOff >= mostPutOff) {
        this.#putOff = 0;
        rest = 1000;
        this.#options.onError(error);
      }
    } finally {
      this.#database.exec(`PRAGMA busy_timeout = ${patience}`);
    }
    this.#resting = setTimeout(() => {
      this.#resting = null;
      if (this.#waiting.size > 0) this.#write();
    }, rest).unref();
  }

  #transact(): void {
    const { most = 1_000_000 } = this.#options;
    try {
      this.#database.exec('BEGIN IMMEDIATE');
      for (const { prefix, since, until, changed, level, by, reason } of this.#waiting.values())
        this.#insert.run(prefix, since, until, changed, level, by, reason);
      this.#rows += this.#waiting.size;
      if (this.#rows > most) {
        // Some inserts may have replaced rows, so recount.
        this.#rows = this.#database.prepare('SELECT COUNT(*) AS n FROM bans').get()!.n as number;
        const excess = this.#rows - most;
        if (excess > 0) this.#rows -= Number(this.#trim.run(excess + Math.ceil(most / 20)).changes);
      }
      this.#database.exec('COMMIT');
      this.#waiting.clear();
    } catch (error) {
      if (this.#database.isTransaction) this.#database.exec('ROLLBACK');
      throw error;
    }
  }

  close(): void {
    if (!this.#database.isOpen) return;
    this.flush();
    if (this.#resting !== null) clearTimeout(this.#resting);
    this.#database.close();
  }
}
