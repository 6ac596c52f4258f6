import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { suite, test } from 'node:test';
import { Journal } from '../../src/events/journal.ts';
import { JournalStore } from '../../src/events/journal-store.ts';
import { summary } from '../../src/events/journal-summary.ts';
import { eventPage } from '../support/event-page.ts';
import type { Owner } from '../support/owner.ts';
import { foldedEventOf } from '../support/probe-events.ts';
import { startProcess } from '../support/process.ts';
import { tempDir } from '../support/temp-dir.ts';

const now = 1_700_000_000_000;
const minute = 60_000;

function memoryStore(owner: Owner, options: { keep?: number; maxSize?: number } = {}): JournalStore {
  const store = new JournalStore({ path: ':memory:', keep: 90 * 86_400_000, maxSize: 2 ** 30, ...options });
  owner.after(() => store.close());
  return store;
}

const total = (store: JournalStore): number =>
  Number(store.db.prepare('SELECT SUM(count) AS total FROM events').get()!.total);

suite('the journal', () => {
  test('keeps every field of an event', (t) => {
    const store = memoryStore(t);
    const whole = foldedEventOf({
      ...{ time: now, answer: 'drop', site: 'www.example.net' },
      ...{ clientPort: 40_000, localAddress: '192.0.2.80', localPort: 8080 },
      ...{ session: 'a-1', sni: 'www.example.com', protocol: 'h2' },
      ...{ command: 'connect', credentialHash: '00ff' },
    });
    const { bytes: _, time, ...event } = whole;
    const [id] = store.write([whole]);
    const { events } = eventPage(store.db, {}, 10, null);
    assert.deepEqual(events, [{ ...event, id, first: time, last: now, count: 1 }]);
  });

  test('lets a row count towards a ban only if each of its events does', (t) => {
    const store = memoryStore(t);
    for (const counts of [true, false, true]) store.write([foldedEventOf({ time: now, counts })]);
    store.write([foldedEventOf({ time: now, destination: 'b:1' })]);
    const { events } = eventPage(store.db, {}, 10, null);
    assert.deepEqual(
      events.map(({ count, counts }) => [count, counts]),
      [
        [1, true],
        [3, false],
      ],
    );
  });

  test('closes without reporting an error', async () => {
    const troubles: (string | null)[] = [];
    const journal = new Journal({
      path: ':memory:',
      keep: minute,
      maxSize: 2 ** 24,
      onTrouble: (reason) => troubles.push(reason),
    });
    await journal.write([foldedEventOf({ time: now })]);
    await journal.close();
    await new Promise((done) => setImmediate(done));
    assert.deepEqual(troubles, []);
  });

  test('counts requests of banned clients apart from probes', (t) => {
    const store = memoryStore(t);
    store.write([
      foldedEventOf({ time: now, count: 3 }),
      foldedEventOf({ time: now, count: 5000, rule: 'client-banned', intent: 'web', client: '203.0.113.9' }),
    ]);
    for (const span of [60 * minute, 180 * minute]) {
      const counts = summary(store.db, now - span, now + minute);
      assert.equal(counts.total, 3);
      assert.equal(counts.banned, 5000);
      assert.deepEqual(
        [counts.rules, counts.series.points, counts.totals].map((rows) => rows.map(({ rule }) => rule)),
        [['connect'], ['connect'], ['connect']],
      );
      assert.deepEqual(
        counts.sources.map(({ prefix }) => prefix),
        ['198.51.100.7/32'],
      );
      assert.deepEqual({ ...counts.intents[0] }, { intent: 'mail-relay', count: 3 });
      assert.equal(counts.destinations.length, 1);
    }
    assert.equal(eventPage(store.db, { rule: 'client-banned' }, 10, null).events[0]!.count, 5000);
  });

  test('folds alike events within ten minutes into one row', (t) => {
    const store = memoryStore(t);
    for (const after of [0, 5, 9, 11]) {
      const time = now + after * minute;
      store.write([foldedEventOf({ time, count: 10 })]);
    }
    const { events } = eventPage(store.db, {}, 10, null);
    assert.deepEqual(
      events.map(({ count, first, last }) => [count, first - now, last - now]),
      [
        [10, 11 * minute, 11 * minute],
        [30, 0, 9 * minute],
      ],
    );
  });

  test('counts exactly by rule, source, intent and destination', (t) => {
    const store = memoryStore(t);
    store.write([
      foldedEventOf({ time: now, count: 2 }),
      foldedEventOf({
        time: now,
        count: 5,
        client: '203.0.113.9',
        destination: 'http://mx.example.com:25/a',
      }),
      foldedEventOf({ time: now, rule: 'host-foreign', intent: 'web', destination: null }),
    ]);
    for (const range of [minute, 5 * 3_600_000, 5 * 86_400_000]) {
      const { rules, sources, intents, destinations, series, total } = summary(
        store.db,
        now - range,
        now + minute,
      );
      assert.equal(total, 8);
      assert.deepEqual(
        rules.map(({ rule, count }) => [rule, count]),
        [
          ['connect', 7],
          ['host-foreign', 1],
        ],
      );
      assert.deepEqual(
        sources.map(({ prefix, count }) => [prefix, count]),
        [
          ['203.0.113.9/32', 5],
          ['198.51.100.7/32', 3],
        ],
      );
      assert.deepEqual(
        intents.map(({ intent, count }) => [intent, count]),
        [
          ['mail-relay', 7],
          ['web', 1],
        ],
      );
      assert.deepEqual(destinations, [{ destination: 'mx.example.com:25', intent: 'mail-relay', count: 7 }]);
      assert.equal(
        series.points.reduce((sum, { count }) => sum + count, 0),
        8,
      );
    }
  });

  test('lists a bounded number of sources per hour, and counts the others together', (t) => {
    const store = memoryStore(t);
    for (let batch = 0; batch < 30; batch++)
      store.write(
        Array.from({ length: 100 }, (_, i) => foldedEventOf({ time: now, client: `10.1.${batch}.${i}` })),
      );
    const { count } = store.db.prepare('SELECT COUNT(*) AS count FROM sourcesHour').get()!;
    assert.equal(count, 2001);
    const [first] = summary(store.db, now - 5 * 3_600_000, now + 1).sources;
    assert.deepEqual([first!.prefix, first!.count], ['several', 1000]);
  });

  test('pages through everything once, newest first, and filters', (t) => {
    const store = memoryStore(t);
    store.write(
      Array.from({ length: 25 }, (_, i) =>
        foldedEventOf({
          time: now + Math.floor(i / 3),
          client: `203.0.113.${i}`,
          rule: i % 2 ? 'connect' : 'trace',
        }),
      ),
    );
    const seen: number[] = [];
    let before: string | null = null;
    do {
      const page = eventPage(store.db, {}, 4, before);
      seen.push(...page.events.map(({ id }) => id));
      before = page.next;
    } while (before !== null);
    assert.deepEqual(
      seen,
      Array.from({ length: 25 }, (_, i) => 25 - i),
    );
    const count = (filter: Parameters<typeof eventPage>[1]) =>
      eventPage(store.db, filter, 100, null).events.length;
    assert.equal(count({ rule: 'trace' }), 13);
    assert.equal(count({ client: '203.0.113.7' }), 1);
    assert.equal(count({ client: '203.0.113.7/32' }), 1);
    assert.equal(count({ client: '203.0.113.0/28' }), 16);
    assert.equal(count({ client: "' OR 1=1 --" }), 0);
    assert.equal(count({ text: 'mx.example' }), 25);
    assert.equal(count({ text: '%' }), 0);
    assert.equal(count({ intent: 'web' }), 0);
    assert.equal(count({ from: now + 2, to: now + 4 }), 6);
  });

  test('deletes events older than `keep`, but not the total counts by rule', (t) => {
    const store = memoryStore(t, { keep: 86_400_000 });
    store.write([foldedEventOf({ time: now - 2 * 86_400_000, count: 5 }), foldedEventOf({ time: now })]);
    store.retain(now, Number.POSITIVE_INFINITY);
    assert.equal(total(store), 1);
    const { totals, rules } = summary(store.db, 0, now + minute);
    assert.deepEqual(
      totals.map(({ count }) => count),
      [6],
    );
    assert.deepEqual(
      rules.map(({ count }) => count),
      [1],
    );
    assert.equal(store.db.prepare('SELECT COUNT(*) AS count FROM evidence').get()!.count, 1);
  });

  test('stays within its size, deleting the oldest first', (t) => {
    const store = memoryStore(t, { maxSize: 1024 ** 2 });
    const bytes = 'x'.repeat(2000);
    for (let i = 0; i < 3000; i += 100)
      store.write(
        Array.from({ length: 100 }, (_, j) =>
          foldedEventOf({ time: now + i + j, client: `10.2.${(i + j) >> 8}.${(i + j) & 255}`, bytes }),
        ),
      );
    while (store.retain(now + 3000, 0));
    assert.ok(store.size() <= 1024 ** 2, String(store.size()));
    const { events } = eventPage(store.db, {}, 1, null);
    assert.equal(events[0]!.last, now + 2999);
  });

  test('writes a batch completely or not at all', (t) => {
    const store = memoryStore(t);
    const broken = { ...foldedEventOf({ time: now, client: '203.0.113.1' }), why: null as unknown as string };
    assert.throws(() => store.write([foldedEventOf({ time: now }), broken]));
    assert.equal(total(store), 0);
    assert.equal(summary(store.db, 0, now + minute).totals.length, 0);
    // A later event must not be folded into the row that was rolled back.
    store.write([foldedEventOf({ time: now })]);
    assert.equal(total(store), 1);
  });

  test('does not touch a foreign file', async (t) => {
    const dir = await tempDir(t, 'journal');
    const open = (name: string) => () =>
      new JournalStore({ path: `${dir}/${name}`, keep: 1, maxSize: 2 ** 30 });
    writeFileSync(
      `${dir}/text.db`,
      'these are somebody’s notes, and long enough to be no empty file'.repeat(20),
    );
    assert.throws(open('text.db'), /not a database/);
    const other = new DatabaseSync(`${dir}/other.db`);
    other.exec('CREATE TABLE recipes (name TEXT)');
    other.close();
    assert.throws(open('other.db'), /is the database of another program/);
  });
});

suite('the journal with its threads', () => {
  const options = (path: string) => ({ path, keep: 86_400_000, maxSize: 2 ** 30, retry: 20 });

  test('loses nothing while its file is locked, reports that once, and writes later', async (t) => {
    const path = `${await tempDir(t, 'journal')}/sekisho.db`;
    const reported: (string | null)[] = [];
    const back = Promise.withResolvers<void>();
    const journal = new Journal({
      ...options(path),
      onTrouble: (reason) => {
        reported.push(reason);
        if (reason === null) back.resolve();
      },
    });
    t.after(() => journal.close());
    await journal.write([foldedEventOf({ count: 2 })]);
    const locker = new DatabaseSync(path);
    locker.exec('BEGIN IMMEDIATE');
    assert.deepEqual(await journal.write([foldedEventOf({ count: 3 })]), [null]);
    for (let i = 0; i < 1000; i++) void journal.write([foldedEventOf({ destination: `host${i}:80` })]);
    assert.deepEqual(journal.status.unwritten, 1003);
    assert.match(journal.status.trouble ?? '', /locked/);
    locker.exec('ROLLBACK');
    locker.close();
    await back.promise;
    assert.deepEqual([journal.status.written, journal.status.unwritten], [1005, 0]);
    assert.match(reported[0] ?? '', /locked/);
    assert.deepEqual(reported.slice(1), [null]);
  });

  test('keeps running with a file that cannot be opened', async (t) => {
    const dir = await tempDir(t, 'journal');
    const reported: (string | null)[] = [];
    const journal = new Journal({
      ...options(`${dir}/missing/sekisho.db`),
      onTrouble: (why) => reported.push(why),
    });
    assert.deepEqual(await journal.write([foldedEventOf()]), [null]);
    assert.equal(reported.length, 1);
    await journal.close();
    assert.equal(journal.status.lost, 1);
  });

  test('writes what is pending when it is closed', async (t) => {
    const path = `${await tempDir(t, 'journal')}/sekisho.db`;
    const journal = new Journal(options(path));
    for (let i = 0; i < 50; i++) void journal.write([foldedEventOf({ client: `10.0.0.${i}` })]);
    await journal.close();
    assert.equal(journal.status.lost, 0);
    const store = new JournalStore({ ...options(path) });
    assert.equal(total(store), 50);
    store.close();
  });

  test('has everything it reported as written on disk when the process is killed', {
    timeout: 60_000,
  }, async (t) => {
    const path = `${await tempDir(t, 'journal')}/sekisho.db`;
    const writer = await startProcess(t, process.execPath, ['test/events/journal-writer.ts', path]);
    const [, said] = await writer.waitForLine(/written (\d{4,})/, 50_000);
    writer.signal('SIGKILL');
    await writer.exited;
    const store = new JournalStore({ ...options(path) });
    t.after(() => store.close());
    assert.equal(store.db.prepare('PRAGMA integrity_check').get()!.integrity_check, 'ok');
    assert.ok(total(store) >= Number(said), `${total(store)} of ${said}`);
    const { totals } = summary(store.db, 0, 1);
    assert.equal(
      totals.reduce((sum, { count }) => sum + count, 0),
      total(store),
    );
  });

  test('keeps running with a full disk, counts pending events, and keeps the file intact', {
    timeout: 60_000,
  }, async (t) => {
    const path = `${await tempDir(t, 'journal')}/sekisho.db`;
    // A file size limit stands for a full disk: writes beyond it fail the same way.
    const writer = await startProcess(t, 'sh', [
      '-c',
      `ulimit -f 3000; trap '' XFSZ; exec "$0" test/events/journal-writer.ts "$1" large`,
      process.execPath,
      path,
    ]);
    await writer.waitForLine(/^trouble .*(?:full|I\/O)/, 50_000);
    const [, sent, written, unwritten] = await writer.waitForLine(
      /sent (\d+) written (\d+) unwritten ([1-9]\d{3,})/,
      50_000,
    );
    assert.equal(Number(written) + Number(unwritten), Number(sent));
    assert.equal(writer.stdout().match(/^trouble/gm)!.length, 1);
    writer.signal('SIGKILL');
    await writer.exited;
    const store = new JournalStore({ ...options(path) });
    t.after(() => store.close());
    assert.equal(store.db.prepare('PRAGMA integrity_check').get()!.integrity_check, 'ok');
    assert.ok(total(store) >= Number(written));
  });
});
