import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { suite, test } from 'node:test';

/** The versions of CHANGELOG.md: their title and lines. */
const versions = readFileSync('CHANGELOG.md', 'utf8')
  .split(/^## /m)
  .slice(1)
  .map((text) => text.trim().split('\n'));

suite('the changelog', () => {
  test('has each kind of change once in a version', () => {
    for (const [version = '', ...lines] of versions) {
      const kinds = lines.filter((line) => line.startsWith('### '));
      assert.deepEqual(kinds, [...new Set(kinds)], version);
    }
  });

  test('says nothing twice in a version', () => {
    for (const [version = '', ...lines] of versions) {
      const entries = lines.filter((line) => line.startsWith('- ')).map((line) => line.slice(0, 60));
      assert.deepEqual(entries, [...new Set(entries)], version);
    }
  });
});
