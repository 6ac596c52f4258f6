/** Every measured figure has the command that measures it in the same section, heading included. */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { pages, root } from './markdown.ts';

/** Measured values: rates, short times, speed ratios. Limits and defaults are set, not measured. */
const measured =
  /\d (?:requests|req|messages|MB|lines)\/s\b|\b(?:requests|messages|lines)\/s \||\d a second\b|\d (?:ns|µs)\b|\bmicroseconds?\b|\bp99\b|times as fast|\d ×/;

/** The command that reproduces a figure. */
const command =
  /`(?:npm run -s (?<script>[\w:-]+)(?: -- (?<name>[\w-]+))?|node (?<file>[\w/.-]+)|npm test)[^`]*`/;

interface Section {
  readonly title: string;
  readonly text: string;
}

function sections(page: string): Section[] {
  return page
    .replace(/^( *)```[\s\S]*?^\1```$/gm, '')
    .split(/^(?=#{1,6} )/m)
    .map((text) => ({ title: text.slice(0, text.indexOf('\n')), text }));
}

/** Sections with figures that nobody can measure again, one line each. */
const unproven = (page: string): string[] =>
  sections(page)
    .filter(({ text }) => measured.test(text) && !command.test(text))
    .map(({ title, text }) => `${title}: ${measured.exec(text)![0]}`);

suite('figures', () => {
  for (const { path, text } of pages) {
    test(`in ${path} have their command beside them`, () => {
      assert.deepEqual(unproven(text), [], 'name the command in the same section, or take the figure out');
    });
    test(`the commands beside figures in ${path} exist`, () => {
      for (const section of sections(text).filter((one) => measured.test(one.text))) {
        const { script, name, file } = command.exec(section.text)?.groups ?? {};
        if (script === 'bench')
          assert.ok(existsSync(join(root, `bench/${name}.ts`)), `${section.title}: no bench ${name}`);
        if (file !== undefined) assert.ok(existsSync(join(root, file)), `${section.title}: no ${file}`);
      }
    });
  }

  test('some are found', () => {
    const found = pages.flatMap(({ text }) => sections(text).filter((one) => measured.test(one.text)));
    assert.ok(found.length >= 10, `only ${found.length} sections have figures`);
  });

  test('a figure without a command is reported', () => {
    assert.deepEqual(unproven('# A\n\n`npm run -s bench -- bans`\n\n## B\n\nCarries 12,000 requests/s.\n'), [
      '## B: 0 requests/s',
    ]);
  });
});
