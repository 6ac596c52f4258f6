/**
 * What the journal lets go of: what is older than `keep`, and what the file has no room for. Every table has a share of
 * `maxSize`, since an attacker chooses how many rows each gets and how long they are. A table within its share never pays for
 * another one; so the newest events are the last to go.
 */
import type { DatabaseSync, SQLInputValue } from 'node:sqlite';
import { day, hour, month } from './top-table.ts';

export interface RetentionOptions {
  /** How long events are kept, milliseconds. */
  readonly keep: number;
  /** The most the file may hold, bytes. */
  readonly maxSize: number;
}

/** What was let go. Plain data. */
export interface LetGo {
  /** In words: `events`, `sources by the hour`. */
  readonly what: string;
  /** `age`: older than `keep`; `size`: `maxSize` has no room for it. */
  readonly why: 'age' | 'size';
  readonly rows: number;
  /** The time of the latest of it, milliseconds since the epoch. */
  readonly until: number;
  /** When this was last done, milliseconds since the epoch. */
  readonly at: number;
}

interface Part {
  readonly table: string;
  readonly what: string;
  /** Its part of `maxSize` while the file is full. */
  readonly share: number;
  /** Its column of time, and the stretch of it that goes at once, milliseconds. */
  readonly time: 'minute' | 'slot';
  readonly step: number;
  /** Its text, of which the length of rows depends; null: rows are short. */
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

/** What bans in the same file may take: they see to it themselves. */
export const banShare = 0.2;
const eventShare = 1 - banShare - parts.reduce((sum, { share }) => sum + share, 0);

/** Rows deleted in one go, so that a write never waits long behind it. */
const deleteStep = 2000;
/** How often that is done before a write: more than any write adds. */
const mostSteps = 20;
/** Beyond `maxSize` so much goes that this part of it is free again: not a few rows with every write. */
const spare = 0.01;
/** Bytes of a row beside its text, half-full pages included. */
const rowBytes = 60;
/** Rows looked at to tell how long the text of a table is. */
const sample = 200;
/** Milliseconds after which tables are measured anew. */
const measureAgain = 60_000;
/**
 * How much faster than time itself the edge of what is too old moves on. A clock that jumps 120 days ahead would else
 * delete everything at once; this way somebody has days to notice.
 */
const catchUp = 24;
/** Pages given back to the file system in one go. */
const vacuumStep = 1000;

export class Retention {
  readonly #db: DatabaseSync;
  readonly #options: RetentionOptions;
  readonly #pages: () => { used: number; free: number; size: number };
  #bytes = new Map<string, number>();
  #measured = Number.NEGATIVE_INFINITY;
  #letGo: LetGo[];

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
    this.#letGo = known.map((row) => ({ ...row }) as unknown as LetGo);
  }

  /** Bytes in use; free pages within the file are used again before it grows. */
  get size(): number {
    const { used, size } = this.#pages();
    return used * size;
  }

  /** What was let go since the file was made, what was done last first. */
  get letGo(): readonly LetGo[] {
    return this.#letGo;
  }

  /**
   * Lets so much go that these bytes fit in, some steps of it: a file that was allowed to be larger before shrinks by and by.
   *
   * @returns whether anything went
   */
  makeRoom(bytes: number, now: number): boolean {
    const { maxSize } = this.#options;
    if (this.size + bytes <= maxSize) return false;
    const wanted = maxSize * (1 - spare) - bytes;
    let went = false;
    for (let step = 0; step < mostSteps && this.size > wanted; step++) {
      if (!this.#dropOldest(now)) break;
      went = true;
    }
    return went;
  }

  /**
   * Lets go of what is too old, a step of it.
   *
   * @param passed milliseconds since the last time, by a clock that nobody sets
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

  /** Gives free pages back to the file system, some of them. @returns whether there are more */
  shrink(): boolean {
    const { used, free } = this.#pages();
    if (free < Math.max(used / 10, vacuumStep)) return false;
    this.#db.exec(`PRAGMA incremental_vacuum(${vacuumStep})`);
    return true;
  }

  /** Everything before it has been deleted for its age. */
  #edge(target: number): number {
    const [kept] = this.#all("SELECT value FROM meta WHERE name = 'edge'") as { value: string }[];
    if (kept !== undefined) return Number(kept.value);
    const [oldest] = this.#all('SELECT MIN(last) AS last FROM events') as { last: number | null }[];
    return Math.min(oldest?.last ?? target, target);
  }

  /** Drops the oldest of the table that is furthest beyond its share. @returns false where nothing is left to drop */
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
    // The last few thousand go in small steps, so that the newest are there as long as anything is.
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

  /** Of the newest rows and the oldest: lengths change when an attacker comes. */
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

  /** What is in use and no other table's. */
  #eventBytes(): number {
    const others = parts.reduce((sum, { table }) => sum + this.#bytes.get(table)!, 0);
    return Math.max(0, this.size - others - this.#banBytes());
  }

  #banBytes(): number {
    const known = this.#all("SELECT 1 FROM sqlite_schema WHERE name = 'bans' AND type = 'table'").length > 0;
    return known ? (this.#all('SELECT COUNT(*) AS rows FROM bans') as [{ rows: number }])[0].rows * 120 : 0;
  }

  #deletePart({ table, what, time }: Part, before: number, why: LetGo['why'], now: number): number {
    const [last] = this.#all(`SELECT MAX(${time}) AS last FROM ${table} WHERE ${time} < ?`, before) as {
      last: number | null;
    }[];
    if (last === undefined || last.last === null) return 0;
    const { changes } = this.#db.prepare(`DELETE FROM ${table} WHERE ${time} < ?`).run(before);
    this.#note({ what, why, rows: Number(changes), until: last.last, at: now });
    return Number(changes);
  }

  #deleteEvents(rows: readonly Record<string, unknown>[], why: LetGo['why'], now: number): void {
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

  #note(letGo: LetGo): void {
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
