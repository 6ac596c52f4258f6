/** NAME.ja.md says the same as NAME.md: change both together. */
import assert from 'node:assert/strict';
import { dirname, join } from 'node:path';
import { suite, test } from 'node:test';
import { pages as generated } from '../../docs/generate/pages.ts';
import { driftOf } from './in-step.ts';
import { type Page, pages } from './markdown.ts';

const pageOf = (name: string): Page => pages.find(({ path }) => path === name)!;
const translations = pages.filter(({ path }) => path.endsWith('.ja.md'));
const originalOf = ({ path }: Page): Page => pageOf(path.replace(/\.ja\.md$/, '.md'));
const nameOf = (path: string): string => path.replace(/^.*\//, '');

for (const translation of translations) {
  const original = originalOf(translation);
  suite(translation.path, () => {
    // Generated pages follow their source.
    if (!(translation.path in generated))
      test(`is in step with ${original.path}`, () => {
        assert.deepEqual(driftOf(original.text, translation.text), [], 'bring the two together');
      });

    test('is Japanese in every section', () => {
      for (const section of translation.text.split(/^#+ /m).slice(1)) {
        const prose = section.replace(/```[\s\S]*?```/g, '');
        assert.match(
          prose,
          /[\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Han}]/u,
          section.slice(0, section.indexOf('\n')),
        );
      }
    });

    test('links to its original, and the original to it', () => {
      assert.ok(translation.text.includes(`[English](${nameOf(original.path)})`));
      assert.ok(original.text.includes(`[日本語](${nameOf(translation.path)})`));
    });

    test('links to translations if there are any', () => {
      const translated = new Set(translations.map((one) => originalOf(one).path));
      const own = nameOf(original.path);
      const missed = translation.links
        .map((link) => link.split('#')[0]!)
        .filter((link) => link !== own && translated.has(join(dirname(translation.path), link)));
      // The translated rules table links to the English page for the bytes.
      assert.deepEqual(
        missed.filter((link) => !(translation.path in generated) && link !== ''),
        [],
      );
    });
  });
}

test('README.md has picture, problem and first command on its first screen, and is short', () => {
  const { text } = pageOf('README.md');
  assert.ok(
    Buffer.byteLength(text) < 12_000,
    `${Buffer.byteLength(text)} bytes; move reference material to docs/`,
  );
  const first = text.split('\n').slice(0, 25).join('\n');
  assert.match(first, /!\[.*\]\(docs\/images\//);
  assert.match(first, /lists of open proxies/);
  assert.match(first, /npm ci && npm start/);
});

/** Changes to only one of the two. */
const drifts: readonly (readonly [name: string, page: string, from: string, to: string])[] = [
  ['a removed section', 'README.md', '## Watch it', 'Watch it'],
  ['a heading of another level', 'README.md', '## Watch it', '### Watch it'],
  ['a changed command', 'README.md', 'npm ci && npm start', 'npm ci && npm run start'],
  ['changed output', 'README.md', '421 Misdirected Request', '403 Forbidden'],
  ['a link to another page', 'README.md', '(docs/how-to/watch.md)', '(docs/how-to/bans.md)'],
  ['a link to another section', 'docs/reference/log.md', '#logfile', '#logaccess'],
  ['another picture', 'README.md', 'dashboard-now.png', 'dashboard-phone.png'],
  ['another setting in a sentence', 'README.md', '`bans.allow`, ends', '`bans.for`, ends'],
  ['another number in a sentence', 'README.md', 'Node 24.9 or newer', 'Node 26.0 or newer'],
  ['an added step', 'docs/how-to/in-front.md', '## nginx', '6. Done.\n\n## nginx'],
  ['a removed row', 'docs/reference/log.md', '| `level` | 40 blocked, 30 flagged |\n', ''],
  ['an added paragraph', 'README.md', '## Watch it', 'And more.\n\n## Watch it'],
];

suite('a page that changes alone', () => {
  for (const [name, page, from, to] of drifts) {
    test(`${name} is reported`, () => {
      const original = pageOf(page).text;
      const translation = pageOf(page.replace(/\.md$/, '.ja.md')).text;
      assert.ok(original.includes(from), `${page} no longer says ${from}`);
      assert.notDeepEqual(driftOf(original.replace(from, to), translation), []);
      assert.notDeepEqual(driftOf(translation, original.replace(from, to)), []);
    });
  }
});
