/** The choice of the language, number formats, and that every catalogue is complete. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { plural } from '../../src/plural.ts';
import { alertWords } from '../../src/words/alerts.ts';
import { commandWords } from '../../src/words/commands.ts';
import { commonInJapanese } from '../../src/words/common-ja.ts';
import { dashboardWords } from '../../src/words/dashboard.ts';
import { counted } from '../../src/words/english.ts';
import { acceptedLanguage, environmentLanguage } from '../../src/words/language.ts';
import { sayIn } from '../../src/words/say.ts';
import { scanWords } from '../../src/words/scan.ts';

suite('the language', () => {
  const headers: readonly (readonly [header: string, language: string])[] = [
    ['', 'en'],
    ['ja', 'ja'],
    ['ja-JP,ja;q=0.9,en;q=0.8', 'ja'],
    ['en-US,en;q=0.9,ja;q=0.8', 'en'],
    ['en;q=0.5, JA;q=0.7', 'ja'],
    ['fr, de;q=0.9, ja;q=0.1', 'ja'],
    ['ja;q=0', 'en'],
    ['ja;q=7, en;q=0.1', 'en'],
    ['ja;q=x', 'en'],
    ['*', 'en'],
    [`${'xx,'.repeat(5000)}ja`, 'en'],
  ];
  for (const [header, language] of headers) {
    test(`of Accept-Language: ${header.slice(0, 40)} is ${language}`, () => {
      assert.equal(acceptedLanguage(header), language);
    });
  }

  test('of a command follows the locale', () => {
    assert.equal(environmentLanguage({}), 'en');
    assert.equal(environmentLanguage({ LANG: 'ja_JP.UTF-8' }), 'ja');
    assert.equal(environmentLanguage({ LANG: 'ja_JP.UTF-8', LC_ALL: 'C.UTF-8' }), 'en');
    assert.equal(environmentLanguage({ LANG: 'C', LC_MESSAGES: 'ja_JP' }), 'ja');
    assert.equal(environmentLanguage({ LANG: 'ja_JP.UTF-8', LC_ALL: '' }), 'ja');
    assert.equal(environmentLanguage({ LANG: 'java' }), 'en');
  });
});

suite('numbers', () => {
  test('have the English plural', () => {
    assert.deepEqual(
      [0, 1, 2, 1234].map((count) => counted(count, 'row')),
      ['0 rows', '1 row', '2 rows', '1,234 rows'],
    );
    assert.equal(counted(2, 'delivery', 'deliveries'), '2 deliveries');
    assert.equal(plural(1234, 'byte'), '1234 bytes');
  });

  test('are shortened in the style of the language', () => {
    assert.equal(sayIn('en').short(9_999), '9,999');
    assert.equal(sayIn('en').short(1_234_567), '1.2M');
    assert.equal(sayIn('ja').short(1_234_567), '123.5万');
    assert.equal(sayIn('en').country('JP'), 'Japan');
    assert.equal(sayIn('ja').country('JP'), '日本');
    assert.equal(sayIn('en').country('<b>'), '<b>');
  });
});

/** Every text of a catalogue with its path; functions are skipped. */
function messages(value: unknown, path: string): [string, string][] {
  if (typeof value === 'string') return [[path, value]];
  if (Array.isArray(value) || (typeof value === 'object' && value !== null))
    return Object.entries(value).flatMap(([key, inner]) => messages(inner, `${path}.${key}`));
  return [];
}

/** Texts that are the same in both languages. */
const names = new Set([
  '.techniques.trace',
  '.bans.title',
  '.frame.tabs.bans',
  '.separator',
  '.check.separator',
  '.event.separator',
]);

const catalogues = {
  dashboard: dashboardWords,
  alerts: alertWords,
  scan: scanWords,
  commands: commandWords,
} as const;

suite('the catalogue', () => {
  for (const [name, { en, ja }] of Object.entries(catalogues)) {
    const english = new Map(messages(en, ''));
    const japanese = messages(ja, '');

    test(`of ${name} has the same messages in each language`, () => {
      assert.deepEqual(
        japanese.map(([path]) => path),
        [...english.keys()],
      );
      assert.ok(english.size > 5);
    });

    test(`of ${name} is Japanese in its Japanese version`, () => {
      const left = japanese.filter(
        ([path, text]) =>
          !names.has(path) &&
          (text === english.get(path) ||
            !/[\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Han}]/u.test(text)),
      );
      assert.deepEqual(left, []);
    });
  }

  test('has its own sentence for what a sender wanted, and shows the recorded one for unknown rules', () => {
    const { why, wanted } = dashboardWords.ja.event;
    const recorded = 'The sender wanted a tunnel through this server: mx.example.com:25.';
    assert.equal(
      why(recorded, 'connect', 'mx.example.com:25'),
      '狙い: このサーバーを通り抜けるトンネル（mx.example.com:25）',
    );
    assert.equal(wanted(recorded, 'connect', null), 'このサーバーを通り抜けるトンネル（mx.example.com:25）');
    assert.equal(why('Something new.', 'of-a-later-version', null), 'Something new.');
    assert.ok(commonInJapanese.techniques.connect);
  });
});

test('the answer of a SOCKS decoy is not called a status', () => {
  const said = [dashboardWords.en, dashboardWords.ja].flatMap(({ event }) => [2, 421].map(event.status));
  assert.deepEqual(said, ['SOCKS reply 2', 'status 421', 'SOCKS の応答 2', 'ステータス 421']);
});
