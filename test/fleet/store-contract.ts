/** The contract suite of fleet stores, run against every implementation. */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import type { Ban } from '../../src/bans/ban.ts';
import { forever } from '../../src/bans/ban.ts';
import type { FleetStore, Strike } from '../../src/fleet/store.ts';
import type { Owner } from '../support/owner.ts';
import { eventually } from '../support/redis.ts';

/** How long the stores under test keep a ban after it ends. */
export const remember = 60_000;

export interface StoreUnderTest {
  /** A connected store of the named fleet; closed with its owner. */
  join(owner: Owner, fleet: string): Promise<FleetStore>;
}

export const ban = (prefix: string, over: Partial<Ban> = {}): Ban => ({
  prefix,
  since: Date.now(),
  until: Date.now() + 60_000,
  changed: Date.now(),
  level: 1,
  by: 'probes',
  reason: 'connect',
  ...over,
});

async function collect(store: FleetStore): Promise<Ban[]> {
  const bans: Ban[] = [];
  for await (const page of store.allBans()) bans.push(...page.map(({ ban }) => ban!));
  return bans.sort((a, b) => (a.prefix < b.prefix ? -1 : 1));
}

export function storeContract(name: string, { join }: StoreUnderTest): void {
  const fleet = () => `test-${randomUUID()}`;

  test(`${name}: a ban is published to all and stored unchanged`, async (t) => {
    const shared = fleet();
    const [a, b] = [await join(t, shared), await join(t, shared)];
    const heard: [string, Ban][] = [];
    a.onBan((seen) => heard.push(['a', seen!]));
    b.onBan((seen) => heard.push(['b', seen!]));
    const bans = [
      ban('192.0.2.1/32', { until: forever, by: 'operator', reason: 'said so' }),
      ban('2001:db8::/32', { level: 7 }),
    ];
    await a.putBans(bans);
    await eventually(() => heard.length === 4, 'both stores hear of both bans');
    assert.deepEqual(
      heard.filter(([who]) => who === 'b').map(([, seen]) => seen),
      bans,
    );
    assert.deepEqual(await collect(b), bans);
  });

  test(`${name}: the later decision is in force, in whatever order they arrive`, async (t) => {
    const store = await join(t, fleet());
    const heard: Ban[] = [];
    store.onBan((seen) => heard.push(seen!));
    const now = Date.now();
    const later = ban('192.0.2.1/32', { changed: now + 10, until: now, level: 0, by: 'operator' });
    await store.putBans([later]);
    await store.putBans([ban('192.0.2.1/32', { changed: now })]);
    assert.deepEqual(await collect(store), [later]);
    // Of two at the same instant the longer ban.
    const longer = ban('192.0.2.2/32', { changed: now, until: now + 9_000 });
    await store.putBans([ban('192.0.2.2/32', { changed: now, until: now + 5_000 }), longer]);
    await store.putBans([ban('192.0.2.2/32', { changed: now, until: now + 5_000 })]);
    assert.deepEqual(await collect(store), [later, longer]);
    await eventually(() => heard.length === 3, 'three of five were taken');
    assert.deepEqual(
      heard.map(({ until }) => until),
      [now, now + 5_000, now + 9_000],
    );
  });

  test(`${name}: a decision from the future is refused, and a stored one is replaced`, async (t) => {
    const store = await join(t, fleet());
    const now = Date.now();
    const ahead = ban('192.0.2.1/32', { changed: now + 3_600_000 });
    const soon = ban('192.0.2.2/32', { changed: now + 60_000 });
    assert.deepEqual(await store.putBans([ahead, soon]), [ahead]);
    assert.deepEqual(await collect(store), [soon]);
  });

  test(`${name}: fleets of different names share nothing`, async (t) => {
    const [a, b] = [await join(t, fleet()), await join(t, fleet())];
    await a.putBans([ban('192.0.2.1/32')]);
    await a.count([{ key: 'all:1:192.0.2.1/32', by: 5, ttl: 60_000 }]);
    await a.append('a', 1, ['one']);
    assert.deepEqual(await collect(b), []);
    assert.deepEqual(await b.count([{ key: 'all:1:192.0.2.1/32', by: 1, ttl: 60_000 }]), [1]);
    assert.deepEqual(await b.eventsAfter('0', 10), []);
  });

  test(`${name}: a thousand bans are read back unchanged`, async (t) => {
    const store = await join(t, fleet());
    const bans = Array.from({ length: 1000 }, (_, index) => ban(`10.0.${index >> 8}.${index & 255}/32`));
    await store.putBans(bans);
    assert.equal((await collect(store)).length, 1000);
  });

  test(`${name}: bans are forgotten once their memory has run out`, async (t) => {
    const store = await join(t, fleet());
    const now = Date.now();
    await store.putBans([ban('192.0.2.1/32', { until: now - remember + 100, changed: now })]);
    await eventually(async () => (await collect(store)).length === 0, 'the ban is forgotten');
    // Its index entry goes with the next ban.
    await store.putBans([ban('192.0.2.2/32')]);
    assert.deepEqual(
      (await collect(store)).map(({ prefix }) => prefix),
      ['192.0.2.2/32'],
    );
  });

  test(`${name}: counters add up over all gateways, and expire`, async (t) => {
    const shared = fleet();
    const [a, b] = [await join(t, shared), await join(t, shared)];
    const short = { key: 'short', by: 2, ttl: 50 };
    assert.deepEqual(await a.count([{ key: 'long', by: 3, ttl: 60_000 }, short]), [3, 2]);
    assert.deepEqual(await b.count([{ key: 'long', by: 4, ttl: 60_000 }]), [7]);
    await eventually(
      async () => (await b.count([{ ...short, by: 1 }]))[0] === 1,
      'the short one starts anew',
    );
    assert.deepEqual(await a.count([{ key: 'long', by: 1, ttl: 60_000 }]), [8]);
  });

  test(`${name}: many counters at once, from several gateways`, async (t) => {
    const shared = fleet();
    const stores = [await join(t, shared), await join(t, shared), await join(t, shared)];
    const counts = Array.from({ length: 600 }, (_, index) => ({ key: `c${index}`, by: 1, ttl: 60_000 }));
    await Promise.all(stores.flatMap((store) => [store.count(counts), store.count(counts)]));
    const totals = await stores[0]!.count(counts.map((count) => ({ ...count, by: 0 })));
    assert.deepEqual(new Set(totals), new Set([6]));
  });

  test(`${name}: strikes count once each in a sliding window, until the threshold`, async (t) => {
    const shared = fleet();
    const [a, b] = [await join(t, shared), await join(t, shared)];
    const now = Date.now();
    const strike = (id: string, time: number): Strike => ({
      prefix: '192.0.2.1/32',
      id,
      time,
      within: 60_000,
      after: 4,
      since: 0,
    });
    assert.deepEqual(await a.strike([strike('a1', now), strike('a2', now + 10)]), [1, 2]);
    assert.deepEqual(await b.strike([strike('b1', now + 20), strike('b1', now + 20)]), [3, 3]);
    // The first one has left the window.
    assert.deepEqual(await a.strike([strike('a3', now + 60_005)]), [3]);
    assert.deepEqual(await b.strike([strike('b2', now + 60_006)]), [4]);
    // The fourth reaches the threshold, which resets the count.
    assert.deepEqual(await b.strike([strike('b3', now + 60_007)]), [1]);
    assert.deepEqual(await b.strike([{ ...strike('b4', now), prefix: '192.0.2.2/32' }]), [1]);
  });

  test(`${name}: the stream keeps events in order, and drops duplicates`, async (t) => {
    const shared = fleet();
    const [a, b] = [await join(t, shared), await join(t, shared)];
    await a.append('a', 1, ['a1', 'a2']);
    await a.append('a', 1, ['a1', 'a2', 'a3']);
    await b.append('b', 1, ['b1']);
    await a.append('a', 4, ['a4']);
    const entries = await b.eventsAfter('0', 100);
    assert.deepEqual(
      entries.map(({ source, event }) => [source, event]),
      [
        ['a', 'a1'],
        ['a', 'a2'],
        ['a', 'a3'],
        ['b', 'b1'],
        ['a', 'a4'],
      ],
    );
    const rest = await a.eventsAfter(entries[2]!.id, 1);
    assert.deepEqual(rest, [entries[3]]);
  });

  test(`${name}: every call is rejected after close`, async (t) => {
    const store = await join(t, fleet());
    await store.close();
    await assert.rejects(store.putBans([ban('192.0.2.1/32')]));
    await assert.rejects(store.count([{ key: 'x', by: 1, ttl: 1000 }]));
    await assert.rejects(store.append('a', 1, ['x']));
  });
}
