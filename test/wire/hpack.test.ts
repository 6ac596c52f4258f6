/** HPACK, RFC 7541: the examples of appendix C, malformed blocks, and field blocks of seven encoders. */
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { suite, test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import fc from 'fast-check';
import { HpackDecoder } from '../../src/wire/hpack-decoder.ts';
import { encodeField, encodeKnown, encodeStatus, noTable } from '../../src/wire/hpack-encoder.ts';
import { huffmanDecode, huffmanEncode } from '../../src/wire/huffman.ts';

const plenty = 1 << 20;
const read = (decoder: HpackDecoder, hex: string): string[] | null => {
  const bytes = Buffer.from(hex.replaceAll(' ', ''), 'hex');
  return decoder.decode(bytes, 0, bytes.length, plenty)?.fields ?? null;
};

suite('HPACK: the examples of RFC 7541 appendix C', () => {
  const firstRequest = [':method', 'GET', ':scheme', 'http', ':path', '/', ':authority', 'www.example.com'];
  const secondRequest = [...firstRequest, 'cache-control', 'no-cache'];
  const thirdRequest = [
    ...[':method', 'GET', ':scheme', 'https', ':path', '/index.html', ':authority', 'www.example.com'],
    ...['custom-key', 'custom-value'],
  ];
  const response = (status: string, date: string): string[] => [
    ...[':status', status, 'cache-control', 'private', 'date', date, 'location', 'https://www.example.com'],
  ];
  const responses = [
    response('302', 'Mon, 21 Oct 2013 20:13:21 GMT'),
    response('307', 'Mon, 21 Oct 2013 20:13:21 GMT'),
    [
      ...[':status', '200', 'cache-control', 'private', 'date', 'Mon, 21 Oct 2013 20:13:22 GMT'],
      ...['location', 'https://www.example.com', 'content-encoding', 'gzip'],
      ...['set-cookie', 'foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1'],
    ],
  ];
  // The fields of each example, and the size of the table after it.
  const examples: readonly (readonly [
    section: string,
    table: number,
    steps: readonly (readonly [string, string[], number])[],
  ])[] = [
    [
      'C.2.1',
      4096,
      [
        [
          '400a 6375 7374 6f6d 2d6b 6579 0d63 7573 746f 6d2d 6865 6164 6572',
          ['custom-key', 'custom-header'],
          55,
        ],
      ],
    ],
    ['C.2.2', 4096, [['040c 2f73 616d 706c 652f 7061 7468', [':path', '/sample/path'], 0]]],
    ['C.2.3', 4096, [['1008 7061 7373 776f 7264 0673 6563 7265 74', ['password', 'secret'], 0]]],
    ['C.2.4', 4096, [['82', [':method', 'GET'], 0]]],
    [
      'C.3',
      4096,
      [
        ['8286 8441 0f77 7777 2e65 7861 6d70 6c65 2e63 6f6d', firstRequest, 57],
        ['8286 84be 5808 6e6f 2d63 6163 6865', secondRequest, 110],
        ['8287 85bf 400a 6375 7374 6f6d 2d6b 6579 0c63 7573 746f 6d2d 7661 6c75 65', thirdRequest, 164],
      ],
    ],
    [
      'C.4',
      4096,
      [
        ['8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff', firstRequest, 57],
        ['8286 84be 5886 a8eb 1064 9cbf', secondRequest, 110],
        ['8287 85bf 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf', thirdRequest, 164],
      ],
    ],
    [
      'C.5',
      256,
      [
        [
          '4803 3330 3258 0770 7269 7661 7465 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133 3a32 3120 474d 546e 1768 7474 7073 3a2f 2f77 7777 2e65 7861 6d70 6c65 2e63 6f6d',
          responses[0]!,
          222,
        ],
        ['4803 3330 37c1 c0bf', responses[1]!, 222],
        [
          '88c1 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133 3a32 3220 474d 54c0 5a04 677a 6970 7738 666f 6f3d 4153 444a 4b48 514b 425a 584f 5157 454f 5049 5541 5851 5745 4f49 553b 206d 6178 2d61 6765 3d33 3630 303b 2076 6572 7369 6f6e 3d31',
          responses[2]!,
          215,
        ],
      ],
    ],
    [
      'C.6',
      256,
      [
        [
          '4882 6402 5885 aec3 771a 4b61 96d0 7abe 9410 54d4 44a8 2005 9504 0b81 66e0 82a6 2d1b ff6e 919d 29ad 1718 63c7 8f0b 97c8 e9ae 82ae 43d3',
          responses[0]!,
          222,
        ],
        ['4883 640e ffc1 c0bf', responses[1]!, 222],
        [
          '88c1 6196 d07a be94 1054 d444 a820 0595 040b 8166 e084 a62d 1bff c05a 839b d9ab 77ad 94e7 821d d7f2 e6c7 b335 dfdf cd5b 3960 d5af 2708 7f36 72c1 ab27 0fb5 291f 9587 3160 65c0 03ed 4ee5 b106 3d50 07',
          responses[2]!,
          215,
        ],
      ],
    ],
  ];
  for (const [section, table, steps] of examples) {
    test(section, () => {
      const decoder = new HpackDecoder(table);
      for (const [hex, fields, size] of steps) {
        assert.deepEqual(read(decoder, hex), fields);
        assert.equal(decoder.tableSize, size);
      }
    });
  }

  test('C.1: numbers of one byte and of several', () => {
    const long = 'x'.repeat(1337);
    // C.1.2, as the length of a value: 1337 with a prefix of 7 bits is 127 and 1210.
    assert.deepEqual(read(new HpackDecoder(), `0001 61 7f ba09 ${'78'.repeat(1337)}`), ['a', long]);
    assert.equal(Buffer.from(encodeField('a', long).slice(0, 6), 'latin1').toString('hex'), '0001617fba09');
  });
});

suite('HPACK: a malformed block is a connection error', () => {
  const rows: readonly (readonly [section: string, what: string, hex: string, fault: RegExp])[] = [
    ['6.1', 'index 0', '80', /index/],
    ['2.3.3', 'an index beyond both tables', 'be', /index/],
    ['2.3.3', 'a name by an index beyond both tables', '7e 01 61', /index/],
    ['5.1', 'a number that does not end', 'ff', /does not end/],
    ['5.1', 'a number of more bytes than any needs', 'ff ff ff ff ff ff ff ff 01', /too large/],
    ['5.1', 'a number over 2^28', '00 7f ff ff ff ff 0f', /too large/],
    ['5.2', 'a string longer than the block', '00 05 61', /does not end/],
    ['6.2', 'a name without a value', '00 01 61', /does not end/],
    ['6.2', 'a literal of nothing', '40', /does not end/],
    ['5.2', 'Huffman padding longer than 7 bits', '00 01 61 82 1fff', /Huffman/],
    ['5.2', 'Huffman padding of zeros', '00 01 61 81 18', /Huffman/],
    ['5.2', 'the end-of-string symbol in a string', '00 01 61 84 ffffffff', /Huffman/],
    ['4.2', 'a table larger than announced', '3f e2 1f', /larger/],
    ['4.2', 'a table size update after a field', '82 20', /after a field/],
  ];
  for (const [section, what, hex, fault] of rows) {
    test(`${section}: ${what}`, () => {
      const decoder = new HpackDecoder();
      assert.equal(read(decoder, hex), null);
      assert.match(decoder.fault, fault);
    });
  }
});

suite('HPACK: the dynamic table', () => {
  test('a field larger than the table empties it', () => {
    const decoder = new HpackDecoder(64);
    assert.deepEqual(read(decoder, '40 01 61 01 62'), ['a', 'b']);
    assert.equal(decoder.tableSize, 34);
    assert.deepEqual(read(decoder, `40 01 63 28 ${'64'.repeat(40)}`), ['c', 'd'.repeat(40)]);
    assert.equal(decoder.tableSize, 0);
    assert.equal(read(decoder, 'be'), null);
  });

  test('a name taken from an entry that the field itself evicts', () => {
    const decoder = new HpackDecoder(80);
    assert.deepEqual(read(decoder, '40 04 6e616d65 01 61'), ['name', 'a']);
    assert.deepEqual(read(decoder, `7e 14 ${'62'.repeat(20)}`), ['name', 'b'.repeat(20)]);
    assert.deepEqual(read(decoder, 'be'), ['name', 'b'.repeat(20)]);
  });

  test('a size update evicts the oldest entries, and several may come at once', () => {
    const decoder = new HpackDecoder();
    assert.deepEqual(read(decoder, '40 01 61 01 62 40 01 63 01 64'), ['a', 'b', 'c', 'd']);
    assert.deepEqual(read(decoder, '3f 03 3f e1 1f be'), ['c', 'd']);
    assert.equal(decoder.tableSize, 34);
    assert.deepEqual(read(decoder, '20'), []);
    assert.equal(decoder.tableSize, 0);
  });

  test('never more entries than the size allows, however many are sent', () => {
    const decoder = new HpackDecoder();
    for (let i = 0; i < 2000; i++) assert.deepEqual(read(decoder, '40 00 00'), ['', '']);
    assert.equal(decoder.tableSize, 4096);
  });
});

suite('HPACK: bounds', () => {
  test('fields beyond the limit enter the table, and are not kept', () => {
    const decoder = new HpackDecoder();
    const long = encodeField('x-long', 'y'.repeat(2000));
    // The same as a literal with indexing.
    const bytes = Buffer.from(`\x40${long.slice(1)}${'\xbe'.repeat(10_000)}\x40\x01a\x01b`, 'latin1');
    const block = decoder.decode(bytes, 0, bytes.length, 16_384)!;
    assert.equal(block.tooLong, true);
    assert.equal(block.fields.length, 16);
    assert.deepEqual(read(decoder, 'be'), ['a', 'b']);
  });

  test('cookie fields count as the one line that they become', () => {
    const crumbs = Buffer.from(encodeField('cookie', 'a=1').repeat(400), 'latin1');
    const block = new HpackDecoder().decode(crumbs, 0, crumbs.length, 2000)!;
    assert.deepEqual([block.size, block.tooLong, block.fields.length], [2000, false, 800]);
  });

  test('never-indexed fields are marked', () => {
    const bytes = Buffer.from('8210016101620001630164', 'hex');
    assert.deepEqual(new HpackDecoder().decode(bytes, 0, bytes.length, plenty)?.neverIndexed, [2]);
  });
});

suite('HPACK: written blocks decode to the same fields', () => {
  const latin1 = fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes).toString('latin1'));

  test('Huffman', () => {
    fc.assert(
      fc.property(latin1, (text) => {
        const bytes = huffmanEncode(text);
        const out = Buffer.alloc(Math.ceil((bytes.length * 8) / 5));
        const length = huffmanDecode(bytes, 0, bytes.length, out);
        assert.equal(out.toString('latin1', 0, length), text);
      }),
    );
  });

  test('fields, and a secret is never indexed', () => {
    const name = fc.stringMatching(/^[a-zA-Z0-9-]{1,140}$/);
    fc.assert(
      fc.property(fc.array(fc.tuple(name, latin1)), (fields) => {
        const bytes = Buffer.from(
          noTable + fields.map(([one, value]) => encodeField(one, value)).join(''),
          'latin1',
        );
        const block = new HpackDecoder().decode(bytes, 0, bytes.length, plenty);
        assert.deepEqual(
          block?.fields,
          fields.flatMap(([one, value]) => [one.toLowerCase(), value]),
        );
      }),
    );
    const secret = Buffer.from(encodeField('Set-Cookie', 'a=b'), 'latin1');
    assert.deepEqual(new HpackDecoder().decode(secret, 0, secret.length, plenty)?.neverIndexed, [0]);
    assert.equal(encodeStatus(200), '\x88');
    assert.equal(encodeKnown(':method', 'GET'), '\x82');
    const status = Buffer.from(encodeStatus(421), 'latin1');
    assert.deepEqual(read(new HpackDecoder(), status.toString('hex')), [':status', '421']);
  });
});

const vectors = resolve(import.meta.dirname, '../../../shared/data/hpack');
const skip = existsSync(vectors) ? false : 'needs the HPACK vectors in shared/ beside the clone';
suite('HPACK: field blocks of other encoders', { skip }, () => {
  interface Case {
    readonly wire: string;
    readonly headers: readonly { readonly [name: string]: string }[];
    readonly header_table_size?: number;
  }
  for (const encoder of skip === false ? readdirSync(vectors).filter((name) => !name.endsWith('.md')) : []) {
    test(encoder, () => {
      let read = 0;
      for (const file of readdirSync(join(vectors, encoder))) {
        const text = gunzipSync(readFileSync(join(vectors, encoder, file))).toString();
        const { cases } = JSON.parse(text) as { cases: Case[] };
        const decoder = new HpackDecoder(Math.max(4096, ...cases.map((one) => one.header_table_size ?? 0)));
        for (const { wire, headers } of cases) {
          const bytes = Buffer.from(wire, 'hex');
          const wanted = headers.flatMap((header) => Object.entries(header)[0]!);
          const fields = decoder.decode(bytes, 0, bytes.length, plenty)?.fields;
          assert.deepEqual(
            fields,
            wanted.map((one) => Buffer.from(one).toString('latin1')),
            file,
          );
          read++;
        }
      }
      assert.ok(read > 100, `${read} blocks`);
    });
  }
});
