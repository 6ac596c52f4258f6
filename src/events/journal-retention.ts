/**
 * Deletes what is older than `keep` and what exceeds `maxSize`. An attacker chooses how many rows a table gets and how long they are,
 * so every table has a share of `maxSize`: a table within its share never loses rows to another one, and the newest events are
 * deleted last.
 */
import type { DatabaseSync, SQLInputValue } from 'node:sqlite';
import { day, hour, month } from './top-table.ts';

export interface RetentionOptions {
  /** How long events are kept, milliseconds. */
  readonly keep: number;
  /** Largest size of the file, bytes. */
  readonly maxSize: number;
}

/** What was deleted. Plain data; the API calls the list `letGo`. */
export interface Deletion {
  /** For people: `events`, `sources by the hour`. */
  readonly what: string;
  /** `age`: older than `keep`; `size`: the file had reached `maxSize`. */
  readonly why: 'age' | 'size';
  readonly rows: number;
  /** Time of the newest row deleted, milliseconds since the epoch. */
  readonly until: number;
  /** When rows were last deleted, milliseconds since the epoch. */
  readonly at: number;
}

interface Part {
  readonly table: string;
  readonly what: string;
  /** Its share of `maxSize` once the file is full. */
  readonly share: number;
  /** Its time column. */
  readonly time: 'minute' | 'slot';
  /** Time span deleted at once, milliseconds. */
  readonly step: number;
  /** Its text column, which decides the row size; null: rows are short. */
  readonly text: 'key' | null;
}

const part = (
  table: string,
  what: string,
  share: number,
  time: Part['time'],
  step: number,
  text: Part['text'] = null,
): Part => ({ table, what, share, time, step, text });

const parts: readonly Part[] = [
  part('minutes', 'counts by the minute', 0.08, 'minute', hour),
  part('intents', 'intents by the minute', 0.04, 'minute', hour),
  part('rulesHour', 'counts by the hour', 0.04, 'slot', day),
  part('intentsHour', 'intents by the hour', 0.02, 'slot', day),
  part('rulesDay', 'counts by the day', 0.02, 'slot', day),
  part('intentsDay', 'intents by the day', 0.01, 'slot', day),
  part('sourcesHour', 'sources by the hour', 0.06, 'slot', hour, 'key'),
  part('wantsHour', 'destinations by the hour', 0.06, 'slot', hour, 'key'),
  part('sourcesDay', 'sources by the day', 0.04, 'slot', day, 'key'),
  part('wantsDay', 'destinations by the day', 0.04, 'slot', day, 'key'),
  part('sourcesMonth', 'sources by the month', 0.01, 'slot', month, 'key'),
  part('wantsMonth', 'destinations by the month', 0.01, 'slot', month, 'key'),
];

/** Share of the bans in the same file; the ban table limits itself. */
export const banShare = 0.2;
const eventShare = 1 - banShare - parts.reduce((sum, { share }) => sum + share, 0);

/** Rows deleted in one step, so that a write never waits long for it. */
const deleteStep = 2000;
/** Most steps before a write: together more than any write adds. */
const mostSteps = 20;
/** Once over `maxSize`, delete until this part of it is free, instead of a few rows with every write. */
const spare = 0.01;
/** Bytes of a row without its text, half-full pages included. */
const rowBytes = 60;
/** Rows sampled to estimate the text length of a table. */
const sample = 200;
/** Milliseconds after which tables are measured again. */
const measureAgain = 60_000;
/**
 * How much faster than real time the age limit may advance. Without the limit a clock that jumps 120 days ahead would delete
 * everything at once; with it there are days to notice.
 */
const catchUp = 24;
/** Pages returned to the file system in one step. */
const vacuumStep = 1000;

export class Retention {
  readonly #db: DatabaseSync;
  readonly #options: RetentionOptions;
  readonly #pages: () => { used: number; free: number; size: number };
  #bytes = new Map<string, number>();
  #measured = Number.NEGATIVE_INFINITY;
  #letGo: Deletion[];

  constructor(db: DatabaseSync, options: RetentionOptions) {
    this.#db = db;
    this.#options = options;
    const pragma = (name: string) => {
      const statement = db.prepare(`PRAGMA ${name}`);
      return (): number => Number(Object.values(statement.get()!)[0]);
    };
    const [all, free, size] = [pragma('page_count'), pragma('freelist_count'), pragma('page_size')()];
    this.#pages = () => ({ used: all() - free(), free: free(), size });
    const known = db.prepare('SELECT what, why, rows, until, at FROM letGo ORDER BY at DESC').all();
    this.#letGo = known.map((row) => ({ ...row }) as unknown as Deletion);
  }

  /** Bytes in use, without free pages, which are reused before the file grows. */
  get size(): number {
    const { used, size } = this.#pages();
    return used * size;
  }

  /** What was deleted since the file was created, latest first. */
  get letGo(): readonly Deletion[] {
    return this.#letGo;
  }

  /**
   * Deletes until these bytes fit, a limited number of steps at once: after `maxSize` was lowered the file shrinks gradually.
   *
   * @returns whether anything was deleted
   */
  makeRoom(bytes: number, now: number): boolean {
    const { maxSize } = this.#options;
    if (this.size + bytes <= maxSize) return false;
    const target = maxSize * (1 - spare) - bytes;
    let deleted = false;
    for (let step = 0; step < mostSteps && this.size > target; step++) {
      if (!this.#dropOldest(now)) break;
      deleted = true;
    }
    return deleted;
  }

  /**
   * Deletes what is too old, one step.
   *
   * @param passed milliseconds since the last call, by a monotonic clock
   * @returns whether there is more to do
   */
  byAge(now: number, passed: number): boolean {
    const target = now - this.#options.keep;
    const edge = this.#edge(target);
    const next = Math.min(target, edge + passed * catchUp);
    if (next > edge)
      this.#db
        .prepare("INSERT INTO meta VALUES ('edge', ?) ON CONFLICT DO UPDATE SET value = excluded.value")
        .run(String(next));
    const older = Math.max(edge, next);
    const rows = this.#all(
      'SELECT id, last FROM events WHERE last < ? ORDER BY last LIMIT ?',
      older,
      deleteStep,
    );
    this.#deleteEvents(rows, 'age', now);
    for (const one of parts) this.#deletePart(one, older - (one.time === 'slot' ? one.step : 0), 'age', now);
    return rows.length === deleteStep;
  }

  /** Returns some free pages to the file system. @returns whether there are more */
  shrink(): boolean {
    const { used, free } = this.#pages();
    if (free < Math.max(used / 10, vacuumStep)) return false;
    this.#db.exec(`PRAGMA incremental_vacuum(${vacuumStep})`);
    return true;
  }

  /** The age limit reached so far: everything before it has been deleted. */
  #edge(target: number): number {
    const [kept] = this.#all("SELECT value FROM meta WHERE name = 'edge'") as { value: string }[];
    if (kept !== undefined) return Number(kept.value);
    const [oldest] = this.#all('SELECT MIN(last) AS last FROM events') as { last: number | null }[];
    return Math.min(oldest?.last ?? target, target);
  }

  /** Deletes the oldest rows of the table that exceeds its share most. @returns false if nothing is left to delete */
  #dropOldest(now: number): boolean {
    if (now - this.#measured > measureAgain || now < this.#measured) this.#measure(now);
    const { maxSize } = this.#options;
    let [most, beyond]: [Part | null, number] = [null, this.#eventBytes() / (maxSize * eventShare)];
    for (const one of parts) {
      const ratio = this.#bytes.get(one.table)! / (maxSize * one.share);
      if (ratio > beyond) [most, beyond] = [one, ratio];
    }
    if (most !== null && this.#dropStretch(most, now)) return true;
    const rows = this.#all('SELECT id, last FROM events ORDER BY last LIMIT ?', deleteStep);
    // The last few thousand go in small steps, so that the newest stay longest.
    const going = rows.length === deleteStep ? rows : rows.slice(0, Math.ceil(rows.length / 8));
    this.#deleteEvents(going, 'size', now);
    return going.length > 0 || parts.some((one) => this.#dropStretch(one, now));
  }

  #dropStretch(one: Part, now: number): boolean {
    const { table, time, step } = one;
    const [range] = this.#all(`SELECT MIN(${time}) AS oldest FROM ${table}`) as { oldest: number | null }[];
    if (range === undefined || range.oldest === null) return false;
    const rows = this.#deletePart(one, range.oldest + step, 'size', now);
    const bytes = this.#bytes.get(table)!;
    this.#bytes.set(table, Math.max(0, bytes - rows * this.#rowBytes(one)));
    return rows > 0;
  }

  #measure(now: number): void {
    this.#measured = now;
    for (const one of parts) {
      const [{ rows }] = this.#all(`SELECT COUNT(*) AS rows FROM ${one.table}`) as [{ rows: number }];
      this.#bytes.set(one.table, rows * this.#rowBytes(one));
    }
  }

  /** Estimated from the newest and the oldest rows: an attack changes the lengths. */
  #rowBytes({ table, text }: Part): number {
    if (text === null) return rowBytes;
    const ends = ['', 'DESC'].map(
      (order) =>
        `SELECT length FROM (SELECT LENGTH(${text}) AS length FROM ${table} ORDER BY slot ${order} LIMIT ${sample})`,
    );
    const [{ length }] = this.#all(`SELECT AVG(length) AS length FROM (${ends.join(' UNION ALL ')})`) as [
      { length: number | null },
    ];
    return rowBytes + (length ?? 0) * 1.3;
  }

  /** Bytes in use by no other table. */
  #eventBytes(): number {
    const others = parts.reduce((sum, { table }) => sum + this.#bytes.get(table)!, 0);
    return Math.max(0, this.size - others - this.#banBytes());
  }

  #banBytes(): number {
    const known = this.#all("SELECT 1 FROM sqlite_schema WHERE name = 'bans' AND type = 'table'").length > 0;
    return known ? (this.#all('SELECT COUNT(*) AS rows FROM bans') as [{ rows: number }])[0].rows * 120 : 0;
  }

  #deletePart({ table, what, time }: Part, before: number, why: Deletion['why'], now: number): number {
    const [last] = this.#all(`SELECT MAX(${time}) AS last FROM ${table} WHERE ${time} < ?`, before) as {
      last: number | null;
    }[];
    if (last === undefined || last.last === null) return 0;
    const { changes } = this.#db.prepare(`DELETE FROM ${table} WHERE ${time} < ?`).run(before);
    this.#note({ what, why, rows: Number(changes), until: last.last, at: now });
    return Number(changes);
  }

  #deleteEvents(rows: readonly Record<string, unknown>[], why: Deletion['why'], now: number): void {
    if (rows.length === 0) return;
    this.#db.exec('BEGIN IMMEDIATE');
    try {
      const event = this.#db.prepare('DELETE FROM events WHERE id = ?');
      const evidence = this.#db.prepare('DELETE FROM evidence WHERE id = ?');
      for (const { id } of rows as { id: number }[]) {
        event.run(id);
        evidence.run(id);
      }
      this.#note({ what: 'events', why, rows: rows.length, until: Number(rows.at(-1)!.last), at: now });
      this.#db.exec('COMMIT');
    } catch (error) {
      if (this.#db.isTransaction) this.#db.exec('ROLLBACK');
      throw error;
    }
  }

  #note(letGo: Deletion): void {
    const { what, why, rows, until, at } = letGo;
    this.#db
      .prepare(
        `INSERT INTO letGo VALUES (?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET rows = rows + excluded.rows,
          until = MAX(until, excluded.until), at = excluded.at`,
      )
      .run(what, why, rows, until, at);
    const known = this.#letGo.find((one) => one.what === what && one.why === why);
    const others = this.#letGo.filter((one) => one !== known);
    const sum = { ...letGo, rows: rows + (known?.rows ?? 0), until: Math.max(until, known?.until ?? until) };
    this.#letGo = [sum, ...others];
  }

  #all(sql: string, ...values: SQLInputValue[]): Record<string, unknown>[] {
    return this.#db.prepare(sql).all(...values) as Record<string, unknown>[];
  }
}
