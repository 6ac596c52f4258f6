/** Sources grouped by network: all are counted, and sources that cannot be told apart are reported as such. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { type Networks, networks } from '../../src/events/journal-networks.ts';
import { JournalStore } from '../../src/events/journal-store.ts';
import type { Owner } from '../support/owner.ts';
import { foldedEventOf } from '../support/probe-events.ts';

const day = 86_400_000;
const now = 20_000 * day;

function memoryStore(owner: Owner): JournalStore {
  const store = new JournalStore({ path: ':memory:', keep: 90 * day, maxSize: 2 ** 30 });
  owner.after(() => store.close());
  return store;
}

/** As many sources as the daily counts can hold in two months: 2,000 a day. */
function twoMonths(owner: Owner, keyOf: (index: number) => string): Networks {
  const { db } = memoryStore(owner);
  db.exec('BEGIN');
  const insert = db.prepare('INSERT INTO sourcesDay VALUES (?, ?, 2, ?)');
  for (let index = 0; index < 120_000; index++) {
    const slot = now - 60 * day + Math.floor(index / 2000) * day;
    insert.run(slot, keyOf(index), slot + 1);
  }
  db.exec('COMMIT');
  return networks(db, now - 60 * day, now);
}

const sum = ({ networks: listed, others }: Networks, of: 'count' | 'clients'): number =>
  listed.reduce((all, { [of]: one }) => all + one, others[of]);

suite('the networks of a range', () => {
  test('count every source, however many there are', (t) => {
    const found = twoMonths(t, (index) => `10.${index >> 16}.${(index >> 8) & 255}.${index & 255}/32`);
    assert.deepEqual([sum(found, 'clients'), sum(found, 'count')], [120_000, 240_000]);
    assert.equal(found.networks.length, Math.ceil(120_000 / 256));
    assert.deepEqual([found.others, found.cut], [{ count: 0, clients: 0 }, false]);
  });

  test('are bounded: the sources of further networks are counted together', (t) => {
    const found = twoMonths(t, (index) => `${10 + (index >> 16)}.${(index >> 8) & 255}.${index & 255}.1/32`);
    assert.deepEqual([sum(found, 'clients'), sum(found, 'count')], [120_000, 240_000]);
    assert.equal(found.networks.length, 5000);
    assert.deepEqual([found.others, found.cut], [{ count: 230_000, clients: 115_000 }, false]);
  });

  test('say so if the sources of a flood are not told apart', (t) => {
    const store = memoryStore(t);
    const { db } = store;
    const slot = now - day;
    const insert = db.prepare('INSERT INTO sourcesDay VALUES (?, ?, ?, ?)');
    insert.run(slot, '198.51.100.7/32', 3, slot + 1);
    insert.run(slot, 'several', 500, slot + 1);
    const { others, cut, ...found } = networks(db, now - 10 * day, now);
    assert.deepEqual([found.networks.length, others, cut], [1, { count: 500, clients: 0 }, true]);
  });

  test('say so if a short range has more events than are read, and count the probes of the rest', (t) => {
    const store = memoryStore(t);
    const start = now + 600_000;
    const write = (from: number, to: number): void => {
      for (let at = from; at < to; at += 500)
        store.write(
          Array.from({ length: 500 }, (_, i) =>
            foldedEventOf({
              time: start + at + i,
              client: `10.${(at + i) >> 16}.${((at + i) >> 8) & 255}.${(at + i) & 255}`,
            }),
          ),
        );
    };
    write(0, 30_000);
    const all = networks(store.db, now, now + 3_600_000);
    assert.deepEqual([sum(all, 'clients'), sum(all, 'count'), all.cut], [30_000, 30_000, false]);
    write(30_000, 30_500);
    const some = networks(store.db, now, now + 3_600_000);
    assert.deepEqual([sum(some, 'clients'), sum(some, 'count'), some.cut], [30_000, 30_500, true]);
  });
});
