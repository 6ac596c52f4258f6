/** Queries on the journal: pages, searches, and counts over long ranges. */
import assert from 'node:assert/strict';
import { DatabaseSync } from 'node:sqlite';
import { suite, test } from 'node:test';
import { Journal } from '../../src/events/journal.ts';
import { pageSteps } from '../../src/events/journal-query.ts';
import { JournalStore } from '../../src/events/journal-store.ts';
import { summary } from '../../src/events/journal-summary.ts';
import { eventPage } from '../support/event-page.ts';
import type { Owner } from '../support/owner.ts';
import { foldedEventOf } from '../support/probe-events.ts';
import { tempDir } from '../support/temp-dir.ts';

const now = 1_700_000_000_000;

function memoryStore(owner: Owner, options: { keep?: number } = {}): JournalStore {
  const store = new JournalStore({
    path: ':memory:',
    keep: 90 * 86_400_000,
    maxSize: 2 ** 30,
    ...options,
  });
  owner.after(() => store.close());
  return store;
}

suite('a search', () => {
  const rows = 20_000;
  const filled = (owner: Owner): JournalStore => {
    const store = memoryStore(owner);
    for (let at = 0; at < rows; at += 1000)
      store.write(
        Array.from({ length: 1000 }, (_, i) =>
          foldedEventOf({
            time: now + at + i,
            client: `10.${(at + i) >> 16}.${((at + i) >> 8) & 255}.${(at + i) & 255}`,
            destination: (at + i) % 7000 === 0 ? 'needle.example:80' : 'hay.example:80',
          }),
        ),
      );
    return store;
  };

  test('finds distant rows in order, and yields to other queries', (t) => {
    const { db } = filled(t);
    let yields = 0;
    const steps = pageSteps(db, { text: 'needle' }, 2, null, () => false);
    let step = steps.next();
    for (; step.done !== true; step = steps.next()) yields++;
    assert.ok(yields > 1, `${yields} yields`);
    assert.deepEqual(
      step.value.events.map(({ last }) => last - now),
      [14_000, 7000],
    );
    const rest = eventPage(db, { text: 'needle' }, 2, step.value.next);
    assert.deepEqual([rest.events.map(({ last }) => last - now), rest.next], [[0], null]);
  });

  test('that takes too long returns what it found, and continues from there', (t) => {
    const { db } = filled(t);
    let before: string | null = null;
    let pages = 0;
    const found: number[] = [];
    do {
      const steps = pageSteps(db, { text: 'needle' }, 10, before, () => true);
      let step = steps.next();
      while (step.done !== true) step = steps.next();
      const page = step.value;
      assert.equal(page.cut, page.next !== null);
      found.push(...page.events.map(({ last }) => last - now));
      before = page.next;
      pages++;
    } while (before !== null);
    assert.ok(pages > 3, `${pages} pages`);
    assert.deepEqual(found, [14_000, 7000, 0]);
  });

  test('that an index can answer is never cut short', (t) => {
    const { db } = filled(t);
    for (const filter of [{}, { rule: 'connect' }, { client: '10.0.0.7' }, { from: now, to: now + 10 }]) {
      const { value, done } = pageSteps(db, filter, 5, null, () => true).next();
      assert.equal(done && value.cut, false);
    }
  });

  test('ends when it is aborted; pages do not wait for searches, nor searches for writes', async (t) => {
    const path = `${await tempDir(t, 'journal')}/sekisho.db`;
    const journal = new Journal({ path, keep: 36_500 * 86_400_000, maxSize: 2 ** 30 });
    t.after(() => journal.close());
    await journal.write(
      Array.from({ length: 10_000 }, (_, i) =>
        foldedEventOf({ time: now + i, client: `10.0.${i >> 8}.${i & 255}` }),
      ),
    );
    // Starts both threads.
    await Promise.all([journal.page({}, 1, null), journal.page({ text: 'x' }, 1, null)]);
    const controller = new AbortController();
    // Aborted below: its result does not matter.
    const search = journal.page({ text: 'nowhere' }, 10, null, controller.signal).catch(() => {});
    const order: string[] = [];
    const searches = Array.from({ length: 40 }, () =>
      journal.page({ text: 'nothing' }, 10, null).then(() => order.push('search')),
    );
    controller.abort();
    await journal.page({}, 1, null).then(() => order.push('page'));
    await Promise.all(searches);
    assert.equal(order.at(-1), 'search', 'the page did not wait for all of them');
    await search;
    const lock = new DatabaseSync(path);
    lock.exec('BEGIN IMMEDIATE');
    assert.equal((await journal.page({ text: 'CONNECT' }, 3, null)).events.length, 3);
    lock.exec('ROLLBACK');
    lock.close();
  });
});

suite('a summary of a long range', () => {
  test('counts the same as many short ranges, at every resolution', (t) => {
    const store = memoryStore(t, { keep: 1000 * 86_400_000 });
    const [hours, days] = [3_600_000, 86_400_000];
    const start = Math.floor(now / (30 * days)) * 30 * days;
    for (let at = 0; at < 90 * 24; at += 5)
      store.write([foldedEventOf({ time: start + at * hours, count: 2, client: `10.0.0.${at % 3}` })]);
    for (const length of [days, 2 * days, 10 * days, 40 * days, 90 * days]) {
      const end = start + length;
      const { total, sources, series, intents } = summary(store.db, start, end);
      const expected = Math.ceil(length / hours / 5) * 2;
      const sum = (of: readonly { count: number }[]) => of.reduce((all, { count }) => all + count, 0);
      for (const counted of [sources, series.points, intents])
        assert.equal(sum(counted), expected, `${length / days} days`);
      assert.equal(total, expected);
      assert.ok(series.points.length <= 120, `${series.points.length} points of ${series.step} ms`);
    }
  });

  test('uses hourly counts for a time whose minutes were deleted', (t) => {
    const store = memoryStore(t);
    store.write([foldedEventOf({ time: now, count: 3 })]);
    store.write([foldedEventOf({ time: now + 86_400_000 * 5 })]);
    store.db.exec(
      `DELETE FROM minutes WHERE minute < ${now + 1}; DELETE FROM sourcesHour WHERE slot < ${now + 1}`,
    );
    const { total, sources } = summary(store.db, now - 4 * 3_600_000, now + 3_600_000);
    assert.equal(total, 3);
    assert.equal(sources[0]?.count, 3);
  });
});
