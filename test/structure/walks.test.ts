/** The walks in docs/architecture.md name functions that exist; test/docs/walks.test.ts takes each walk. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { architecture } from '../../docs/generate/rooms.ts';
import { walks } from '../../docs/generate/walks.ts';
import { root } from '../docs/markdown.ts';

/** Whether a file defines a function, a method, a class or a constant function of that name. */
function defines(source: string, name: string): boolean {
  const word = name.replace('#', '\\#');
  return [
    String.raw`\b(?:function\*?|class) ${word}\b`,
    String.raw`^ +(?:(?:static|async|override|protected|get) )*\*?${word}(?:<[^(]*>)?\(`,
    String.raw`(?:^|[ .])${word}(?:: [^=]+)? = (?:async )?\(`,
  ].some((pattern) => new RegExp(pattern, 'm').test(source));
}

suite('the walks in docs/architecture.md', () => {
  for (const { title, steps } of walks(architecture)) {
    test(`${title}: every function is in the file named with it`, () => {
      const missing = steps.filter(
        ({ file, name }) =>
          !existsSync(join(root, file)) || !defines(readFileSync(join(root, file), 'utf8'), name),
      );
      assert.deepEqual(
        missing.map(({ file, name }) => `${file} has no ${name}()`),
        [],
      );
    });
  }

  test('are of HTTP/1, of a refused request, of HTTP/2 and of mail', () => {
    assert.deepEqual(
      walks(architecture).map(({ title, steps }) => [title, steps.length > 10]),
      [
        ['The walk of an HTTP/1 request', true],
        ['The walk of a refused request', true],
        ['The walk of an HTTP/2 request', true],
        ['The walk of a mail', true],
      ],
    );
  });

  test('a function that is not there is noticed', () => {
    assert.ok(!defines('class A {\n  take(): void {}\n}\n', 'leave'));
    assert.ok(defines('class A {\n  take(): void {}\n}\n', 'take'));
    assert.ok(!defines('take();\nthis.#take();\n', 'take'));
  });
});
