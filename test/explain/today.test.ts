/** `explain` says of today's kinds of probes what the gateway does with them. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { explain } from '../../src/explain/explain.ts';
import { http2Kinds, type Kind, kinds, neighbours, rowOf } from '../corpus/today.ts';
import { corpusPolicy } from '../support/policy.ts';

const { policy } = corpusPolicy();

function explained(bytes: string): Omit<Kind, 'row'> | null {
  const { verdict, intent } = explain(Buffer.from(bytes, 'latin1'), policy);
  if (verdict.rule === null) return null;
  const counts = verdict.signals.some((signal) => signal.counts);
  return { rule: verdict.rule, intent: intent!, answer: verdict.answer ?? 'passed', counts };
}

suite("explain and today's probes", () => {
  for (const kind of kinds) {
    const { row, ...expected } = kind;
    test(row, () => assert.deepEqual(explained(rowOf(kind).bytes), expected));
  }

  for (const { id, fields, ...expected } of http2Kinds)
    test(`${id}, as lines of fields`, () => {
      const lines = fields.map((name, i) => (i % 2 === 0 ? `${name}: ${fields[i + 1]}\n` : ''));
      assert.deepEqual(explained(lines.join('')), expected);
    });

  test('similar ordinary requests have no signals', () => {
    const spoken = neighbours.filter(
      ({ client, bytes }) => client === undefined && explained(bytes) !== null,
    );
    assert.deepEqual(
      spoken.map(({ id }) => id),
      [],
    );
  });
});
