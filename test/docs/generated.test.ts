/** Generated pages match their sources: `npm run docs` writes them. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { pages as generated } from '../../docs/generate/pages.ts';
import { ruleExample, withoutBytes } from '../../docs/generate/rule-examples.ts';
import { ruleIds } from '../../src/rules/catalogue.ts';
import { root } from './markdown.ts';

suite('generated pages', () => {
  for (const [path, content] of Object.entries(generated)) {
    test(`${path} is up to date`, async () => {
      // Not assert.equal: computing the difference of two long pages takes too long.
      assert.ok(
        readFileSync(join(root, path), 'utf8') === (await content()),
        `run \`npm run docs\` to write ${path}`,
      );
    });
  }

  test('every rule has example bytes', () => {
    const missing = ruleIds.filter((id) => !withoutBytes.has(id) && ruleExample(id) === null);
    assert.deepEqual(
      missing,
      [],
      'add a row to test/corpus, or an example to docs/generate/rule-examples.ts',
    );
  });
});
