/** What the journal deletes and what it keeps; files of earlier versions. */
import assert from 'node:assert/strict';
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { suite, test } from 'node:test';
import { JournalStore } from '../../src/events/journal-store.ts';
import { eventPage } from '../support/event-page.ts';
import { foldedEventOf } from '../support/probe-events.ts';
import { tempDir } from '../support/temp-dir.ts';

const now = 1_700_000_000_000;
const minute = 60_000;

const total = (store: JournalStore): number =>
  Number(store.db.prepare('SELECT SUM(count) AS total FROM events').get()!.total);

suite('a journal of a year', () => {
  test('keeps the events when an attacker sends long hosts: every table has its share', async (t) => {
    const path = `${await tempDir(t, 'journal')}/sekisho.db`;
    const maxSize = 8 * 1024 ** 2;
    const store = new JournalStore({ path, keep: 365 * 86_400_000, maxSize });
    t.after(() => store.close());
    const batches = 400;
    for (let batch = 0; batch < batches; batch++) {
      const time = now + batch * 2 * 3_600_000;
      store.write(
        Array.from({ length: 100 }, (_, i) =>
          foldedEventOf({
            time,
            client: `10.${batch % 250}.${i}.1`,
            destination: `${'x'.repeat(190)}${batch}-${i}.example:80`,
            bytes: 'CONNECT',
          }),
        ),
      );
      assert.ok(store.size() <= maxSize * 1.1, `${store.size()} bytes in use after batch ${batch}`);
    }
    store.db.exec('PRAGMA wal_checkpoint(TRUNCATE)');
    assert.ok(statSync(path).size <= maxSize * 1.1, `${statSync(path).size} bytes of file`);
    const end = now + (batches - 1) * 2 * 3_600_000;
    const { count } = store.db.prepare('SELECT COUNT(*) AS count FROM events').get()!;
    assert.ok(Number(count) > 3000, `${count} events are left`);
    assert.equal(eventPage(store.db, {}, 1, null).events[0]!.last, end);
    const { oldest } = store.db.prepare('SELECT MIN(last) AS oldest FROM events').get()!;
    assert.equal(
      Number(count),
      ((end - Number(oldest)) / (2 * 3_600_000) + 1) * 100,
      'the newest, without a gap',
    );
    const deleted = store.letGo.map(({ what, why }) => `${what}: ${why}`);
    assert.ok(deleted.includes('events: size'), deleted.join());
    assert.ok(deleted.includes('destinations by the hour: size'), deleted.join());
    const again = new JournalStore({ path, keep: 365 * 86_400_000, maxSize });
    t.after(() => again.close());
    assert.deepEqual(new Set(again.letGo), new Set(store.letGo), 'also after a restart');
    assert.equal(store.db.prepare('SELECT SUM(count) AS n FROM totals').get()!.n, batches * 100);
  });

  test('deletes nothing at once when the clock jumps ahead', async (t) => {
    const path = `${await tempDir(t, 'journal')}/sekisho.db`;
    const start = now - 30 * 86_400_000;
    const open = () => new JournalStore({ path, keep: 90 * 86_400_000, maxSize: 2 ** 30 });
    const store = open();
    for (let day = 0; day < 30; day++) store.write([foldedEventOf({ time: start + day * 86_400_000 })]);
    store.retain(now, minute);
    const ahead = now + 120 * 86_400_000;
    for (let pass = 0; pass < 100; pass++) store.retain(ahead, minute);
    store.close();
    const again = open();
    t.after(() => again.close());
    again.retain(ahead, 0);
    assert.ok(total(again) >= 28, `${total(again)} of 30 are left`);
    assert.equal(again.retain(ahead, 30 * 86_400_000), false);
    assert.equal(total(again), 0, 'a clock that stays ahead is believed gradually');
    assert.deepEqual(
      again.letGo.filter(({ what }) => what === 'events').map(({ why, rows }) => [why, rows]),
      [['age', 30]],
    );
  });

  test('migrates a file of the first version, with its counts', async (t) => {
    const path = `${await tempDir(t, 'journal')}/sekisho.db`;
    const old = new DatabaseSync(path);
    old.exec(readFileSync(join(import.meta.dirname, 'schemas/1.sql'), 'utf8'));
    old.close();
    const store = new JournalStore({ path, keep: 90 * 86_400_000, maxSize: 2 ** 30 });
    t.after(() => store.close());
    store.write([foldedEventOf({ time: now + 86_400_000, client: '203.0.113.1' })]);
    assert.equal(total(store), 4);
    const counted = (table: string) => store.db.prepare(`SELECT SUM(count) AS n FROM ${table}`).get()!.n;
    for (const table of ['minutes', 'rulesHour', 'rulesDay', 'intents', 'intentsHour', 'intentsDay'])
      assert.equal(counted(table), 4, table);
    assert.equal(store.db.prepare('PRAGMA integrity_check').get()!.integrity_check, 'ok');
  });
});
