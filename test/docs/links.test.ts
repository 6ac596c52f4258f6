/** Every link leads somewhere, and every page is in the index. */
import assert from 'node:assert/strict';
import { existsSync, globSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { suite, test } from 'node:test';
import { pages, root } from './markdown.ts';

suite('links', () => {
  for (const { path, links } of pages) {
    test(`in ${path} lead somewhere`, () => {
      for (const link of links) {
        if (/^(?:https?|mailto):/.test(link)) continue;
        const [file, anchor] = link.split('#') as [string, string | undefined];
        const target = file === '' ? path : relative(root, join(root, dirname(path), decodeURI(file)));
        assert.ok(!target.startsWith('..'), `${link} leads out of the repository`);
        assert.ok(existsSync(join(root, target)), `${link}: there is no ${target}`);
        if (anchor === undefined) continue;
        const page = pages.find((one) => one.path === target);
        assert.ok(page !== undefined, `${link}: only pages have headings`);
        assert.ok(page.anchors.has(anchor), `${link}: ${target} has no heading of that name`);
      }
    });
  }
});

suite('the index', () => {
  test('docs/README.md lists every page under docs/', () => {
    const index = pages.find(({ path }) => path === 'docs/README.md')!;
    const listed = index.links.map((link) => join('docs', link.split('#')[0]!));
    const missing = globSync('docs/**/*.md', { cwd: root }).filter(
      (path) => path !== 'docs/README.md' && !listed.includes(path),
    );
    assert.deepEqual(missing, [], 'add a line for each to docs/README.md');
  });

  test('README.md links to it', () => {
    assert.ok(pages.find(({ path }) => path === 'README.md')!.links.includes('docs/README.md'));
  });
});
