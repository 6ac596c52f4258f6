import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FieldEdits } from '../../src/forward/field-edits.ts';

test('edits apply to every field, the first and the last included', () => {
  const edits = FieldEdits.of([
    { name: 'X-A', action: 'remove', value: '' },
    { name: 'X-B', action: 'set', value: '2' },
  ])!;
  assert.equal(edits.applyTo('X-A: 1\r\nY: 1\r\nx_b: 1\r\n'), 'Y: 1\r\nX-B: 2\r\n');
  assert.equal(edits.applyTo('Y: 1\r\nX-A: 1\r\n'), 'Y: 1\r\nX-B: 2\r\n');
});
