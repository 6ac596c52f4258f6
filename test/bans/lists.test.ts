import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { open, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import fc from 'fast-check';
import { maskedPrefix, parsePrefix } from '../../src/address/ip.ts';
import { prefixKey, prefixKeyText, readPrefixKey } from '../../src/address/prefix-key.ts';
import { PrefixSet } from '../../src/address/prefix-set.ts';
import { banPrefix } from '../../src/bans/ban-prefix.ts';
import { BanLedger } from '../../src/bans/ledger.ts';
import { addList, readLists } from '../../src/bans/list-file.ts';
import { readListLine } from '../../src/bans/list-line.ts';
import { ListWatch } from '../../src/bans/list-watch.ts';
import { inRanges, PrefixList, PrefixListBuilder } from '../../src/bans/prefix-list.ts';
import { eventually } from '../support/redis.ts';
import { tempDir } from '../support/temp-dir.ts';

function parseList(text: string): string[] {
  const builder = new PrefixListBuilder();
  addList(builder, Buffer.from(text, 'latin1'), 'drop.txt');
  return [...new PrefixList(builder.finish())];
}

test('the fast list-line parser agrees with the full one', () => {
  const carefully = (line: string): string | null => {
    try {
      return banPrefix(line.trim());
    } catch {
      return null;
    }
  };
  const number = fc.integer({ min: 0, max: 300 }).map(String);
  const group = fc.oneof(
    fc.constantFrom('', '0', '2001', '2002', '64', 'ff9b', 'db8', 'FFFF', '12345', '01'),
    fc.integer({ min: 0, max: 0xfffff }).map((value) => value.toString(16)),
  );
  const length = fc.oneof(
    fc.constant(''),
    fc.integer({ min: 0, max: 130 }).map((bits) => `/${bits}`),
    fc.constantFrom('/', '/08', '/a'),
  );
  const blank = fc.constantFrom('', ' ', '\t', '\r', ' x');
  const line = fc
    .tuple(
      blank,
      fc.oneof(
        fc.array(number, { minLength: 3, maxLength: 5 }).map((parts) => parts.join('.')),
        fc.array(group, { minLength: 1, maxLength: 6 }).map((parts) => `${parts.join(':')}::`),
        fc.array(group, { minLength: 7, maxLength: 9 }).map((parts) => parts.join(':')),
        fc.tuple(number, fc.integer({ min: 1, max: 32 })).map(([first]) => `${first}.0.0.0`),
      ),
      length,
      blank,
    )
    .map((parts) => parts.join(''));
  let read = 0;
  fc.assert(
    fc.property(line, (text) => {
      const key = prefixKey();
      const bytes = Buffer.from(`before\n${text}\nbehind`, 'latin1');
      if (!readListLine(bytes, 7, 7 + text.length, key)) return;
      read++;
      assert.equal(prefixKeyText(key), carefully(text));
    }),
    { numRuns: 20_000 },
  );
  assert.ok(read > 1000, `only ${read} lines were read by the fast parser`);
});

suite('imported ban lists', () => {
  test('are read as published: addresses, CIDR, comments, CRLF', async () => {
    const drop =
      '; Spamhaus DROP List\r\n192.0.2.0/24 ; SBL1\r\n\r\n# more\r\n2001:db8::/32 # v6\r\n198.51.100.7\r\n2001:db8:1::5';
    assert.deepEqual(parseList(drop), [
      '192.0.2.0/24',
      '198.51.100.7/32',
      '2001:db8::/32',
      '2001:db8:1::/64',
    ]);
  });

  for (const [line, wanted] of [
    ['2001:db8:1::/32', '2001:db8::/32'],
    ['2001:db9::/31', '2001:db8::/31'],
    ['2001:db8:0:1::/63', '2001:db8::/63'],
    ['2001:db8::1/64', '2001:db8::/64'],
    ['192.0.2.1/31', '192.0.2.0/31'],
    ['255.255.255.255/8', '255.0.0.0/8'],
  ] as const)
    test(`${line} is refused: bits are set after the prefix`, () => {
      assert.throws(() => parseList(line), {
        message: `drop.txt:1: ${line} has bits set after the prefix: write ${wanted}`,
      });
      assert.deepEqual(parseList(wanted), [wanted]);
    });

  test('an IPv6 prefix longer than /64 is widened to its /64', () => {
    assert.deepEqual(parseList('2001:db8:0:1::/65\n2001:db8:0:2::5/128'), [
      '2001:db8:0:1::/64',
      '2001:db8:0:2::/64',
    ]);
    assert.deepEqual(parseList('2001:db8:0:2::/63'), ['2001:db8:0:2::/63']);
  });

  test('a line that is not a prefix is an error with its line number', async () => {
    assert.throws(() => parseList('192.0.2.0/24\n10.0.0.1/8\n'), {
      name: 'ListError',
      message: 'drop.txt:2: 10.0.0.1/8 has bits set after the prefix: write 10.0.0.0/8',
    });
    assert.throws(() => parseList('<html>'), /drop\.txt:1: "<html>" is not a prefix/);
    assert.throws(() => parseList('0.0.0.0/0'), /covers every address/);
    await assert.rejects(readLists(['/no/such/list']), /\/no\/such\/list: can't be read/);
  });

  test('a changed or replaced file is reread; an invalid one leaves the previous list in force', async (t) => {
    const dir = await tempDir(t, 'lists');
    const file = join(dir, 'list.txt');
    await writeFile(file, '192.0.2.1\n');
    const ledger = new BanLedger({
      after: 1,
      within: 1,
      for: [1],
      exempt: new PrefixSet([]),
      clock: Date.now,
    });
    const errors: Error[] = [];
    const watch = new ListWatch({
      files: [file],
      interval: 20,
      onLists: (prefixes) => ledger.replaceLists(prefixes),
      onError: (error) => errors.push(error),
    });
    t.after(() => watch.close());
    await watch.reload();
    assert.equal(ledger.isBanned('192.0.2.1/32'), true);
    await writeFile(`${file}.new`, '198.51.100.0/24\n');
    await rename(`${file}.new`, file);
    await eventually(() => ledger.isBanned('198.51.100.9/32'), 'the new list is in force');
    assert.equal(ledger.isBanned('192.0.2.1/32'), false);
    await writeFile(file, '203.0.113.0/24 \n');
    await eventually(
      () => ledger.isBanned('203.0.113.9/32'),
      'a rewritten list of the same size is in force',
    );
    await writeFile(file, '198.51.100.0/24\n');
    await eventually(() => ledger.isBanned('198.51.100.9/32'), 'the list is in force again');
    await writeFile(file, 'nonsense\n');
    await eventually(() => errors.length > 0, 'the error is reported');
    assert.match(errors[0]!.message, /list\.txt:1: "nonsense" is not a prefix/);
    assert.equal(ledger.isBanned('198.51.100.9/32'), true);
  });
});

test('a list matches exactly the clients that its prefixes cover', () => {
  const part = fc.integer({ min: 0, max: 3 });
  const four = fc.tuple(part, part, fc.integer({ min: 1, max: 32 })).map(([a, b, length]) => {
    const { bytes } = parsePrefix(`10.${a * 85}.${b * 85}.255`)!;
    return maskedPrefix(`${bytes.join('.')}/${length}`)!;
  });
  const six = fc
    .tuple(part, part, fc.integer({ min: 1, max: 64 }))
    .map(
      ([a, b, length]) =>
        maskedPrefix(`2001:db8:${(a * 21845).toString(16)}:${(b * 21845).toString(16)}::/${length}`)!,
    );
  fc.assert(
    fc.property(
      fc.array(fc.oneof(four, six), { maxLength: 30 }),
      fc.array(fc.oneof(four, six)),
      (listed, asked) => {
        const list = PrefixList.of(listed);
        assert.deepEqual(new Set(list), new Set(listed));
        assert.equal(list.size, new Set(listed).size);
        const clone = structuredClone(list.ranges);
        const key = prefixKey();
        for (const text of [...listed, ...asked]) {
          assert.ok(readPrefixKey(text, key));
          const wanted = parsePrefix(text)!;
          const covered = listed.some((one) => {
            const { family, length } = parsePrefix(one)!;
            return (
              family === wanted.family &&
              length <= wanted.length &&
              maskedPrefix(`${wanted.text}/${length}`) === one
            );
          });
          // Two adjacent halves cover the whole, too.
          if (covered) assert.ok(inRanges(clone, key), `${text} in ${listed}`);
          else if (wanted.length === (wanted.family === 4 ? 32 : 64))
            assert.ok(!inRanges(clone, key), `${text} in ${listed}`);
        }
      },
    ),
  );
});

test('lists are read one after the other, so that the last one read is in force', async (t) => {
  const file = join(await tempDir(t, 'lists'), 'list.txt');
  // Large enough for a thread of its own, which takes longer than reading a short list.
  await writeFile(file, '# a comment\n'.repeat(50_000));
  const sizes: number[] = [];
  const onLists = ({ size }: PrefixList): void => {
    sizes.push(size);
    writeFileSync(file, '192.0.2.1\n');
  };
  const watch = new ListWatch({ files: [file], interval: 60_000, onLists, onError: assert.ifError });
  t.after(() => watch.close());
  await Promise.all([watch.load(), watch.load()]);
  assert.deepEqual(sizes, [0, 1]);
});

test('a list is not read while it is being written', async (t) => {
  const dir = await tempDir(t, 'lists');
  const file = join(dir, 'list.txt');
  await writeFile(file, '192.0.2.1\n');
  const seen: string[] = [];
  const watch = new ListWatch({
    files: [file],
    interval: 300,
    onLists: (list) => seen.push([...list].join(' ')),
    onError: (error) => seen.push(error.message),
  });
  t.after(() => watch.close());
  await watch.reload();
  const writing = await open(file, 'w');
  t.after(() => writing.close());
  for (let i = 0; i < 60; i++) {
    await writing.write(`198.51.100.${i}\n`);
    await delay(20);
  }
  const all = Array.from({ length: 60 }, (_, i) => `198.51.100.${i}/32`).join(' ');
  await eventually(() => seen.length > 1, 'the new list is in force');
  assert.deepEqual(seen, ['192.0.2.1/32', all]);
});
