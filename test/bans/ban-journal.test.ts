import assert from 'node:assert/strict';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { type TestContext, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { PrefixSet } from '../../src/address/prefix-set.ts';
import { type Ban, forever } from '../../src/bans/ban.ts';
import { SqliteBanJournal, type SqliteBanJournalOptions } from '../../src/bans/ban-journal.ts';
import { BanService } from '../../src/bans/ban-service.ts';
import { BanLedger } from '../../src/bans/ledger.ts';
import { probeOf } from '../support/probe-event.ts';
import { eventually } from '../support/redis.ts';
import { tempDir } from '../support/temp-dir.ts';

/** A folder for journals, and what opens them. All is closed with the test. */
async function journalFolder(t: TestContext, clock = () => 0) {
  const folder = await tempDir(t, 'journal');
  /** What the journals and services have reported. */
  const errors: Error[] = [];
  const onError = (error: unknown): unknown => errors.push(error as Error);
  const fileOf = (name: string): string => join(folder, name);
  const open = (options: Partial<SqliteBanJournalOptions> = {}, name = 'sekisho.db'): SqliteBanJournal => {
    const journal = new SqliteBanJournal({ path: fileOf(name), memory: 60_000, clock, onError, ...options });
    t.after(() => journal.close());
    return journal;
  };
  /** Another user of a journal's file. */
  const database = (name = 'sekisho.db'): DatabaseSync => {
    const opened = new DatabaseSync(fileOf(name));
    t.after(() => opened.isOpen && opened.close());
    return opened;
  };
  /** A service that bans after two probes, for one minute and then for ten. */
  const start = (journal: SqliteBanJournal): Promise<BanService> =>
    BanService.start({
      ledger: new BanLedger({
        after: 2,
        within: 60_000,
        for: [60_000, 600_000],
        exempt: new PrefixSet([]),
        clock,
      }),
      journal,
      lists: [],
      onBan: () => {},
      onError,
      onWarning: onError,
    });
  return { open, database, start, errors };
}

/** The ban of a probe, each number of another client. */
const row = (number: number): Ban => ({
  prefix: `10.0.${number >> 8}.${number & 255}/32`,
  since: 1,
  until: 5000,
  changed: 1,
  level: 1,
  by: 'probes',
  reason: 'connect',
});
const written = (database: DatabaseSync): number =>
  database.prepare('SELECT count(*) AS n FROM bans').get()!.n as number;
const prefixesIn = (journal: SqliteBanJournal): string[] => journal.load().map(({ prefix }) => prefix);

test('bans, levels and pardons survive a restart; other tables in the file are left alone', async (t) => {
  const time = { now: 1_000_000 };
  const folder = await journalFolder(t, () => time.now);
  const other = folder.database();
  other.exec('CREATE TABLE events (id INTEGER PRIMARY KEY); INSERT INTO events VALUES (7)');
  other.close();
  const start = () => folder.start(folder.open({ memory: 600_000 }));

  const first = await start();
  for (const client of ['192.0.2.1', '192.0.2.1', '192.0.2.2', '192.0.2.2', '2001:db8::1', '2001:db8::2'])
    first.onEvent(probeOf(client));
  first.onEvent(probeOf('192.0.2.9', { action: 'flag' }));
  first.onEvent(probeOf('192.0.2.9', { action: 'flag' }));
  first.ledger.add({ prefix: '203.0.113.0/24', reason: "it's bad" });
  first.ledger.remove('192.0.2.2');
  first.close();

  time.now += 1000;
  const second = await start();
  assert.equal(second.isBanned('192.0.2.1/32'), true);
  assert.equal(second.isBanned('2001:db8::/64'), true);
  assert.equal(second.isBanned('192.0.2.2/32'), false);
  assert.equal(second.isBanned('192.0.2.9/32'), false);
  assert.equal(second.ledger.banOf('203.0.113.5/32')?.reason, "it's bad");
  time.now += 60_000;
  assert.equal(second.isBanned('192.0.2.1/32'), false);
  second.close();

  const third = await start();
  third.onEvent(probeOf('192.0.2.1'));
  third.onEvent(probeOf('192.0.2.1'));
  assert.equal(third.ledger.banOf('192.0.2.1/32')?.level, 2, 'the second ban, after a restart');
  third.close();

  time.now += 10_000_000;
  const last = await start();
  assert.deepEqual(
    [...last.ledger.records()].map(({ prefix }) => prefix),
    ['203.0.113.0/24'],
  );
  last.close();
  const reopened = folder.database();
  assert.equal(reopened.prepare('SELECT id FROM events').get()!.id, 7);
  assert.equal(written(reopened), 1, 'forgotten records are deleted');
  assert.deepEqual(folder.errors, []);
});

test('a record that bans everyone, or that nobody could remove, does not take effect after a restart', async (t) => {
  const now = Date.now();
  const { open, start, errors } = await journalFolder(t, () => now);
  const record = { since: now, until: forever, changed: now, level: 1, by: 'operator', reason: '' } as const;
  const journal = open();
  for (const prefix of ['0.0.0.0/0', '127.0.0.0/1', '192.0.2.1']) journal.save({ ...record, prefix });
  journal.save({ ...record, prefix: '198.51.100.1/32', changed: forever });
  journal.close();

  const first = await start(open());
  assert.deepEqual(
    [...first.ledger.records()].map(({ prefix }) => prefix),
    ['198.51.100.1/32'],
  );
  assert.match(errors[0]!.message, /deleted 3 invalid ban records .*0\.0\.0\.0\/0/);
  assert.notEqual(first.ledger.remove('198.51.100.1'), null);
  first.close();
  const second = await start(open());
  assert.equal(errors.length, 1, 'they are deleted, and reported once');
  assert.equal(second.isBanned('198.51.100.1/32'), false, 'the pardon survives the restart');
  assert.equal(second.ledger.record('198.51.100.1/32')?.level, 0);
  second.close();
});

test('no ban is lost while the file is locked', async (t) => {
  const { open, database, errors } = await journalFolder(t);
  const journal = open();
  const lock = database();
  lock.exec('BEGIN IMMEDIATE');
  journal.save(row(1));
  journal.flush();
  assert.equal(errors.length, 1);
  assert.match(String(errors[0]), /locked/);
  lock.exec('COMMIT');
  lock.close();
  journal.save(row(2));
  journal.close();
  assert.deepEqual(prefixesIn(open()), [row(1).prefix, row(2).prefix]);
});

test('the first ban is written at once, and the following ones in batches', async (t) => {
  const { open, database, errors } = await journalFolder(t);
  const journal = open({ rest: 400 });
  const reader = database();
  const seen = new Set<number>();
  for (let number = 0; number < 100; number++) {
    journal.save(row(number));
    await new Promise((turn) => setImmediate(turn));
    seen.add(written(reader));
  }
  await eventually(() => written(reader) === 100, 'the rest is written without another ban');
  assert.ok(seen.has(1), 'the first one');
  assert.ok(seen.size <= 3, `more than three writes: ${[...seen].join(' ')}`);
  assert.deepEqual(errors, []);
});

test('a lock held by another thread delays no request, and no ban is lost', async (t) => {
  const { open, database, errors } = await journalFolder(t);
  const journal = open({ rest: 10 });
  const other = database();
  other.exec('BEGIN IMMEDIATE');
  journal.save(row(0));
  let longest = 0;
  for (let turn = 0, last = performance.now(); turn < 20; turn++) {
    await new Promise((done) => setTimeout(done, 5));
    longest = Math.max(longest, performance.now() - last);
    last = performance.now();
  }
  // Outside the request path the journal waits up to a second for the lock.
  assert.ok(longest < 900, `${longest} ms`);
  other.exec('COMMIT');
  await eventually(() => written(other) === 1, 'it is written once the lock is released');
  assert.deepEqual(errors, []);
  other.exec('BEGIN IMMEDIATE');
  journal.save(row(1));
  await eventually(() => errors.length === 1, 'a lasting lock is reported');
  assert.match(String(errors[0]), /locked/);
  other.exec('COMMIT');
  await eventually(() => written(other) === 2, 'the ban is written nonetheless');
});

test('a record is deleted as soon as its memory has run out', async (t) => {
  const time = { now: 0 };
  const { open } = await journalFolder(t, () => time.now);
  const journal = open({ memory: 1000 });
  journal.save({ ...row(1), until: 5000 });
  journal.flush();
  time.now = 5999;
  assert.deepEqual(prefixesIn(journal), [row(1).prefix]);
  time.now = 6000;
  assert.deepEqual(prefixesIn(journal), []);
});

test('a full journal deletes the probe bans that end soonest; a replaced record takes no room', async (t) => {
  const { open, errors } = await journalFolder(t);
  const journal = open({ most: 10 });
  const prefixes = (): string[] => prefixesIn(journal).sort();
  const all = Array.from({ length: 10 }, (_, number) => row(number));
  for (let round = 0; round < 3; round++) {
    for (const ban of all) journal.save({ ...ban, changed: round });
    journal.flush();
  }
  assert.deepEqual(prefixes(), all.map(({ prefix }) => prefix).sort());
  journal.save({ ...row(20), until: 1, by: 'operator' });
  journal.save({ ...row(21), until: 2 });
  journal.save({ ...row(22), until: 3 });
  journal.flush();
  // Three too many, and a twentieth more: those that end soonest, of the equal ones any.
  const left = prefixes();
  assert.equal(left.length, 9);
  assert.ok(left.includes(row(20).prefix), "an operator's ban stays");
  assert.ok(!left.includes(row(21).prefix) && !left.includes(row(22).prefix));
  assert.deepEqual(errors, []);
});

test('a service that moves to another journal takes over its bans, and saves old and new bans there', async (t) => {
  const { open, start, errors } = await journalFolder(t, () => 1000);
  const next = open({}, 'next.db');
  next.save({ ...row(9), until: 100_000 });
  next.flush();
  const service = await start(open({}, 'first.db'));
  service.ledger.add({ prefix: '192.0.2.1' });
  service.moveTo(next);
  assert.equal(service.isBanned(row(9).prefix), true);
  service.ledger.add({ prefix: '192.0.2.2' });
  service.close();
  assert.deepEqual(prefixesIn(open({}, 'first.db')), ['192.0.2.1/32']);
  assert.deepEqual(prefixesIn(open({}, 'next.db')), [row(9).prefix, '192.0.2.1/32', '192.0.2.2/32']);
  assert.deepEqual(errors, []);
});

test('a ban after a pause, and one after a flush, are written without another flush', async (t) => {
  const { open, database } = await journalFolder(t);
  const journal = open({ rest: 1 });
  const reader = database();
  journal.save(row(1));
  await eventually(() => written(reader) === 1, 'the first ban is written');
  // The pause has begun, and ends before this delay.
  await delay(20);
  journal.save(row(2));
  await eventually(() => written(reader) === 2, 'the ban after the pause is written');
  const other = open({}, 'other.db');
  other.save(row(1));
  other.flush();
  other.save(row(2));
  const otherReader = database('other.db');
  await eventually(() => written(otherReader) === 2, 'the ban after the flush is written');
});

test('an error that is no lock is reported at once, and the ban is kept for the next write', async (t) => {
  const { open, database, errors } = await journalFolder(t);
  const journal = open({ rest: 60_000 });
  const other = database();
  other.exec('ALTER TABLE bans RENAME TO hidden');
  journal.save(row(1));
  await eventually(() => errors.length === 1, 'the error is reported');
  assert.match(errors[0]!.message, /bans/);
  other.exec('ALTER TABLE hidden RENAME TO bans');
  journal.flush();
  assert.equal(written(other), 1);
});
