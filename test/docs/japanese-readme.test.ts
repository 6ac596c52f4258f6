/** README.ja.md says what README.md says: whoever changes one changes the other. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { driftOf } from './in-step.ts';
import { pages } from './markdown.ts';

const textOf = (name: string): string => pages.find(({ path }) => path === name)!.text;
const original = textOf('README.md');
const translation = textOf('README.ja.md');

suite('README.ja.md', () => {
  test('is in step with README.md', () => {
    assert.deepEqual(driftOf(original, translation), [], 'bring README.ja.md and README.md together');
  });

  test('is Japanese in every section', () => {
    for (const section of translation.split(/^#+ /m).slice(1)) {
      const prose = section.replace(/```[\s\S]*?```/g, '');
      assert.match(
        prose,
        /[\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Han}]/u,
        section.slice(0, section.indexOf('\n')),
      );
    }
  });

  test('and README.md lead to each other', () => {
    assert.match(original, /\[日本語\]\(README\.ja\.md\)/);
    assert.match(translation, /\[English\]\(README\.md\)/);
  });
});

/** What may happen to one of the two and not to the other. */
const drifts: readonly (readonly [name: string, from: string, to: string])[] = [
  ['a section that is gone', '### Why npm brings its own Node', 'Why npm brings its own Node'],
  ['a heading of another level', '## Watch it', '### Watch it'],
  ['a command that changed', 'npm ci && npm start', 'npm ci && npm run start'],
  ['output that changed', 'HTTP/1.1 421 Misdirected Request', 'HTTP/1.1 403 Forbidden'],
  ['a link to another page', '(docs/how-to/watch.md)', '(docs/how-to/bans.md)'],
  ['a link to another section', '(#watch-it)', '(#try-it)'],
  ['another picture', 'dashboard-phone.png', 'dashboard-now.png'],
  ['another setting in a sentence', '`bans.allow`, ends', '`bans.for`, ends'],
  ['another number in a sentence', 'Node 24.9 or newer', 'Node 26.0 or newer'],
  ['a step more', '## Put it in front of my nginx', '6. Done.\n\n## Put it in front of my nginx'],
  ['a row less', '| `level` | 40 blocked, 30 flagged |\n', ''],
  ['a paragraph more', '## Watch it', 'And more.\n\n## Watch it'],
];

suite('a README.md that went on alone', () => {
  for (const [name, from, to] of drifts) {
    test(`${name} is told`, () => {
      assert.ok(original.includes(from), `README.md no longer says ${from}`);
      assert.notDeepEqual(driftOf(original.replace(from, to), translation), []);
      assert.notDeepEqual(driftOf(translation, original.replace(from, to)), []);
    });
  }
});
