import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

const root = join(import.meta.dirname, '../..');
const mostLines = 400;

test(`no source file has more than ${mostLines} lines; the linter bounds functions`, () => {
  const files = globSync(['src/**/*.{ts,tsx}', 'plugins/*.ts'], { cwd: root });
  assert.ok(files.length > 400);
  const linesOf = (file: string): number => readFileSync(join(root, file), 'utf8').split('\n').length - 1;
  const long = files.filter((file) => linesOf(file) > mostLines);
  assert.deepEqual(long, []);
});
