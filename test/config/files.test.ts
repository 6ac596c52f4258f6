/** The files in `good` load; each file in `bad` has exactly the faults that its first lines name. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { suite, test } from 'node:test';
import { ConfigError, type Fault } from '../../src/config/fault.ts';
import { loadConfig } from '../../src/config/load.ts';

const here = import.meta.dirname;
const yamlFiles = (folder: string): string[] =>
  readdirSync(`${here}/${folder}`)
    .filter((name) => name.endsWith('.yaml'))
    .map((name) => `${here}/${folder}/${name}`);
const title = (file: string): string => file.slice(here.length + 1);

function faultsOf(file: string): readonly Fault[] {
  try {
    loadConfig(file);
    return [];
  } catch (error) {
    if (error instanceof ConfigError) return error.faults;
    throw error;
  }
}

suite('good configs load', () => {
  for (const file of [...yamlFiles('good'), `${here}/../../config/sekisho.yaml`])
    test(title(file), () => assert.deepEqual(faultsOf(file), []));
});

suite('bad configs give exactly the faults that they name', () => {
  for (const file of yamlFiles('bad')) {
    test(title(file), () => {
      const text = readFileSync(file, 'utf8');
      const expected = [...text.matchAll(/^# fault: (.*?) ?\| (.*)$/gm)].map(([, path, part]) => ({
        path: path!,
        part: part!,
      }));
      const faults = faultsOf(file);
      const reported = faults.map(
        ({ path, value, message, fix, line }) => `${line} ${path} | ${value} ${message}; ${fix}`,
      );
      assert.ok(expected.length > 0, 'the file names no fault');
      for (const { path, part } of expected)
        assert.ok(
          faults.some((fault) => fault.path === path && `${fault.message}; ${fault.fix}`.includes(part)),
          `not reported: ${path} | ${part}\nreported:\n${reported.join('\n')}`,
        );
      assert.equal(faults.length, expected.length, `reported:\n${reported.join('\n')}`);
    });
  }
});

suite('every fault', () => {
  const all = yamlFiles('bad').flatMap((file) =>
    faultsOf(file).map((fault) => ({ file, lines: readFileSync(file, 'utf8').split('\n'), fault })),
  );

  test('has a message and a fix', () => {
    for (const { file, fault } of all)
      assert.ok(fault.message.length > 5 && fault.fix.length > 4, `${title(file)} ${fault.path}`);
  });

  test('with a scalar value points at its line', () => {
    for (const { file, lines, fault } of all) {
      if (typeof fault.value !== 'string' || !/^[\w.:/]+$/.test(fault.value)) continue;
      assert.ok(
        fault.line !== null && lines[fault.line - 1]!.includes(fault.value),
        `${title(file)} ${fault.path} ${fault.line}`,
      );
    }
  });

  test('shows no secret', () => {
    const texts = JSON.stringify(all.map(({ fault }) => fault));
    for (const secret of ['secret@', 'user:secret', 'hunter2', 'a token with spaces'])
      assert.ok(!texts.includes(secret), secret);
  });
});
