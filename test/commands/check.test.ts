import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { suite, test } from 'node:test';

const root = `${import.meta.dirname}/../..`;

interface Run {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

const sekisho = (...args: string[]): Promise<Run> =>
  new Promise((done) => {
    execFile(
      process.execPath,
      ['src/cli.ts', ...args],
      { cwd: root, timeout: 30_000 },
      (error, stdout, stderr) =>
        done({ code: error === null ? 0 : Number(error.code ?? -1), stdout, stderr }),
    );
  });

suite('sekisho check', () => {
  test('reports a good config in one line', async () => {
    const { code, stdout, stderr } = await sekisho('check', '--config', 'config/sekisho.yaml');
    assert.equal(stderr, '');
    assert.match(stdout, /^config\/sekisho\.yaml is fine: 1 listener, 1 site, 2 hosts, .*\n$/);
    assert.equal(code, 0);
  });

  test('reports each fault with its line, path, value and fix', async () => {
    const { code, stdout } = await sekisho('check', '--config', 'test/config/bad/admin.yaml');
    assert.equal(code, 1);
    assert.match(
      stdout,
      /^test\/config\/bad\/admin\.yaml:6: admin\.listen\n {2}"localhost:9090" is a name, .*\n {2}fix: write 127\.0\.0\.1:9090$/m,
    );
    assert.match(stdout, /has 2 faults\n$/);
    assert.ok(!stdout.includes('hunter2'));
  });

  test('--json: one object per fault on stdout, text for people on stderr', async () => {
    const { code, stdout, stderr } = await sekisho(
      'check',
      '--json',
      '--config',
      'test/config/bad/prefixes.yaml',
    );
    assert.equal(code, 1);
    const faults = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    assert.equal(faults.length, 7);
    assert.deepEqual(Object.keys(faults[0]!), ['file', 'path', 'value', 'message', 'fix', 'line', 'mend']);
    assert.match(stderr, /has 7 faults/);
  });

  test('--json of a fine config leaves stdout empty', async () => {
    const { code, stdout, stderr } = await sekisho('check', '--json', '--config', 'config/sekisho.yaml');
    assert.deepEqual([code, stdout], [0, '']);
    assert.match(stderr, /is fine/);
  });

  test('a missing file is invalid input', async () => {
    const { code, stdout } = await sekisho('check', '--config', 'no/such.yaml');
    assert.equal(code, 1);
    assert.match(stdout, /^no\/such\.yaml\n {2}is missing/);
  });
});

suite('the command line', () => {
  for (const args of [
    [],
    ['check'],
    ['check', '--config'],
    ['check', '--config', 'x', 'y'],
    ['--nope'],
    ['nope'],
    ['check', '--config', 'x', '--nope'],
  ])
    test(`sekisho ${args.join(' ')} is a usage error`, async () => {
      const { code, stdout, stderr } = await sekisho(...args);
      assert.deepEqual([code, stdout], [2, '']);
      assert.notEqual(stderr, '');
    });

  test('-V and --version print the version of the package', async () => {
    for (const flag of ['-V', '--version']) assert.match((await sekisho(flag)).stdout, /^\d+\.\d+\.\d+\n$/);
  });

  test('--help names every command and the exit codes', async () => {
    const { code, stdout } = await sekisho('--help');
    assert.equal(code, 0);
    for (const name of ['start', 'check', 'explain', 'Exit codes']) assert.ok(stdout.includes(name), name);
  });
});
