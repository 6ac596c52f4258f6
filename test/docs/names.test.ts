/** Settings, API paths and metrics in the pages and example files exist. */
import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { fieldsOf } from '../../docs/generate/api-page.ts';
import { described } from '../../docs/generate/running.ts';
import { fileSchema } from '../../src/config/file-schema.ts';
import { ruleIds } from '../../src/rules/catalogue.ts';
import { commonInEnglish } from '../../src/words/common-en.ts';
import { pages, root } from './markdown.ts';

const reference = pages.find(({ path }) => path === 'docs/reference/config.md')!;
/** `sites[].hosts` and the like, also without brackets, as in prose. */
const settings = new Set(
  [...reference.text.matchAll(/^#+ `(.+)`$/gm)].flatMap(([, name]) => [name!, name!.replaceAll('[]', '')]),
);
const top = new Set(Object.keys((fileSchema() as { properties: object }).properties));

/** `bans.allow`, `policy.rules.connect`, `rateLimit.max`: names that begin with a section of the config. */
function isSetting(words: string): boolean {
  const [first, ...rest] = words.split(/\.|\[\]\.?/).filter((word) => word !== '');
  return rest.length > 0 && top.has(first!) && /^[a-z]\w*(?:\[\])?(?:\.[\w-]+(?:\[\])?)+$/i.test(words);
}

const known = (words: string): boolean =>
  settings.has(words) || ruleIds.some((id) => words === `policy.rules.${id}`);

suite('names in the pages', async () => {
  const { openapi, metrics } = await described();
  const paths = Object.keys(openapi.paths).map((path) => path.replace(/\/\{.*/, ''));
  const metricNames = new Set([...metrics.matchAll(/^# HELP (\w+)/gm)].map(([, name]) => name!));

  /** Metric names in a text that the gateway does not have. */
  const strangers = (text: string): string[] =>
    // Except the nftables table of `export egress`, and the variable of the exports.
    [...text.matchAll(/(?<!table inet )\bsekisho_[a-z][a-z_]*[a-z]\b/g)]
      .map(([name]) => name)
      .filter((name) => name !== 'sekisho_rule')
      .filter(
        (name) => !metricNames.has(name) && !metricNames.has(name.replace(/_(?:bucket|sum|count)$/, '')),
      );

  /** Some answer fields have names like config sections: `journal.written`. */
  const fields = new Set(
    Object.values(openapi.paths)
      .flatMap((operations) => Object.values(operations))
      .flatMap(({ responses = {} }) => Object.values(responses))
      .flatMap(({ content = {} }) => Object.values(content))
      .flatMap(({ schema }) => [...fieldsOf(schema, '')].map(([name]) => name!.replaceAll('`', ''))),
  );

  for (const { path, text, code } of pages) {
    const here = path === 'docs/reference/api.md' ? fields : new Set();
    test(`settings in ${path} exist`, () => {
      assert.deepEqual(
        code.filter((words) => isSetting(words) && !known(words) && !here.has(words)),
        [],
      );
    });
    test(`paths of the API in ${path} exist`, () => {
      const named = [...text.matchAll(/(?<=[\s`/:\d])\/api\/[a-z]+(?:\.json)?/g)].map(([name]) => name);
      assert.deepEqual(
        named.filter((name) => name !== '/api/openapi.json' && !paths.includes(name)),
        [],
      );
    });
    test(`metrics in ${path} exist`, () => {
      assert.deepEqual(strangers(text), []);
    });
  }

  for (const path of globSync('config/examples/{prometheus,grafana}/*', { cwd: root })) {
    test(`metrics in ${path} exist`, () => {
      assert.deepEqual(strangers(readFileSync(join(root, path), 'utf8')), []);
    });
  }

  test('some of each kind are found', () => {
    assert.ok(pages.flatMap(({ code }) => code.filter(isSetting)).length > 20);
    assert.ok(paths.includes('/api/events') && metricNames.has('sekisho_probes_total'));
    assert.ok(isSetting('bans.nothing') && !known('bans.nothing'));
    assert.deepEqual(strangers('rate(sekisho_nothing_total[5m])'), ['sekisho_nothing_total']);
  });
});

suite('the page on the log', () => {
  for (const path of ['docs/reference/log.md', 'docs/reference/log.ja.md'])
    test(`names every intent: ${path}`, () => {
      const [, row] = /^\| `intent` \|(.*)\|$/m.exec(readFileSync(join(root, path), 'utf8'))!;
      const named = [...row!.matchAll(/`([a-z-]+)`/g)].map(([, intent]) => intent!);
      assert.deepEqual(named.sort(), Object.keys(commonInEnglish.intents).sort());
    });
});
