import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import fc from 'fast-check';
import { csvLine } from '../../src/admin/csv.ts';
import { unescapeBytes } from '../../src/admin/escaped-bytes.ts';
import { rejudge } from '../../src/admin/rejudge.ts';
import { compile } from '../../src/config/compile.ts';
import { parseConfig } from '../../src/config/load.ts';
import { printable } from '../../src/events/redact.ts';
import { ruleIds } from '../../src/rules/catalogue.ts';
import { corpus } from '../corpus/corpus.ts';
import { corpusConfig } from '../support/gateway.ts';

const { policy } = compile(parseConfig(corpusConfig('http://127.0.0.1:9'), '.'));

suite('escaped bytes', () => {
  test('unescape to the original bytes, with the offset of each', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (array) => {
        const text = printable(Buffer.from(array).toString('latin1'));
        const { bytes, offsets } = unescapeBytes(text);
        assert.deepEqual([...bytes], [...array]);
        assert.equal(offsets.length, array.length + 1);
        for (const [index, byte] of array.entries())
          assert.equal(text.slice(offsets[index], offsets[index + 1]), printable(String.fromCharCode(byte)));
      }),
    );
  });

  test('may be any text, also one that was never escaped', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        const { signals } = rejudge(text, policy);
        for (const { start, end } of signals) assert.ok(start >= 0 && start <= end && end <= text.length);
      }),
    );
  });

  test('of the whole corpus get the same verdict again', () => {
    let marked = 0;
    for (const { bytes, expect, client, id } of corpus) {
      if (expect.verdict !== 'block' || client !== undefined) continue;
      const { verdict, signals } = rejudge(printable(bytes), policy);
      assert.equal(verdict, 'block', id);
      marked += signals.filter(({ start, end }) => end > start).length;
      for (const { rule } of signals) assert.ok(ruleIds.includes(rule));
    }
    assert.ok(marked > 100);
  });
});

test('CSV: text of a sender cannot become a formula, a field or a line', () => {
  const row = {
    id: 1,
    first: 0,
    last: 0,
    count: 1,
    listener: 'http 127.0.0.1:1',
    client: '192.0.2.1',
    prefix: '192.0.2.1/32',
    site: null,
    action: 'block',
    rule: 'connect',
    rules: ['connect', 'trace'],
    intent: 'web',
    destination: '=HYPERLINK("http://evil/";"x")',
    answer: 'drop',
    why: 'a, b',
    request: '@SUM(1)\r\nnew,line',
    counts: true,
    country: null,
    asn: null,
    network: null,
  } as const;
  const line = csvLine(row);
  assert.ok(line.includes('"\'=HYPERLINK(""http://evil/"";""x"")"'), line);
  assert.ok(line.includes('"a, b"'));
  assert.ok(line.includes('"\'@SUM(1)\r\nnew,line"'));
  assert.ok(line.includes(',connect trace,'));
});
