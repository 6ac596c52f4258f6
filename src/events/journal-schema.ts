/** The tables of the journal's file, version by version. */
import type { DatabaseSync } from 'node:sqlite';
import { parsePrefix } from '../address/ip.ts';
import { PrefixSet } from '../address/prefix-set.ts';
import { destinationHost } from './destination-host.ts';

const topTable = (name: string): string =>
  `CREATE TABLE ${name} (slot INTEGER, key TEXT, count INTEGER NOT NULL, last INTEGER NOT NULL,
    PRIMARY KEY (slot, key)) STRICT, WITHOUT ROWID;`;

/** Counts by rule and by intent, per hour or per day. */
const rollUp = (unit: 'Hour' | 'Day', length: number): string => `
  CREATE TABLE rules${unit} (slot INTEGER, rule TEXT, action TEXT, count INTEGER NOT NULL,
    PRIMARY KEY (slot, rule, action)) STRICT, WITHOUT ROWID;
  INSERT INTO rules${unit} SELECT minute - minute % ${length} AS slot, rule, action, SUM(count) FROM minutes
    GROUP BY slot, rule, action;
  CREATE TABLE intents${unit} (slot INTEGER, intent TEXT, count INTEGER NOT NULL,
    PRIMARY KEY (slot, intent)) STRICT, WITHOUT ROWID;
  INSERT INTO intents${unit} SELECT minute - minute % ${length} AS slot, intent, SUM(count) FROM intents
    GROUP BY slot, intent;`;

/** The migration to each version from the one before. A released version is never changed. */
const versions: readonly string[] = [
  `CREATE TABLE events (
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
   ${['sourcesHour', 'sourcesDay', 'wantsHour', 'wantsDay'].map(topTable).join('\n')}`,

  // Counts for long ranges; what retention deleted, and why.
  `${rollUp('Hour', 3_600_000)}
   ${rollUp('Day', 86_400_000)}
   CREATE TABLE letGo (what TEXT, why TEXT, rows INTEGER NOT NULL, until INTEGER NOT NULL, at INTEGER NOT NULL,
     PRIMARY KEY (what, why)) STRICT, WITHOUT ROWID;
   CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;`,

  // The busiest sources of a year, without reading each day.
  ['sources', 'wants']
    .map(
      (name) => `${topTable(`${name}Month`)}
       INSERT INTO ${name}Month SELECT slot - slot % 2592000000 AS month, key, SUM(count), MAX(last) FROM ${name}Day
         GROUP BY month, key;`,
    )
    .join('\n'),

  // The connection of an event.
  `ALTER TABLE events ADD COLUMN clientPort INTEGER; ALTER TABLE events ADD COLUMN localAddress TEXT;
   ALTER TABLE events ADD COLUMN localPort INTEGER; ALTER TABLE events ADD COLUMN session TEXT;
   ALTER TABLE events ADD COLUMN sni TEXT; ALTER TABLE events ADD COLUMN protocol TEXT;`,

  // The command sent to a decoy, and the hash of the credentials.
  `ALTER TABLE events ADD COLUMN command TEXT; ALTER TABLE events ADD COLUMN credentialHash TEXT;`,

  // Whether it counts towards a ban; null in older rows.
  'ALTER TABLE events ADD COLUMN counts INTEGER;',
];

/** The version this program writes. */
export const version = versions.length;

/**
 * Creates the tables, or migrates an older journal to this version, in one transaction.
 *
 * @throws Error if the file is something else, or of a later version
 */
export function prepareFile(db: DatabaseSync): void {
  // Has no effect once there is a table.
  db.exec('PRAGMA auto_vacuum = INCREMENTAL');
  // With these settings a killed process loses no commit; a power failure can lose the last ones.
  db.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA journal_size_limit = 16777216');
  db.exec('PRAGMA cache_size = -16000; PRAGMA temp_store = MEMORY; PRAGMA trusted_schema = OFF');
  db.exec('BEGIN IMMEDIATE');
  try {
    const { user_version: found } = db.prepare('PRAGMA user_version').get() as { user_version: number };
    if (found > version)
      throw new Error(
        `was written by a later version of sekisho (schema ${found}; this version knows ${version}): install that version, or set another file`,
      );
    if (isForeign(db)) throw new Error('is the database of another program');
    for (const step of versions.slice(found)) db.exec(step);
    if (found < version) db.exec(`PRAGMA user_version = ${version}`);
    db.exec('COMMIT');
  } catch (error) {
    if (db.isTransaction) db.exec('ROLLBACK');
    throw error;
  }
}

/** Whether the tables are those of another program, which may number its schemas too. A file with bans alone is ours. */
export function isForeign(db: DatabaseSync): boolean {
  const tables = db.prepare("SELECT name FROM sqlite_schema WHERE type = 'table'").all();
  const has = (table: string): boolean => tables.some(({ name }) => name === table);
  if (has('bans') && !reads(db, 'SELECT prefix, since, until, changed, level, by, reason FROM bans'))
    return true;
  return has('events')
    ? db.prepare('PRAGMA user_version').get()!.user_version === 0 ||
        !reads(db, 'SELECT prefix, rule, intent, destination FROM events')
    : tables.length > Number(has('bans'));
}

function reads(db: DatabaseSync, query: string): boolean {
  try {
    db.prepare(query);
    return true;
  } catch {
    return false;
  }
}

/** `host_of(destination)`, and `within(client, prefix)` for filters by a prefix wider than the one clients are counted by. */
export function registerFunctions(db: DatabaseSync): void {
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
