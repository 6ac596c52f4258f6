/** The journal's SQLite file: opening, writing, retention. Synchronous; runs in its own thread. */
import { DatabaseSync, type StatementSync } from 'node:sqlite';
import { isProbe } from '../rules/catalogue.ts';
import { connectionFields } from './connection.ts';
import { destinationHost } from './destination-host.ts';
import { type FoldedEvent, foldKey } from './fold.ts';
import { makePrivate } from './journal-file.ts';
import { lockJournal } from './journal-lock.ts';
import { type Deletion, Retention, type RetentionOptions } from './journal-retention.ts';
import { prepareFile, registerFunctions } from './journal-schema.ts';
import { day, hour, month, TopTable } from './top-table.ts';

/** A named text stored in the journal. */
export interface JournalMark {
  readonly name: string;
  readonly value: string;
}

export interface JournalStoreOptions extends RetentionOptions {
  /** Absolute file name, or `:memory:`. */
  readonly path: string;
}

/** Milliseconds during which alike events are folded into one row; also the precision of a filter by time. */
export const foldWindow = 10 * 60_000;
/** Rows that still accept events; eviction: least recently used. */
const openRows = 8192;
/** Milliseconds that a write waits for a lock held by another process. */
const lockWait = 2000;

export class JournalStore {
  readonly db: DatabaseSync;
  readonly #retention: Retention;
  readonly #unlock: () => void;
  readonly #open = new Map<string, { id: number; first: number }>();
  readonly #write: Record<keyof ReturnType<typeof statements>, StatementSync>;
  readonly #sources: readonly TopTable[];
  readonly #wants: readonly TopTable[];

  /** @throws Error if the file can't be opened, is not a journal, or is of a later version */
  constructor(options: JournalStoreOptions) {
    makePrivate(options.path);
    this.db = new DatabaseSync(options.path, { timeout: lockWait });
    try {
      prepareFile(this.db);
      registerFunctions(this.db);
      this.#unlock = lockJournal(this.db);
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
   * Writes a batch in one transaction.
   *
   * @param mark stored in the same transaction: how far a source of events was read
   * @returns for each event the id of its row
   * @throws Error of SQLite: full disk, locked file; the batch can be written again later
   */
  write(batch: readonly FoldedEvent[], mark?: JournalMark): number[] {
    const bytes = batch.reduce((sum, event) => sum + bytesOf(event), 0);
    // The current slot may have been deleted too.
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
      // These rows were rolled back: nothing can be folded into them.
      for (const key of opened) this.#open.delete(key);
      this.#forgetSlots();
      if (this.db.isTransaction) this.db.exec('ROLLBACK');
      throw error;
    }
  }

  /**
   * Deletes what is too old or exceeds `maxSize`, one step.
   *
   * @param passed milliseconds since the last call, by a monotonic clock
   * @returns whether there is more to do
   */
  retain(now: number, passed: number): boolean {
    const tooMuch = this.#retention.makeRoom(0, now);
    const tooOld = this.#retention.byAge(now, passed);
    if (tooMuch) this.#forgetSlots();
    return this.#retention.shrink() || tooOld;
  }

  /** The text stored under a name; null: none. */
  mark(name: string): string | null {
    const row = this.db.prepare('SELECT value FROM meta WHERE name = ?').get(`mark ${name}`);
    return row === undefined ? null : String(row.value);
  }

  /** Bytes in use. */
  size(): number {
    return this.#retention.size;
  }

  /** What was deleted since the file was created, latest first. */
  get letGo(): readonly Deletion[] {
    return this.#retention.letGo;
  }

  close(): void {
    try {
      this.#unlock();
    } catch {
      // A locked or full file. The lock of an ended process is void anyway.
    }
    this.db.close();
  }

  #forgetSlots(): void {
    for (const table of [...this.#sources, ...this.#wants]) table.reset();
  }

  #writeOne(event: FoldedEvent, opened: string[]): number {
    const { prefix, rule, action, destination, intent, count, last } = event;
    const { insert, evidence, fold } = this.#write;
    const key = foldKey(prefix, event);
    const known = this.#open.get(key);
    if (known !== undefined && last - known.first < foldWindow) {
      this.#open.delete(key);
      this.#open.set(key, known);
      // No change: retention has deleted the row.
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

  /** Adds the batch up first: it has few rules and minutes, so few writes. */
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

/** Sums by key, in order of first appearance. */
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

/** Approximate size of a row and its index entries in the file. */
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
