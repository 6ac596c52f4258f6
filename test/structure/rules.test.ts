/** The catalogue, the schema and the rules page have the same rules. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { ruleIds } from '../../src/rules/catalogue.ts';
import { root } from '../support/installed-package.ts';

const read = (path: string): string => readFileSync(join(root, path), 'utf8');
interface SchemaNode {
  readonly properties: Readonly<Record<string, SchemaNode>>;
}

suite('the rules', () => {
  test('have unique ids', () => {
    assert.equal(new Set(ruleIds).size, ruleIds.length);
  });

  test('in the schema are those of the catalogue', () => {
    const schema = JSON.parse(read('config/sekisho.schema.json')) as SchemaNode;
    const rules = schema.properties.policy!.properties.rules!;
    assert.deepEqual(Object.keys(rules.properties).sort(), [...ruleIds].sort());
  });

  test('on the reference page are those of the catalogue', () => {
    const headings = [...read('docs/reference/rules.md').matchAll(/^#{2,4} `?([a-z0-9-]+)`?$/gm)];
    const listed = headings
      .map(([, id]) => id!)
      .filter((id) => id.includes('-') || (ruleIds as string[]).includes(id));
    assert.deepEqual([...listed].sort(), [...ruleIds].sort());
  });
});
