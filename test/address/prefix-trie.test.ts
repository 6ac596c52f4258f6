import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { clientPrefix, parsePrefix, prefixText } from '../../src/address/ip.ts';
import { PrefixIndex } from '../../src/address/prefix-index.ts';
import { prefixKey, prefixKeyText, readPrefixKey } from '../../src/address/prefix-key.ts';
import { PrefixTrie } from '../../src/address/prefix-trie.ts';

/** Bytes and a length → the canonical text of the prefix. */
function textOf(bytes: number[], length: number): string {
  const kept = bytes.map(
    (byte, index) => byte & (0xff00 >> Math.min(8, Math.max(0, length - index * 8))) & 0xff,
  );
  const address =
    bytes.length === 4
      ? kept.join('.')
      : Array.from({ length: 8 }, (_, index) =>
          ((kept[index * 2]! << 8) | kept[index * 2 + 1]!).toString(16),
        ).join(':');
  return prefixText(parsePrefix(`${address}/${length}`)!);
}

const byte = fc.integer({ min: 0, max: 255 });
/** Few values, so that prefixes overlap and runs of zeros occur. */
const oftenZero = fc.oneof(fc.constant(0), fc.constant(1), byte);
const ipv4 = fc.tuple(fc.array(oftenZero, { minLength: 4, maxLength: 4 }), fc.integer({ min: 1, max: 32 }));
const ipv6 = fc.tuple(fc.array(oftenZero, { minLength: 16, maxLength: 16 }), fc.integer({ min: 1, max: 64 }));
const prefix = fc.oneof(ipv4, ipv6).map(([bytes, length]) => textOf(bytes, length));

test('the fast reader reads every canonical prefix as the strict parser does', () => {
  const key = prefixKey();
  fc.assert(
    fc.property(prefix, (text) => {
      const parsed = parsePrefix(text)!;
      assert.ok(readPrefixKey(text, key), text);
      const word = (at: number) => parsed.bytes.slice(at, at + 4).reduce((sum, one) => sum * 256 + one, 0);
      assert.deepEqual(
        { ...key },
        {
          family: parsed.family,
          high: word(0),
          low: parsed.family === 6 ? word(4) : 0,
          length: parsed.length,
        },
        text,
      );
    }),
    { numRuns: 2000 },
  );
});

test('text that is no prefix is not read', () => {
  for (const text of ['', 'x', '1.2.3.4', '1.2.3.x/32', '::', 'localhost/8'])
    assert.equal(readPrefixKey(text, prefixKey()), false, text);
});

test('the longest match is the one that a search through all prefixes finds', () => {
  fc.assert(
    fc.property(
      fc.array(prefix, { maxLength: 40 }),
      fc.array(prefix, { maxLength: 20 }),
      prefix,
      (all, gone, asked) => {
        const trie = new PrefixTrie();
        const known = new Map<string, number>();
        for (const [index, text] of all.entries()) {
          trie.set(text, index);
          known.set(text, index);
        }
        for (const text of [...gone, ...all.slice(0, 3)]) {
          trie.delete(text);
          known.delete(text);
        }
        assert.equal(trie.size, known.size);
        const [address] = asked.split('/') as [string];
        const client = clientPrefix(address)!;
        const bits = (text: string) => {
          const { bytes, length, family } = parsePrefix(text)!;
          return `${family}${bytes
            .map((one) => one.toString(2).padStart(8, '0'))
            .join('')
            .slice(0, length)}`;
        };
        let best = -1;
        let longest = 0;
        for (const [text, value] of known) {
          const mine = bits(text);
          if (bits(client).startsWith(mine) && mine.length > longest) {
            best = value;
            longest = mine.length;
          }
        }
        assert.equal(trie.longest(client), best);
      },
    ),
    { numRuns: 1000 },
  );
});

test('if a match is not accepted, a shorter one is tried', () => {
  const trie = new PrefixTrie();
  trie.set('10.0.0.0/8', 1);
  trie.set('10.1.0.0/16', 2);
  assert.equal(trie.longest('10.1.2.3/32'), 2);
  assert.equal(
    trie.longest('10.1.2.3/32', (value) => value === 1),
    1,
  );
  assert.equal(
    trie.longest('10.1.2.3/32', () => false),
    -1,
  );
});

test('an IPv6 prefix longer than /64 is stored as its /64', () => {
  const trie = new PrefixTrie();
  trie.set('2001:db8::1/128', 5);
  assert.equal(trie.longest('2001:db8::/64'), 5);
  assert.equal(trie.longest('2001:db8:0:1::/64'), -1);
});

test('the index does what a Map of texts does, in any order of additions and deletions', () => {
  // Few prefixes, so that most deletions hit an entry in the probe run of another.
  const few = fc
    .nat(80)
    .map((number) => (number % 2 ? `10.0.0.${number}/32` : `2001:db8:${number + 1}::/48`));
  const action = fc.record({ prefix: fc.oneof({ weight: 9, arbitrary: few }, prefix), put: fc.boolean() });
  fc.assert(
    fc.property(fc.array(action, { maxLength: 400, size: 'max' }), (actions) => {
      const index = new PrefixIndex();
      const known = new Map<string, number>();
      const key = prefixKey();
      for (const [number, { prefix: text, put }] of actions.entries()) {
        assert.ok(readPrefixKey(text, key));
        assert.equal(prefixKeyText(key), text);
        if (put) {
          index.set(key, number, 2 ** 32 - 1 - number);
          known.set(text, number);
        } else {
          index.delete(key);
          known.delete(text);
        }
      }
      assert.equal(index.size, known.size);
      for (const { prefix: text } of actions) {
        readPrefixKey(text, key);
        assert.equal(index.get(key), known.get(text) ?? -1, text);
        const slot = index.find(key);
        if (slot !== -1) assert.equal(index.markAt(slot), 2 ** 32 - 1 - known.get(text)!, text);
      }
    }),
    { numRuns: 500 },
  );
});
