/** Compares the ledger with a naive model that searches a list of bans. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { clientPrefix, parsePrefix, unmapped } from '../../src/address/ip.ts';
import { PrefixSet } from '../../src/address/prefix-set.ts';
import { forever } from '../../src/bans/ban.ts';
import { BanMirror } from '../../src/bans/ban-mirror.ts';
import { banPrefix } from '../../src/bans/ban-prefix.ts';
import { BanLedger } from '../../src/bans/ledger.ts';
import { PrefixList } from '../../src/bans/prefix-list.ts';

const allowed = '10.1.1.0/31';
const small = fc.integer({ min: 0, max: 2 });
const ipv4 = fc.tuple(small, small, small).map(([a, b, c]) => `10.${a}.${b}.${c}`);
const ipv6 = fc.tuple(small, small, small).map(([a, b, c]) => `2001:db8:${a}:${b}::${c}`);
const mapped = ipv4.map((text) => `::ffff:${text}`);
const client = fc.oneof(ipv4, ipv6, mapped);
const wide = fc.constantFrom('10.0.0.0/8', '10.1.0.0/16', '10.2.1.0/24', '10.1.1.0/31', '2001:db8:1::/48');
const times = fc.constantFrom(1, 400, 999, 1000, 1001, 5000, 1e6, 2 ** 32 * 1000 + 1500, forever);

type Step = readonly ['offend' | 'remove' | 'pass' | 'list' | 'add', string, number];
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.tuple(fc.constant('offend' as const), client, fc.constant(0)),
  fc.tuple(fc.constantFrom('add' as const, 'remove' as const), fc.oneof(client, wide), times),
  fc.tuple(
    fc.constant('pass' as const),
    fc.constant(''),
    fc.constantFrom(0, 1, 399, 400, 600, 999, 1000, 5000),
  ),
  fc.tuple(fc.constant('list' as const), wide, small),
);

/** The prefix as text: `4` or `6`, then its bits, by the slow parser. */
function bitsOf(text: string): string {
  const parsed = parsePrefix(text)!;
  const ip = unmapped(parsed);
  const length = ip.family === 4 && parsed.family === 6 ? parsed.length - 96 : parsed.length;
  const bits = ip.bytes.map((byte) => byte.toString(2).padStart(8, '0')).join('');
  return ip.family + bits.slice(0, ip.family === 6 ? Math.min(length, 64) : length);
}

test('the ledger agrees with a naive model on bans, lists and the allow-list at every step', () => {
  fc.assert(
    fc.property(
      fc.array(step, { maxLength: 40, size: 'max' }),
      fc.array(client, { minLength: 1, maxLength: 12 }),
      fc.integer({ min: 0, max: 2500 }),
      (steps, clients, start) => {
        let now = start;
        const exempt = new PrefixSet([parsePrefix(allowed)!]);
        const terms = { after: 2, within: 1500, for: [700, 2300] };
        const ledger = new BanLedger({ ...terms, exempt, clock: () => now });
        const mirror = new BanMirror({ clock: () => now });
        ledger.onChange((change) => mirror.apply(change));
        const bans = new Map<string, { until: number; level: number }>();
        const offences = new Map<string, number[]>();
        let listed: string[] = [];
        const holds = (bits: string) =>
          [...bans].some(([prefix, { until }]) => until > now && bits.startsWith(prefix));
        const memory = Math.max(...terms.for);
        /** An ended ban is remembered for `memory` milliseconds, and forgotten some time after that. */
        const knownLevel = (bits: string, text: string): number => {
          const known = bans.get(bits);
          if (known === undefined) return 0;
          const remembered = ledger.record(banPrefix(text)) !== null;
          assert.ok(remembered || now >= known.until + memory, `${text} is forgotten too early`);
          return remembered ? known.level : 0;
        };
        const put = (bits: string, before: number, term: (level: number) => number) => {
          const level = before + 1;
          bans.set(bits, { until: Math.min(now + term(level), forever), level });
        };
        for (const [act, text, number] of steps) {
          const bits = text === '' ? '' : bitsOf(text);
          if (act === 'pass') now += number;
          else if (act === 'list') {
            listed = number === 0 ? [] : [bits];
            ledger.replaceLists(PrefixList.of(number === 0 ? [] : [text]));
          } else if (act === 'add') {
            const before = knownLevel(bits, text);
            ledger.add({ prefix: text, for: number });
            put(bits, before, () => number);
          } else if (act === 'remove') {
            ledger.remove(text);
            if ((bans.get(bits)?.until ?? 0) > now) {
              bans.set(bits, { until: now, level: 0 });
              for (const one of offences.keys()) if (one.startsWith(bits)) offences.delete(one);
            }
          } else {
            const before = knownLevel(bits, text);
            ledger.offend(text, 'connect');
            if (!bits.startsWith(bitsOf(allowed)) && !holds(bits)) {
              const seen = [...(offences.get(bits) ?? []), now].filter((time) => time > now - terms.within);
              offences.set(bits, seen);
              if (seen.length >= terms.after) {
                put(bits, before, (level) => terms.for[Math.min(level, 2) - 1]!);
                offences.delete(bits);
              }
            }
          }
          for (const one of clients) {
            const bits = bitsOf(one);
            const banned = holds(bits) || listed.some((prefix) => bits.startsWith(prefix));
            const why = `${one} after ${act} ${text} ${number} at ${now}`;
            assert.equal(ledger.isBanned(clientPrefix(one)!), banned, why);
            assert.equal(mirror.isBanned(clientPrefix(one)!), banned, `mirror: ${why}`);
            assert.equal(ledger.bans(one), banned && !bits.startsWith(bitsOf(allowed)), why);
          }
        }
      },
    ),
    { numRuns: 1000 },
  );
});
