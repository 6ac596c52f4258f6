/** The SQLite file behind the journal: opening, writing, retention. Synchronous; runs in a thread of its own. */
import { DatabaseSync, type StatementSync } from 'node:sqlite';
import { isProbe } from '../rules/catalogue.ts';
import { connectionFields } from './connection.ts';
import { destinationHost } from './destination-host.ts';
import type { FoldedEvent } from './fold.ts';
import { makePrivate } from './journal-file.ts';
import { hold } from './journal-holder.ts';
import { type LetGo, Retention, type RetentionOptions } from './journal-retention.ts';
import { prepareFile, registerFunctions } from './journal-schema.ts';
import { day, hour, month, TopTable } from './top-table.ts';

/** A text that is kept under a name. */
export interface JournalMark {
  readonly name: string;
  readonly value: string;
}

export interface JournalStoreOptions extends RetentionOptions {
  /** Absolute file name, or `:memory:`. */
  readonly path: string;
}

/** Milliseconds: how long a row goes on taking in events like it. A range of time is told as exactly as this. */
export const foldWindow = 10 * 60_000;
/** Rows that still take in events; eviction: the one longest unused. */
const openRows = 8192;
/** Milliseconds that a write waits for a lock of somebody else's. */
const lockWait = 2000;

export class JournalStore {
  readonly db: DatabaseSync;
  readonly #retention: Retention;
  readonly #letGoOfFile: () => void;
  readonly #open = new Map<string, { id: number; first: number }>();
  readonly #write: Record<keyof ReturnType<typeof statements>, StatementSync>;
  readonly #sources: readonly TopTable[];
  readonly #wants: readonly TopTable[];

  /** @throws Error where the file can't be opened, is no journal, or one of a later version */
  constructor(options: JournalStoreOptions) {
    makePrivate(options.path);
    this.db = new DatabaseSync(options.path, { timeout: lockWait });
    try {
      prepareFile(this.db);
      registerFunctions(this.db);
      this.#letGoOfFile = hold(this.db);
      this.#retention = new Retention(this.db, options);
      this.#write = statements(this.db);
      const top = (name: string, unit: number) => new TopTable(this.db, name, unit);
      this.#sources = [top('sourcesHour', hour), top('sourcesDay', day), top('sourcesMonth', month)];
      this.#wants = [top('wantsHour', hour), top('wantsDay', day), top('wantsMonth', month)];
    } catch (error) {
      this.db.close();
      throw error;
    }
  }

  /**
   * Writes a batch, all of it or nothing.
   *
   * @param mark is kept with it: how far a source of events was read
   * @returns the id of each row it went into
   * @throws Error of SQLite: full disk, locked file; the batch can be written again then
   */
  write(batch: readonly FoldedEvent[], mark?: JournalMark): number[] {
    const bytes = batch.reduce((sum, event) => sum + bytesOf(event), 0);
    // A whole slot may be gone, the one that is written to included.
    if (this.#retention.makeRoom(bytes, batch.at(-1)?.last ?? 0)) this.#forgetSlots();
    const opened: string[] = [];
    this.db.exec('BEGIN IMMEDIATE');
    try {
      const ids = batch.map((event) => this.#writeOne(event, opened));
      this.#count(batch);
      if (mark !== undefined) this.#write.mark.run(`mark ${mark.name}`, mark.value);
      this.db.exec('COMMIT');
      return ids;
    } catch (error) {
      // Rows that were never kept can't take anything in.
      for (const key of opened) this.#open.delete(key);
      this.#forgetSlots();
      if (this.db.isTransaction) this.db.exec('ROLLBACK');
      throw error;
    }
  }

  /**
   * Lets go of what is too old or too much, a step of it.
   *
   * @param passed milliseconds since the last time, by a clock that nobody sets
   * @returns whether there is more to do
   */
  retain(now: number, passed: number): boolean {
    const tooMuch = this.#retention.makeRoom(0, now);
    const tooOld = this.#retention.byAge(now, passed);
    if (tooMuch) this.#forgetSlots();
    return this.#retention.shrink() || tooOld;
  }

  /** What was kept under a name; null: nothing. */
  mark(name: string): string | null {
    const row = this.db.prepare('SELECT value FROM meta WHERE name = ?').get(`mark ${name}`);
    return row === undefined ? null : String(row.value);
  }

  /** Bytes in use. */
  size(): number {
    return this.#retention.size;
  }

  /** What was let go since the file was made, what was done last first. */
  get letGo(): readonly LetGo[] {
    return this.#retention.letGo;
  }

  close(): void {
    try {
      this.#letGoOfFile();
    } catch {
      // A locked or full file: a process that has ended holds nothing.
    }
    this.db.close();
  }

  #forgetSlots(): void {
    for (const table of [...this.#sources, ...this.#wants]) table.reset();
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
      if (fold.run(count, last, event.time, Number(event.counts), known.id).changes === 1) return known.id;
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
      Number(event.counts),
      ...connectionFields.map((field) => event[field] ?? null),
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
      totals.add([rule, action], count, time);
      if (!isProbe(rule)) continue;
      intents.add([minute, intent], count, last);
      sources.add([prefix], count, last);
      const host = destination === null ? '' : destinationHost(destination);
      if (host !== '') wants.add([`${intent} ${host}`], count, last);
    }
    for (const { key, count } of minutes) {
      const [minute, rule, action] = key;
      this.#write.minute.run(...key, count);
      this.#write.ruleHour.run(minute - (minute % hour), rule, action, count);
      this.#write.ruleDay.run(minute - (minute % day), rule, action, count);
    }
    for (const { key, count } of intents) {
      const [minute, intent] = key;
      this.#write.intent.run(...key, count);
      this.#write.intentHour.run(minute - (minute % hour), intent, count);
      this.#write.intentDay.run(minute - (minute % day), intent, count);
    }
    for (const { key, count, last } of totals) this.#write.total.run(...key, count, last);
    for (const table of this.#sources) table.add(sources);
    for (const table of this.#wants) table.add(wants);
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

/** What a row and its index entries take in the file, about. */
const bytesOf = ({ bytes, why, request, destination, client, rules }: FoldedEvent): number =>
  600 +
  bytes.length +
  why.length +
  request.length +
  (destination?.length ?? 0) +
  client.length * 3 +
  rules.length * 20;

const adding = (db: DatabaseSync, table: string, columns: number): StatementSync =>
  db.prepare(
    `INSERT INTO ${table} VALUES (${Array(columns).fill('?').join(', ')})
      ON CONFLICT DO UPDATE SET count = count + excluded.count`,
  );

const statements = (db: DatabaseSync) => ({
  insert: db.prepare(
    `INSERT INTO events (first, last, count, listener, client, prefix, site, action, rule, rules, intent, destination,
      answer, why, request, counts, ${connectionFields.join(', ')}) VALUES (${Array(
        16 + connectionFields.length,
      )
        .fill('?')
        .join(', ')})`,
  ),
  evidence: db.prepare('INSERT INTO evidence (id, bytes) VALUES (?, ?)'),
  fold: db.prepare(
    'UPDATE events SET count = count + ?, last = MAX(last, ?), first = MIN(first, ?), counts = MIN(counts, ?) WHERE id = ?',
  ),
  minute: adding(db, 'minutes', 4),
  ruleHour: adding(db, 'rulesHour', 4),
  ruleDay: adding(db, 'rulesDay', 4),
  intent: adding(db, 'intents', 3),
  intentHour: adding(db, 'intentsHour', 3),
  intentDay: adding(db, 'intentsDay', 3),
  mark: db.prepare('INSERT INTO meta VALUES (?, ?) ON CONFLICT DO UPDATE SET value = excluded.value'),
  total: db.prepare(
    `INSERT INTO totals VALUES (?, ?, ?, ?)
      ON CONFLICT DO UPDATE SET count = count + excluded.count, first = MIN(first, excluded.first)`,
  ),
});
