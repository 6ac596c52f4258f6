/** Which ban records take effect: those of the fleet's store and of the journal are checked like those made here. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parsePrefix } from '../../src/address/ip.ts';
import { PrefixSet } from '../../src/address/prefix-set.ts';
import { admit, isRefusal, mostAhead } from '../../src/bans/admission.ts';
import { type Ban, forever } from '../../src/bans/ban.ts';

const now = 1_000_000;
const longest = 60_000;
const exempt = new PrefixSet([parsePrefix('192.0.2.128/25')!]);

/** What becomes of a record: its end, or how it is refused. */
function admitted(prefix: string, over: Partial<Ban> = {}): number | 'poisoned' | 'refused here' {
  const ban: Ban = {
    ...{ prefix, since: now, until: now + 1000, changed: now, level: 1, by: 'probes', reason: 'connect' },
    ...over,
  };
  const found = admit(ban, { longest, exempt }, now);
  if (isRefusal(found)) return found.poisoned ? 'poisoned' : 'refused here';
  assert.deepEqual({ ...found, until: ban.until }, ban, 'nothing else is changed');
  return found.until;
}

test('a ban for probes may be as wide as one client', () => {
  for (const prefix of ['192.0.2.1/32', '2001:db8::/64', '2001:db8::/48', '2001:db8::/32'])
    assert.equal(admitted(prefix), now + 1000, prefix);
  for (const prefix of ['192.0.2.0/31', '192.0.2.0/24', '2001:db8::/31'])
    assert.equal(admitted(prefix), 'poisoned', prefix);
});

test("an operator's ban may be as wide as a /8 or an IPv6 /16", () => {
  for (const prefix of ['10.0.0.0/8', '2001::/16'])
    assert.equal(admitted(prefix, { by: 'operator' }), now + 1000, prefix);
  for (const prefix of ['10.0.0.0/7', '2000::/15', '0.0.0.0/0', '::/0'])
    assert.equal(admitted(prefix, { by: 'operator' }), 'poisoned', prefix);
});

test('text that no command lists or removes under that name is refused', () => {
  for (const prefix of ['', 'example.net', '192.0.2.1', '192.0.2.1/24', '2001:DB8::/64', '2001:db8::1/128'])
    assert.equal(admitted(prefix), 'poisoned', prefix);
});

test('a decision may be dated five minutes ahead, since clocks differ, and no more', () => {
  const at = (changed: number) => admitted('192.0.2.1/32', { changed, until: changed + 1 });
  assert.deepEqual([at(now + mostAhead), at(now + mostAhead + 1)], [now + mostAhead + 1, 'poisoned']);
  assert.equal(mostAhead, 300_000);
});

test('a client on the allow-list is not banned here, though elsewhere it may be; its pardon is known', () => {
  assert.equal(admitted('192.0.2.200/32'), 'refused here');
  assert.equal(admitted('192.0.2.200/32', { by: 'operator' }), 'refused here');
  assert.equal(admitted('192.0.2.200/32', { until: now }), now);
  assert.equal(admitted('192.0.2.0/24', { by: 'operator' }), now + 1000, 'a network with others in it');
});

test('a ban for probes lasts no longer than the longest term here; that of an operator does', () => {
  assert.equal(admitted('192.0.2.1/32', { until: now + longest + 1 }), now + longest);
  assert.equal(admitted('192.0.2.1/32', { until: now + longest }), now + longest);
  assert.equal(admitted('192.0.2.1/32', { until: forever, by: 'operator' }), forever);
});
