/** Bans over a restart, in SQLite. */
import { DatabaseSync, type StatementSync } from 'node:sqlite';
import { makePrivate } from '../events/journal-file.ts';
import { plural } from '../plural.ts';
import { type Ban, readBan } from './ban.ts';
import { fault } from './gate.ts';

/** Where bans outlive the process. */
export interface BanJournal {
  /** Every record that is not yet forgotten; what is none is deleted and told. */
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
  /** Told where bans can't be written; they stay in memory and are tried again after a second. */
  readonly onError: (error: unknown) => void;
  /** The most records that are kept; beyond it bans for probes go, those that end soonest. @default 1_000_000 */
  readonly most?: number;
  /** The time between two writes, in milliseconds. @default 100 */
  readonly rest?: number;
}

/** The most records that wait to be written; beyond it the oldest one is only in memory, and an error is told. */
const mostWaiting = 100_000;

/** Milliseconds to wait for a file that another one writes to: where nobody waits for us, and where requests do. */
const patience = 1000;
const impatience = 5;

/** How often a write is put off for that before it is an error. */
const mostPutOff = 50;

/** SQLite's result code for a file that is locked. */
const isBusy = (error: unknown): boolean => (error as { errcode?: number }).errcode === 5;

/** What a record takes in the file, about, in bytes. */
export const banBytes = 120;

const columns = 'prefix, since, until, changed, level, by, reason';

/**
 * A ban is written at the end of the turn of the event loop that it comes in. After each write there is a rest: what comes in
 * meanwhile is one transaction at its end. So an attack of thousands of clients a second costs ten writes, not thousands,
 * while requests wait.
 */
export class SqliteBanJournal implements BanJournal {
  readonly #options: SqliteBanJournalOptions;
  readonly #database: DatabaseSync;
  readonly #insert: StatementSync;
  readonly #trim: StatementSync;
  /** Records in the file, or fewer: replaced ones count twice until they are counted anew. */
  #rows = 0;
  readonly #waiting = new Map<string, Ban>();
  #scheduled: NodeJS.Immediate | null = null;
  #resting: NodeJS.Timeout | null = null;
  #putOff = 0;

  /** @throws Error where the file can't be opened */
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
      // A clock that was wrong then, or is wrong now, must not make a decision that no later one can take the place of.
      else bans.push({ ...ban, changed: Math.min(ban.changed, clock()) });
    }
    // From an earlier version, which took from the fleet what no list shows.
    this.#rows = bans.length;
    const drop = this.#database.prepare('DELETE FROM bans WHERE prefix = ?');
    for (const prefix of unsound) drop.run(prefix);
    if (unsound.length > 0) {
      const named = JSON.stringify(unsound.slice(0, 5)).slice(1, 200);
      this.#options.onError(
        new Error(
          `${plural(unsound.length, 'record')} of the journal ${unsound.length === 1 ? 'was no ban and is' : 'were no bans and are'} deleted: ${named}`,
        ),
      );
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

  /** As `flush`, but requests wait for it: where another thread writes to the file just now, it is put off. */
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
        // An insert may have replaced a row: now they are counted.
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
