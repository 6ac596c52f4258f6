/** The command `sekisho export`. */
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { suite, test } from 'node:test';
import { parseConfig } from '../../src/config/load.ts';
import { targetNames } from '../../src/export/names.ts';
import { exportSource } from '../../src/export/source.ts';
import { targets } from '../../src/export/targets.ts';
import { ruleIds } from '../../src/rules/catalogue.ts';
import { runProcess } from '../support/process.ts';
import { tempDir } from '../support/temp-dir.ts';

const cli = resolve(import.meta.dirname, '../../src/cli.ts');
const sekisho = (...args: string[]) => runProcess(process.execPath, [cli, ...args]);

const yaml = `
listen: ["127.0.0.1:8080"]
sites: [{ hosts: [www.example.net], backend: welcome }]
policy: { rules: { proxy-connection: allow, connect: { answer: drop } } }
bans: { allow: [192.0.2.0/24] }
`;

suite('sekisho export', () => {
  test('prints the first part, or the named one', async (t) => {
    const file = join(await tempDir(t, 'export'), 'sekisho.yaml');
    await writeFile(file, yaml);
    const source = exportSource(parseConfig(yaml, '.'));
    const [http, server] = targets.nginx.parts(source);
    const first = await sekisho('export', 'nginx', '--config', file);
    assert.deepEqual([first.stdout, first.stderr], [http.text, '']);
    const named = await sekisho('export', 'nginx', '--config', file, '--part', 'server');
    assert.equal(named.stdout, server!.text);
  });

  for (const target of targetNames) {
    test(`--json has the files of ${target}, and every rule once`, async (t) => {
      const file = join(await tempDir(t, 'export'), 'sekisho.yaml');
      await writeFile(file, yaml);
      const { stdout, stderr, code } = await sekisho('export', target, '--config', file, '--json');
      assert.deepEqual([code, stderr, stdout.trimEnd().split('\n').length], [0, '', 1]);
      const output = JSON.parse(stdout);
      assert.deepEqual(Object.keys(output), [
        'target',
        'files',
        'expressed',
        'partly',
        'notExpressed',
        'notBlocked',
      ]);
      assert.equal(output.target, target);
      const parts = targets[target].parts(exportSource(parseConfig(yaml, '.')));
      assert.deepEqual(
        output.files,
        parts.map(({ name, path, text }) => ({ name, path, content: text })),
      );
      // Must agree with the comment at the top of the text.
      const head = /^(?:#.*\n)+/.exec(parts[0].text)![0];
      for (const { path } of parts) assert.ok(path === null || head.includes(path), `${path}`);
      const rules = [...output.expressed, ...output.partly, ...output.notExpressed, ...output.notBlocked];
      assert.deepEqual(rules.map(({ rule }) => rule).toSorted(), ruleIds.toSorted());
      for (const { rule, why } of [...output.partly, ...output.notExpressed])
        assert.ok(head.includes(`\n#   ${rule}: ${why}\n`), rule);
      assert.deepEqual(
        output.notBlocked.find(({ rule }: { rule: string }) => rule === 'proxy-connection'),
        { rule: 'proxy-connection', action: 'allow' },
      );
      assert.ok(output.expressed.some(({ rule }: { rule: string }) => rule === 'connect'));
    });
  }

  test('--json with --part has only that file', async () => {
    const { stdout } = await sekisho('export', 'nginx', '--json', '--part', 'server');
    assert.deepEqual(
      JSON.parse(stdout).files.map(({ name }: { name: string }) => name),
      ['server'],
    );
  });

  test('an unknown target or part is a usage error', async () => {
    assert.equal((await sekisho('export', 'iis')).code, 2);
    for (const json of [[], ['--json']]) {
      const result = await sekisho('export', 'nginx', '--part', 'x', ...json);
      assert.deepEqual([result.code, result.stdout], [2, '']);
      assert.match(result.stderr, /has no part "x"\n {2}fix: write one of: http, server, default/);
    }
  });

  for (const name of targetNames) {
    test(`the top of the ${name} export names every rule of the catalogue once`, () => {
      const [first] = targets[name].parts(exportSource(parseConfig(yaml, '.')));
      const head = /^(?:#.*\n)+/.exec(first.text)![0];
      for (const rule of ruleIds)
        assert.equal(head.match(new RegExp(`^# {3}${rule}(?::|$)`, 'gm'))?.length, 1, rule);
      assert.match(
        head,
        /Not blocked by this config, so not refused here:\n(?:# {3}.*\n)*# {3}proxy-connection: allow/,
      );
    });
  }
});
