import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import fc from 'fast-check';
import { EventFolder, several } from '../../src/events/fold.ts';
import { ruleIds } from '../../src/rules/catalogue.ts';
import { foldedEventOf, probeEventOf } from '../support/probe-events.ts';

const sum = (rows: readonly { count: number }[]): number =>
  rows.reduce((total, { count }) => total + count, 0);

suite('folding', () => {
  test('makes one row per client and destination, with first and last time', () => {
    const folder = new EventFolder();
    for (const time of [3000, 1000, 2000]) folder.add(probeEventOf({ time }));
    folder.add(probeEventOf({ destination: 'mx.example.org:25', time: 1500 }));
    const [first, second, ...rest] = folder.take();
    assert.deepEqual([first!.count, first!.time, first!.last], [3, 1000, 3000]);
    assert.deepEqual([second!.count, second!.destination], [1, 'mx.example.org:25']);
    assert.deepEqual(rest, []);
    assert.equal(folder.size, 0);
  });

  test('keeps what another protocol, or another listener, was sent in rows of their own', () => {
    const folder = new EventFolder();
    for (const protocol of ['ssh', 'rdp', 'ssh']) folder.add(probeEventOf({ protocol, destination: null }));
    folder.add(
      probeEventOf({ protocol: 'ssh', destination: null, listener: 'decoy http-proxy 127.0.0.1:3128' }),
    );
    assert.deepEqual(
      folder.take().map(({ protocol, count }) => [protocol, count]),
      [
        ['ssh', 2],
        ['rdp', 1],
        ['ssh', 1],
      ],
    );
  });

  test('lets a row count towards a ban only if each of its events does', () => {
    const folder = new EventFolder();
    for (const counts of [true, false, true]) folder.add(probeEventOf({ counts }));
    for (const counts of [true, true]) folder.add(probeEventOf({ counts, destination: 'b:1' }));
    folder.addFolded(foldedEventOf({ counts: false, destination: 'b:1' }));
    folder.add(probeEventOf({ destination: 'c:1' }));
    assert.deepEqual(
      folder.take().map(({ counts }) => counts),
      [false, false, true],
    );
  });

  test('takes unwritten rows back, with their counts', () => {
    const folder = new EventFolder();
    folder.add(probeEventOf());
    folder.addFolded(foldedEventOf({ count: 5 }));
    assert.deepEqual(
      folder.take().map(({ count }) => count),
      [6],
    );
  });

  test('counts an IPv6 client by its /64', () => {
    const folder = new EventFolder();
    folder.add(probeEventOf({ client: '2001:db8::1' }));
    folder.add(probeEventOf({ client: '2001:db8::ffff' }));
    assert.deepEqual(
      folder.take().map(({ prefix, count }) => [prefix, count]),
      [['2001:db8::/64', 2]],
    );
  });

  test('keeps few rows when a client names a new destination in each probe', () => {
    const folder = new EventFolder();
    for (let i = 0; i < 5000; i++) folder.add(probeEventOf({ destination: `host${i}.example.com:80` }));
    const rows = folder.take();
    assert.ok(rows.length < 100, String(rows.length));
    assert.equal(sum(rows), 5000);
    assert.equal(rows.find(({ destination }) => destination === several)?.prefix, '198.51.100.7/32');
  });

  test('keeps few rows when each probe comes from a new address', () => {
    const folder = new EventFolder();
    for (let i = 0; i < 20_000; i++)
      folder.add(probeEventOf({ client: `10.${i >> 16}.${(i >> 8) & 255}.${i & 255}` }));
    const rows = folder.take();
    assert.ok(rows.length < 2000, String(rows.length));
    assert.equal(sum(rows), 20_000);
    assert.ok(rows.some(({ prefix }) => prefix === several));
  });

  test('keeps even fewer rows while such a flood lasts, and all again when it is over', () => {
    const folder = new EventFolder();
    const flush = (probes: number): number => {
      for (let i = 0; i < probes; i++) folder.add(probeEventOf({ client: `10.0.${i >> 8}.${i & 255}` }));
      const rows = folder.take();
      assert.equal(sum(rows), probes);
      return rows.length;
    };
    const [first, second, third] = [flush(5000), flush(5000), flush(5000)];
    assert.ok(first! > 1000, String(first));
    assert.ok(second! < 300 && third! < 300, `${second}, ${third}`);
    assert.equal(flush(100), 100);
    assert.equal(flush(1000), 1000);
  });

  test('bounds the evidence when each probe has the maximum length', () => {
    const folder = new EventFolder();
    const bytes = 'x'.repeat(60_000);
    for (let i = 0; i < 2000; i++) folder.add(probeEventOf({ client: `10.0.${i >> 8}.${i & 255}`, bytes }));
    const rows = folder.take();
    assert.equal(sum(rows), 2000);
    assert.ok(rows.reduce((size, row) => size + row.bytes.length, 0) < 6_000_000);
  });

  test('never loses a count, in any order and however often rows are put back', () => {
    const event = fc.record({
      client: fc.oneof(fc.ipV4(), fc.ipV6(), fc.string()),
      rule: fc.constantFrom(...ruleIds),
      action: fc.constantFrom('flag' as const, 'block' as const),
      destination: fc.option(fc.string()),
      time: fc.nat(),
    });
    fc.assert(
      fc.property(fc.array(event, { maxLength: 300 }), fc.nat(3), (events, rounds) => {
        const folder = new EventFolder();
        for (const one of events) folder.add(probeEventOf(one));
        for (let i = 0; i < rounds; i++) for (const row of folder.take()) folder.addFolded(row);
        const rows = folder.take();
        assert.equal(sum(rows), events.length);
        for (const { time, last } of rows) assert.ok(time <= last);
      }),
    );
  });
});
