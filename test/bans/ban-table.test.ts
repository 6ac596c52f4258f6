/** Which record of the ban table answers: the exact prefix or a wider one, in force or ended, dropped or kept. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { type PrefixKey, prefixKey, readPrefixKey } from '../../src/address/prefix-key.ts';
import type { Ban } from '../../src/bans/ban.ts';
import { BanTable } from '../../src/bans/ban-table.ts';

const ban = (prefix: string, over: Partial<Ban> = {}): Ban => ({
  prefix,
  ...{ since: 0, until: 1500, changed: 0, level: 1, by: 'probes', reason: 'connect' },
  ...over,
});

function keyOf(prefix: string): PrefixKey {
  const key = prefixKey();
  assert.ok(readPrefixKey(prefix, key));
  return key;
}

function tableOf(...bans: readonly Ban[]): BanTable {
  const table = new BanTable({ memory: 10_000 });
  for (const one of bans) assert.ok(table.put(one, 0), one.prefix);
  return table;
}

suite('the ban of a client', () => {
  const client = keyOf('192.0.2.7/32');

  test('is its own while that is in force, then the narrowest of its networks', () => {
    const table = tableOf(
      ban('192.0.0.0/16', { until: 4000 }),
      ban('192.0.2.7/32', { until: 1500 }),
      ban('192.0.2.0/24', { until: 3000 }),
    );
    const prefixAt = (now: number) => table.banOf(client, now)?.prefix ?? null;
    assert.deepEqual([1499, 1500, 2999, 3000, 3999, 4000].map(prefixAt), [
      '192.0.2.7/32',
      '192.0.2.0/24',
      '192.0.2.0/24',
      '192.0.0.0/16',
      '192.0.0.0/16',
      null,
    ]);
  });

  test('holds to the millisecond, whichever second it ends in', () => {
    for (const until of [1, 999, 1000, 1001, 1500, 2000]) {
      for (const prefix of ['192.0.2.7/32', '192.0.2.0/24']) {
        const table = tableOf(ban(prefix, { until }));
        assert.equal(table.isBanned(client, until - 1), true, `${prefix} until ${until}`);
        assert.equal(table.isBanned(client, until), false, `${prefix} until ${until}`);
        assert.equal(table.banOf(client, until), null);
      }
    }
  });
});

suite('the last decision about a client', () => {
  const client = keyOf('192.0.2.7/32');
  const decided = (...bans: readonly Ban[]): number => tableOf(...bans).decided(client);

  test('is a ban for probes or a pardon, not a ban by an operator', () => {
    assert.equal(decided(), -1);
    assert.equal(decided(ban('192.0.2.7/32', { changed: 100 })), 100);
    assert.equal(decided(ban('192.0.2.7/32', { changed: 100, by: 'operator' })), -1);
    assert.equal(decided(ban('192.0.2.7/32', { changed: 100, by: 'operator', level: 0 })), 100);
    assert.equal(decided(ban('192.0.2.8/32', { changed: 100 })), -1);
  });

  test('is the latest among its own and all its networks', () => {
    for (const [own, narrow, wide] of [
      [100, 200, 300],
      [100, 300, 200],
      [300, 100, 200],
    ] as const)
      assert.equal(
        decided(
          ban('192.0.2.7/32', { changed: own }),
          ban('192.0.2.0/24', { changed: narrow }),
          ban('192.0.0.0/16', { changed: wide }),
        ),
        300,
      );
  });
});

suite('the ban table', () => {
  test('stores neither every address nor a text that is no prefix', () => {
    const table = new BanTable({ memory: 0 });
    assert.equal(table.putAt({ family: 4, high: 0, low: 0, length: 0 }, ban(''), 0), false);
    assert.equal(table.put(ban('nonsense'), 0), false);
    assert.equal(table.get('nonsense'), null);
    assert.deepEqual([table.size, [...table.records()]], [0, []]);
  });

  test('lists exactly its records, also when its columns are full', () => {
    const prefixes = Array.from({ length: 64 }, (_, i) => `192.0.2.${i}/32`);
    const table = tableOf(...prefixes.map((prefix) => ban(prefix)));
    for (const listed of [[...table.records()], [...table.active(0)], table.newest(100, 0)])
      assert.deepEqual(listed.map(({ prefix }) => prefix).sort(), prefixes.toSorted());
    assert.deepEqual([table.activeCount(0), table.rememberedCount(0, 0)], [64, 64]);
    assert.deepEqual([table.active(1500).next().done, table.newest(100, 1500)], [true, []]);
  });

  test('a clock that is set back does not bring dropped records back', () => {
    const table = new BanTable({ memory: 0 });
    table.put(ban('192.0.2.1/32', { until: 500 }), 0);
    table.put(ban('192.0.0.0/16', { until: 500 }), 0);
    table.put(ban('198.51.100.1/32'), 600);
    assert.equal(table.size, 1);
    for (const listed of [[...table.records()], [...table.active(400)], table.newest(9, 400)])
      assert.deepEqual(
        listed.map(({ prefix }) => prefix),
        ['198.51.100.1/32'],
      );
    assert.deepEqual([table.activeCount(400), table.rememberedCount(400, 0)], [1, 1]);
    assert.equal(table.isBanned(keyOf('192.0.2.1/32'), 400), false);
    assert.equal(table.decided(keyOf('192.0.2.1/32')), -1);
  });

  test('takes a later decision with its end, level and reason, and refuses an earlier one', () => {
    const table = tableOf(ban('192.0.2.1/32', { changed: 100 }));
    const pardon = ban('192.0.2.1/32', {
      ...{ changed: 101, until: 101, level: 0, by: 'operator', reason: 'a mistake', since: 7 },
    });
    assert.equal(table.put(pardon, 101), true);
    assert.equal(table.put(ban('192.0.2.1/32', { changed: 100, until: 9000 }), 101), false);
    assert.deepEqual(table.get('192.0.2.1/32'), pardon);
    assert.equal(table.isBanned(keyOf('192.0.2.1/32'), 101), false);
    assert.equal(table.size, 1);
  });
});
