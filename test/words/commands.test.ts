/** Command summaries follow the locale; machine-readable output does not. */
import assert from 'node:assert/strict';
import { join, resolve } from 'node:path';
import { suite, test } from 'node:test';
import type { Finding } from '../../src/audit/finding.ts';
import { report } from '../../src/audit/report.ts';
import { limits, verdictLine } from '../../src/audit/verdict.ts';
import { runProcess } from '../support/process.ts';

const root = resolve(import.meta.dirname, '../..');
const sekisho = (args: readonly string[], input: string, locale: string) =>
  runProcess(process.execPath, [join(root, 'src/cli.ts'), ...args], {
    cwd: root,
    input,
    env: { LC_ALL: locale, NO_COLOR: '1', FORCE_COLOR: undefined },
  });

const probe = 'CONNECT mx.example.com:25 HTTP/1.1\r\nHost: mx.example.com:25\r\n\r\n';

suite('a command in a Japanese locale', () => {
  test('explains a request in Japanese', async () => {
    const { code, stdout } = await sekisho(['explain'], probe, 'ja_JP.UTF-8');
    assert.equal(code, 0);
    assert.match(
      stdout,
      /^BLOCK {2}connect → 405 Method Not Allowed\n狙い: このサーバーを通り抜けるトンネル（mx\.example\.com:25）\n分類: メールサーバー（mail-relay）/,
    );
  });

  test('explains to scripts as in any other locale', async () => {
    const [here, there] = await Promise.all(
      ['ja_JP.UTF-8', 'C.UTF-8'].map((locale) => sekisho(['explain', '--json'], probe, locale)),
    );
    assert.equal(here!.stdout, there!.stdout);
  });

  test('checks a config, and counts its faults', async () => {
    const { code, stdout } = await sekisho(['check', '--config', 'config/sekisho.yaml'], '', 'ja_JP.UTF-8');
    assert.equal(code, 0);
    assert.match(stdout, /^config\/sekisho\.yaml に問題はありません: リスナー 1、サイト 1、/);
    const bad = await sekisho(['check', '--config', 'test/config/bad/acme-nothing.yaml'], '', 'ja_JP.UTF-8');
    assert.equal(bad.code, 1);
    assert.match(bad.stdout, /に誤りが \d+ 件あります\n$/);
  });

  test('sums up a scan in Japanese, with the same exit code', async () => {
    const log =
      '192.0.2.7 - - [10/Oct/2024:18:00:01 +0000] "GET http://www.example.com/ HTTP/1.1" 404 300 "-" "-"\n';
    const { code, stdout } = await sekisho(['scan', '-'], log, 'ja_JP.UTF-8');
    assert.equal(code, (await sekisho(['scan', '-'], log, 'C.UTF-8')).code);
    assert.match(stdout, /^中継は 1 件も成功していません。内訳: よその URL 1 件（拒否）。/);
  });
});

suite('an audit in Japanese', () => {
  const finding = (result: Finding['result']): Finding => ({
    ...{ technique: 'connect', target: '127.0.0.1:80', address: '127.0.0.1', result, why: 'status 405' },
    ...{ fix: null, rule: 'connect', sent: '' },
  });
  const remarks = { untested: [], slow: [], unheardPorts: [], paths: false };

  test('says whether the target relays, and the limits of the result', () => {
    const of = (...results: Finding['result'][]) => verdictLine('x', results.map(finding), remarks, 'ja');
    assert.match(
      of('relays', 'refuses'),
      /^x は中継します。試した手口 2 種のうち 1 種が通りました（connect）。拒否 1、自ら応答 0。$/,
    );
    assert.match(of('refuses'), /^x は中継しません。/);
    for (const line of [of('unclear'), of()]) assert.match(line, /判定できません/);
    assert.match(limits([finding('refuses')], remarks, 'ja').join(), /--paths を付けてください/);
  });

  test('keeps its columns aligned', () => {
    const lines = report('x', [finding('refuses'), finding('unclear')], remarks, { language: 'ja' }).split(
      '\n',
    );
    // 拒否 and 不明 are four columns wide, of fifteen.
    assert.ok(lines.includes(`  拒否${' '.repeat(11)}connect  status 405`), lines.join('\n'));
  });
});
