/** The SQLite file behind the journal: opening, writing, retention. Synchronous; runs in a thread of its own. */
import { DatabaseSync, type StatementSync } from 'node:sqlite';
import { parsePrefix } from '../address/ip.ts';
import { PrefixSet } from '../address/prefix-set.ts';
import { destinationHost } from './destination-host.ts';
import type { FoldedEvent } from './fold.ts';
import { day, hour, TopTable } from './top-table.ts';

export interface JournalStoreOptions {
  /** Absolute file name, or `:memory:`. */
  readonly path: string;
  /** How long events are kept, milliseconds. */
  readonly keep: number;
  /** The most the file may hold, bytes. */
  readonly maxSize: number;
}

/** Milliseconds: how long a row goes on taking in events like it. A range of time is told as exactly as this. */
export const foldWindow = 10 * 60_000;
/** Rows that still take in events; eviction: the one longest unused. */
const openRows = 8192;
/** Milliseconds that a write waits for a lock of somebody else's. */
const lockWait = 2000;
/** Rows deleted in one go, so that a write never waits long behind it. */
const deleteStep = 2000;

const version = 1;
const tables = `
  CREATE TABLE events (
    id INTEGER PRIMARY KEY, first INTEGER NOT NULL, last INTEGER NOT NULL, count INTEGER NOT NULL,
    listener TEXT NOT NULL, client TEXT NOT NULL, prefix TEXT NOT NULL, site TEXT, action TEXT NOT NULL,
    rule TEXT NOT NULL, rules TEXT NOT NULL, intent TEXT NOT NULL, destination TEXT, answer TEXT,
    why TEXT NOT NULL, request TEXT NOT NULL
  ) STRICT;
  CREATE INDEX events_last ON events (last);
  CREATE INDEX events_rule ON events (rule, last);
  CREATE INDEX events_prefix ON events (prefix, last);
  CREATE TABLE evidence (id INTEGER PRIMARY KEY, bytes TEXT NOT NULL) STRICT;
  CREATE TABLE minutes (minute INTEGER, rule TEXT, action TEXT, count INTEGER NOT NULL,
    PRIMARY KEY (minute, rule, action)) STRICT, WITHOUT ROWID;
  CREATE TABLE intents (minute INTEGER, intent TEXT, count INTEGER NOT NULL,
    PRIMARY KEY (minute, intent)) STRICT, WITHOUT ROWID;
  CREATE TABLE totals (rule TEXT, action TEXT, count INTEGER NOT NULL, first INTEGER NOT NULL,
    PRIMARY KEY (rule, action)) STRICT, WITHOUT ROWID;
  ${['sourcesHour', 'sourcesDay', 'wantsHour', 'wantsDay'].map(TopTable.sql).join('\n')}
  PRAGMA user_version = ${version};
`;

export class JournalStore {
  readonly db: DatabaseSync;
  readonly #options: JournalStoreOptions;
  readonly #open = new Map<string, { id: number; first: number }>();
  readonly #write: Record<'insert' | 'evidence' | 'fold' | 'minute' | 'intent' | 'total', StatementSync>;
  readonly #sources: readonly TopTable[];
  readonly #wants: readonly TopTable[];

  /** @throws Error where the file can't be opened, is no journal, or one of a later version */
  constructor(options: JournalStoreOptions) {
    this.#options = options;
    this.db = new DatabaseSync(options.path, { timeout: lockWait });
    try {
      prepareFile(this.db);
      registerFunctions(this.db);
      this.#write = statements(this.db);
      const top = (name: string, unit: number) => new TopTable(this.db, name, unit);
      this.#sources = [top('sourcesHour', hour), top('sourcesDay', day)];
      this.#wants = [top('wantsHour', hour), top('wantsDay', day)];
    } catch (error) {
      this.db.close();
      throw error;
    }
  }

  /**
   * Writes a batch, all of it or nothing.
   *
   * @returns the id of each row it went into
   * @throws Error of SQLite: full disk, locked file; the batch can be written again then
   */
  write(batch: readonly FoldedEvent[]): number[] {
    const opened: string[] = [];
    this.db.exec('BEGIN IMMEDIATE');
    try {
      const ids = batch.map((event) => this.#writeOne(event, opened));
      this.#count(batch);
      this.db.exec('COMMIT');
      return ids;
    } catch (error) {
      // Rows that were never kept can't take anything in.
      for (const key of opened) this.#open.delete(key);
      for (const table of [...this.#sources, ...this.#wants]) table.reset();
      if (this.db.isTransaction) this.db.exec('ROLLBACK');
      throw error;
    }
  }

  /** Deletes what is too old or too much, a step of it. @returns whether there is more to delete */
  retain(now: number): boolean {
    const { keep, maxSize } = this.#options;
    const oldest = now - keep;
    let more = this.#deleteEvents(
      this.db.prepare('SELECT id FROM events WHERE last < ? ORDER BY last LIMIT ?').all(oldest, deleteStep),
    );
    for (const table of ['minutes', 'intents'])
      this.db.prepare(`DELETE FROM ${table} WHERE minute < ?`).run(oldest);
    for (const table of [...this.#sources, ...this.#wants]) table.deleteBefore(oldest);
    const excess = 1 - maxSize / this.size();
    if (excess > 0) {
      const { rows } = this.db.prepare('SELECT MAX(id) - MIN(id) + 1 AS rows FROM events').get() as {
        rows: number | null;
      };
      const step = Math.min(deleteStep, Math.ceil((rows ?? 0) * excess));
      const oldestRows = this.db.prepare('SELECT id FROM events ORDER BY last LIMIT ?').all(step);
      this.#deleteEvents(oldestRows);
      more = oldestRows.length > 0 || more;
    }
    this.db.exec('PRAGMA incremental_vacuum(1000)');
    return more;
  }

  /** Bytes in use. */
  size(): number {
    const value = (name: string): number =>
      Number(Object.values(this.db.prepare(`PRAGMA ${name}`).get()!)[0]);
    return (value('page_count') - value('freelist_count')) * value('page_size');
  }

  close(): void {
    this.db.close();
  }

  #writeOne(event: FoldedEvent, opened: string[]): number {
    const { prefix, rule, action, destination, intent, count, last } = event;
    const { insert, evidence, fold } = this.#write;
    const key = `${prefix} ${rule} ${action} ${destination ?? ''}`;
    const known = this.#open.get(key);
    if (known !== undefined && last - known.first < foldWindow) {
      this.#open.delete(key);
      this.#open.set(key, known);
      // Another process, or retention, may have deleted it.
      if (fold.run(count, last, event.time, known.id).changes === 1) return known.id;
    }
    const { lastInsertRowid } = insert.run(
      event.time,
      last,
      count,
      event.listener,
      event.client,
      prefix,
      event.site,
      action,
      rule,
      event.rules.join(' '),
      intent,
      destination,
      event.answer === null ? null : String(event.answer),
      event.why,
      event.request,
    );
    const id = Number(lastInsertRowid);
    evidence.run(id, event.bytes);
    this.#open.delete(key);
    this.#open.set(key, { id, first: event.time });
    opened.push(key);
    if (this.#open.size > openRows) this.#open.delete(this.#open.keys().next().value!);
    return id;
  }

  /** Counts are summed up first: a batch is of few rules and minutes. */
  #count(batch: readonly FoldedEvent[]): void {
    const minutes = new Sums<[number, string, string]>();
    const intents = new Sums<[number, string]>();
    const totals = new Sums<[string, string]>();
    const sources = new Sums<[string]>();
    const wants = new Sums<[string]>();
    for (const { rule, action, intent, prefix, destination, count, time, last } of batch) {
      const minute = last - (last % 60_000);
      minutes.add([minute, rule, action], count, last);
      intents.add([minute, intent], count, last);
      totals.add([rule, action], count, time);
      sources.add([prefix], count, last);
      const host = destination === null ? '' : destinationHost(destination);
      if (host !== '') wants.add([`${intent} ${host}`], count, last);
    }
    for (const { key, count } of minutes) this.#write.minute.run(...key, count);
    for (const { key, count } of intents) this.#write.intent.run(...key, count);
    for (const { key, count, last } of totals) this.#write.total.run(...key, count, last);
    for (const table of this.#sources) table.add(sources);
    for (const table of this.#wants) table.add(wants);
  }

  #deleteEvents(rows: readonly Record<string, unknown>[]): boolean {
    if (rows.length === 0) return false;
    this.db.exec('BEGIN IMMEDIATE');
    const event = this.db.prepare('DELETE FROM events WHERE id = ?');
    const evidence = this.db.prepare('DELETE FROM evidence WHERE id = ?');
    for (const { id } of rows as { id: number }[]) {
      event.run(id);
      evidence.run(id);
    }
    this.db.exec('COMMIT');
    return rows.length === deleteStep;
  }
}

/** Sums by key, in the order of first sight. */
class Sums<Key extends readonly (string | number)[]> {
  readonly #sums = new Map<string, { key: Key; count: number; last: number }>();

  add(key: Key, count: number, last: number): void {
    const text = key.join('\0');
    const sum = this.#sums.get(text);
    if (sum === undefined) this.#sums.set(text, { key, count, last });
    else {
      sum.count += count;
      sum.last = Math.max(sum.last, last);
    }
  }

  [Symbol.iterator]() {
    return this.#sums.values();
  }
}

function prepareFile(db: DatabaseSync): void {
  // Before the first table, or it has no effect.
  db.exec('PRAGMA auto_vacuum = INCREMENTAL');
  // A process that is killed loses nothing that was committed; a machine that loses power, perhaps the last commits.
  db.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA journal_size_limit = 16777216');
  db.exec('PRAGMA cache_size = -16000; PRAGMA temp_store = MEMORY; PRAGMA trusted_schema = OFF');
  db.exec('BEGIN IMMEDIATE');
  try {
    const { user_version: found } = db.prepare('PRAGMA user_version').get() as { user_version: number };
    const { count } = db
      .prepare("SELECT COUNT(*) AS count FROM sqlite_schema WHERE tbl_name <> 'bans'")
      .get() as { count: number };
    // Bans are kept in the same file.
    if (found > version || (found === 0 && count > 0))
      throw new Error(
        found > version ? `was written by a later version (${found})` : 'is a database, but no journal',
      );
    if (found === 0) db.exec(tables);
    db.exec('COMMIT');
  } catch (error) {
    if (db.isTransaction) db.exec('ROLLBACK');
    throw error;
  }
}

/** `host_of(destination)`, and `within(client, prefix)`: for filters by a prefix wider than the one clients are counted by. */
function registerFunctions(db: DatabaseSync): void {
  db.function('host_of', { deterministic: true }, (destination) =>
    destination === null ? null : destinationHost(String(destination)),
  );
  let text = '';
  let set = new PrefixSet([]);
  db.function('within', { deterministic: true }, (client, prefix) => {
    if (prefix !== text) {
      const parsed = parsePrefix(String(prefix));
      [text, set] = [String(prefix), new PrefixSet(parsed === null ? [] : [parsed])];
    }
    return set.contains(String(client)) ? 1 : 0;
  });
}

const statements = (db: DatabaseSync) => ({
  insert: db.prepare(
    `INSERT INTO events (first, last, count, listener, client, prefix, site, action, rule, rules, intent, destination,
      answer, why, request) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  ),
  evidence: db.prepare('INSERT INTO evidence (id, bytes) VALUES (?, ?)'),
  fold: db.prepare(
    'UPDATE events SET count = count + ?, last = MAX(last, ?), first = MIN(first, ?) WHERE id = ?',
  ),
  minute: db.prepare(
    'INSERT INTO minutes VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET count = count + excluded.count',
  ),
  intent: db.prepare(
    'INSERT INTO intents VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET count = count + excluded.count',
  ),
  total: db.prepare(
    `INSERT INTO totals VALUES (?, ?, ?, ?)
      ON CONFLICT DO UPDATE SET count = count + excluded.count, first = MIN(first, excluded.first)`,
  ),
});
