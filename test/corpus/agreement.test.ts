/** The corpus, the rules reference and `explain` say the same of each rule. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { inWords, withoutBytes } from '../../docs/generate/rule-examples.ts';
import { explain } from '../../src/explain/explain.ts';
import {
  catalogue,
  presetAction,
  presets,
  type Rule,
  type RuleId,
  ruleIds,
} from '../../src/rules/catalogue.ts';
import { destination } from '../../src/rules/wanted-sentence.ts';
import { mailPolicy } from '../../src/smtp/domains.ts';
import { explainSmtp, isSmtpLine } from '../../src/smtp/explain.ts';
import { root } from '../support/installed-package.ts';
import { corpusPolicy } from '../support/policy.ts';
import { corpus } from './corpus.ts';

const { policy } = corpusPolicy();
const mail = mailPolicy(['example.net']);

/** Without the protocol that the sentence of `not-http` names. */
const withoutProtocol = (why: string): string => why.replace(/ \([A-Za-z0-9 -]+\)(?=, or a gateway)/, '');

suite('explain says of a row of the corpus what the row says', () => {
  for (const { id, bytes, expect, client } of corpus) {
    // `explain` does not know the client.
    if (client !== undefined) continue;
    test(id, () => {
      const { verdict, signals, intent, why } = explain(Buffer.from(bytes, 'latin1'), policy);
      assert.equal(verdict.action, expect.verdict);
      assert.equal(verdict.rule, expect.rule ?? null);
      if (verdict.rule !== null)
        assert.ok(withoutProtocol(why).startsWith(`The sender wanted ${catalogue[verdict.rule].seeks}`), why);
      if (expect.verdict !== 'block') return;
      assert.equal(verdict.answer, expect.answer);
      const seen = signals.map(({ rule }) => rule);
      for (const rule of expect.rules ?? []) assert.ok(seen.includes(rule), `${rule} is not among ${seen}`);
      if (expect.intent !== undefined) assert.equal(intent, expect.intent);
      if (expect.destination !== undefined) assert.equal(destination(verdict.wanted!), expect.destination);
    });
  }
});

/** The page by section. */
const sections = new Map(
  readFileSync(join(root, 'docs/reference/rules.md'), 'utf8')
    .split(/^## /m)
    .map((section): [string, string] => [/^`([a-z0-9-]+)`/.exec(section)?.[1] ?? '', section]),
);

/** The bytes of an example as the page prints it. */
const bytesOf = (example: string): Buffer =>
  Buffer.from(
    `${example.replaceAll('\n', '\r\n')}\r\n\r\n`.replace(/\\x([0-9a-f]{2})/g, (_, digits: string) =>
      String.fromCharCode(Number.parseInt(digits, 16)),
    ),
    'latin1',
  );

/** The same words on a web port are `smtp-on-http`. */
const mailRules = new Set(ruleIds.filter((id) => id.startsWith('smtp-') && id !== 'smtp-on-http'));

/** The rule that `explain` names for an example. */
function explained(example: string, id: RuleId): RuleId | null {
  const line = example.split('\n').at(-1)!;
  if (mailRules.has(id) && isSmtpLine(line)) return explainSmtp(line, mail).rule;
  const dump = example.startsWith(':');
  return explain(dump ? Buffer.from(`${example}\n`) : bytesOf(example), policy).verdict.rule;
}

suite('the rules reference', () => {
  for (const id of ruleIds) {
    const rule: Rule = catalogue[id];
    const section = sections.get(id) ?? '';
    const example = /```http\n(.*?)\n```/s.exec(section)?.[1];

    test(`${id}: what is seen, what the sender wants and the actions are those of the catalogue`, () => {
      assert.ok(section.includes(`Matches: ${rule.title}. The sender wants ${rule.seeks}.`));
      const row = section.match(/^\| (?:allow|flag|block) .*$/m)?.[0].split(' | ') ?? [];
      assert.deepEqual(
        row.slice(0, presets.length).map((cell) => cell.replace('| ', '')),
        presets.map((preset) => presetAction(preset, id)),
      );
      assert.ok(
        row[presets.length]?.startsWith(rule.answer === 'drop' ? 'none' : String(rule.answer)),
        row.join(),
      );
    });

    test(`${id}: explain names it for the example`, () => {
      if (withoutBytes.has(id)) assert.equal(example, undefined);
      else if (inWords.has(id))
        assert.notEqual(explained(example!, id), id, 'explain reads this example: take it out of the list');
      else assert.equal(explained(example!, id), id);
    });
  }
});
