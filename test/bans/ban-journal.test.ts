import assert from 'node:assert/strict';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { test } from 'node:test';
import { PrefixSet } from '../../src/address/prefix-set.ts';
import { forever } from '../../src/bans/ban.ts';
import { SqliteBanJournal } from '../../src/bans/ban-journal.ts';
import { BanService } from '../../src/bans/ban-service.ts';
import { BanLedger } from '../../src/bans/ledger.ts';
import { probeOf } from '../support/probe-event.ts';
import { eventually } from '../support/redis.ts';
import { tempDir } from '../support/temp-dir.ts';

test('bans, levels and pardons survive a restart; other tables in the file are left alone', async (t) => {
  const path = join(await tempDir(t, 'journal'), 'sekisho.db');
  const other = new DatabaseSync(path);
  other.exec('CREATE TABLE events (id INTEGER PRIMARY KEY); INSERT INTO events VALUES (7)');
  other.close();
  const time = { now: 1_000_000 };
  const errors: unknown[] = [];
  const start = () =>
    BanService.start({
      ledger: new BanLedger({
        after: 2,
        within: 60_000,
        for: [60_000, 600_000],
        exempt: new PrefixSet([]),
        clock: () => time.now,
      }),
      journal: new SqliteBanJournal({
        path,
        memory: 600_000,
        clock: () => time.now,
        onError: (error) => errors.push(error),
      }),
      lists: [],
      onBan: () => {},
      onError: (error) => errors.push(error),
    });

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
  const reopened = new DatabaseSync(path);
  t.after(() => reopened.close());
  assert.equal(reopened.prepare('SELECT id FROM events').get()!.id, 7);
  assert.equal(
    reopened.prepare('SELECT count(*) AS n FROM bans').get()!.n,
    1,
    'forgotten records are deleted',
  );
  assert.deepEqual(errors, []);
});

test('a record that bans everyone, or that nobody could remove, does not take effect after a restart', async (t) => {
  const path = join(await tempDir(t, 'journal'), 'sekisho.db');
  const errors: Error[] = [];
  const now = Date.now();
  const open = () =>
    new SqliteBanJournal({
      path,
      memory: 60_000,
      clock: () => now,
      onError: (error) => errors.push(error as Error),
    });
  const ledger = () =>
    new BanLedger({ after: 2, within: 1, for: [60_000], exempt: new PrefixSet([]), clock: () => now });
  const start = () =>
    BanService.start({ ledger: ledger(), journal: open(), lists: [], onBan: () => {}, onError: () => {} });
  const record = { since: now, until: forever, changed: now, level: 1, by: 'operator', reason: '' } as const;
  const journal = open();
  for (const prefix of ['0.0.0.0/0', '127.0.0.0/1', '192.0.2.1']) journal.save({ ...record, prefix });
  journal.save({ ...record, prefix: '198.51.100.1/32', changed: forever });
  journal.close();

  const first = await start();
  assert.deepEqual(
    [...first.ledger.records()].map(({ prefix }) => prefix),
    ['198.51.100.1/32'],
  );
  assert.match(errors[0]!.message, /deleted 3 invalid ban records .*0\.0\.0\.0\/0/);
  assert.notEqual(first.ledger.remove('198.51.100.1'), null);
  first.close();
  const second = await start();
  assert.equal(errors.length, 1, 'they are deleted, and reported once');
  assert.equal(second.isBanned('198.51.100.1/32'), false, 'the pardon survives the restart');
  assert.equal(second.ledger.record('198.51.100.1/32')?.level, 0);
  second.close();
});

test('no ban is lost while the file is locked', async (t) => {
  const path = join(await tempDir(t, 'journal'), 'sekisho.db');
  const errors: unknown[] = [];
  const options = { path, memory: 1000, clock: () => 0, onError: (error: unknown) => errors.push(error) };
  const journal = new SqliteBanJournal(options);
  const ban = (prefix: string) => ({
    prefix,
    since: 1,
    until: 5000,
    changed: 1,
    level: 1,
    by: 'probes' as const,
    reason: 'connect',
  });
  const lock = new DatabaseSync(path);
  lock.exec('BEGIN IMMEDIATE');
  journal.save(ban('192.0.2.1/32'));
  journal.flush();
  assert.equal(errors.length, 1);
  assert.match(String(errors[0]), /locked/);
  lock.exec('COMMIT');
  lock.close();
  journal.save(ban('192.0.2.2/32'));
  journal.close();
  const again = new SqliteBanJournal(options);
  t.after(() => again.close());
  assert.deepEqual(
    again.load().map(({ prefix }) => prefix),
    ['192.0.2.1/32', '192.0.2.2/32'],
  );
});

const row = (number: number) => ({
  prefix: `10.0.${number >> 8}.${number & 255}/32`,
  since: 1,
  until: 5000,
  changed: 1,
  level: 1,
  by: 'probes' as const,
  reason: 'connect',
});

test('the first ban is written at once, and the following ones in batches', async (t) => {
  const path = join(await tempDir(t, 'journal'), 'sekisho.db');
  const journal = new SqliteBanJournal({
    path,
    memory: 1000,
    clock: () => 0,
    onError: (error) => assert.fail(String(error)),
    rest: 400,
  });
  t.after(() => journal.close());
  const reader = new DatabaseSync(path);
  t.after(() => reader.close());
  const written = (): number => reader.prepare('SELECT count(*) AS n FROM bans').get()!.n as number;
  const seen = new Set<number>();
  for (let number = 0; number < 100; number++) {
    journal.save(row(number));
    await new Promise((turn) => setImmediate(turn));
    seen.add(written());
  }
  await eventually(() => written() === 100, 'the rest is written without another ban');
  assert.ok(seen.has(1), 'the first one');
  assert.ok(seen.size <= 3, `more than three writes: ${[...seen].join(' ')}`);
});

test('a lock held by another thread delays no request, and no ban is lost', async (t) => {
  const path = join(await tempDir(t, 'journal'), 'sekisho.db');
  const errors: unknown[] = [];
  const options = { path, memory: 1000, clock: () => 0, onError: (error: unknown) => errors.push(error) };
  const journal = new SqliteBanJournal({ ...options, rest: 10 });
  t.after(() => journal.close());
  const other = new DatabaseSync(path);
  t.after(() => other.close());
  const written = (): number => other.prepare('SELECT count(*) AS n FROM bans').get()!.n as number;
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
  await eventually(() => written() === 1, 'it is written once the lock is released');
  assert.deepEqual(errors, []);
  other.exec('BEGIN IMMEDIATE');
  journal.save(row(1));
  await eventually(() => errors.length === 1, 'a lasting lock is reported');
  assert.match(String(errors[0]), /locked/);
  other.exec('COMMIT');
  await eventually(() => written() === 2, 'the ban is written nonetheless');
});

test('a full journal deletes the probe bans that end soonest; a replaced record takes no room', async (t) => {
  const path = join(await tempDir(t, 'journal'), 'sekisho.db');
  const journal = new SqliteBanJournal({
    path,
    memory: 1000,
    clock: () => 0,
    onError: (error) => assert.fail(String(error)),
    most: 10,
  });
  t.after(() => journal.close());
  const prefixes = (): string[] =>
    journal
      .load()
      .map(({ prefix }) => prefix)
      .sort();
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
});

test('a service that moves to another journal takes over its bans, and saves old and new bans there', async (t) => {
  const dir = await tempDir(t, 'journal');
  const open = (name: string) =>
    new SqliteBanJournal({
      path: join(dir, name),
      memory: 60_000,
      clock: () => 1000,
      onError: (error) => assert.fail(String(error)),
    });
  const prefixesIn = (name: string): string[] => {
    const journal = open(name);
    const found = journal.load().map(({ prefix }) => prefix);
    journal.close();
    return found.sort();
  };
  const next = open('next.db');
  next.save({ ...row(9), until: 100_000 });
  next.flush();
  const ledger = new BanLedger({
    after: 1,
    within: 1000,
    for: [60_000],
    exempt: new PrefixSet([]),
    clock: () => 1000,
  });
  const service = await BanService.start({
    ledger,
    journal: open('first.db'),
    lists: [],
    onBan: () => {},
    onError: (error) => assert.fail(String(error)),
  });
  ledger.add({ prefix: '192.0.2.1' });
  service.moveTo(next);
  assert.equal(service.isBanned(row(9).prefix), true);
  ledger.add({ prefix: '192.0.2.2' });
  service.close();
  assert.deepEqual(prefixesIn('first.db'), ['192.0.2.1/32']);
  assert.deepEqual(prefixesIn('next.db'), [row(9).prefix, '192.0.2.1/32', '192.0.2.2/32'].sort());
});
