/** The runner and the peers themselves: a failure, a skip or a hang must not pass. */
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { type TestContext, test } from 'node:test';
import { needs, peer, requirePeer, without } from './peers.ts';
import { runProcess } from './process.ts';
import { tempDir } from './temp-dir.ts';

const root = join(import.meta.dirname, '../..');

/** A separate run with its own coverage, strictness and time limit. */
const clean = {
  NODE_TEST_CONTEXT: undefined,
  NODE_V8_COVERAGE: undefined,
  SEKISHO_CI: undefined,
  SEKISHO_TEST_FILE_LIMIT: undefined,
};

async function runTests(
  t: TestContext,
  body: string,
  env: Record<string, string> = {},
  [node, runner, ...options]: readonly [string, string, ...string[]] = [process.execPath, 'test/run.js'],
) {
  const file = join(await tempDir(t, 'run'), 'sample.test.ts');
  await writeFile(file, `import { test } from 'node:test';\n${body}\n`);
  const args = [join(root, runner), ...options, relative(root, file)];
  return runProcess(node, args, { env: { ...clean, ...env }, timeout: 60_000 });
}

test('a run that passes exits with 0', async (t) => {
  const { code, stdout } = await runTests(t, "test('fine', () => {});");
  assert.equal(code, 0, stdout);
  assert.match(stdout, /✔ fine/);
});

test("an older Node hands over to the checkout's own", { skip: without('node22') }, async (t) => {
  const body = "test('run by ' + process.version, () => {});";
  for (const runner of ['test/run.js', 'test/run.ts']) {
    const { code, stdout } = await runTests(t, body, {}, [peer('node22')!, runner]);
    assert.equal(code, 0, stdout);
    assert.ok(stdout.includes(`✔ run by ${process.version}`), stdout);
  }
});

test('no result is lost, however many arrive at once', async (t) => {
  const { code, stdout } = await runTests(t, "for (let i = 0; i < 3000; i++) test('fine', () => {});");
  assert.equal(code, 0);
  assert.match(stdout, /^ℹ tests 3000$/m);
});

test('a failure exits with 1', async (t) => {
  const { code, stdout } = await runTests(t, "test('broken', () => { throw new Error('why'); });");
  assert.equal(code, 1, stdout);
  assert.match(stdout, /✖ broken/);
});

test('with --again a file that failed counts by its second run, alone, and is named', async (t) => {
  const marker = join(await tempDir(t, 'marker'), 'ran');
  const once = `
import { existsSync, writeFileSync } from 'node:fs';
const second = existsSync('${marker}');
writeFileSync('${marker}', '');
test('sometimes', () => { if (!second) throw new Error('why'); });`;
  const flaky = await runTests(t, once, {}, [process.execPath, 'test/run.js', '--again']);
  assert.equal(flaky.code, 0, flaky.stdout);
  assert.match(flaky.stdout, /\nfailed at first, and passed alone[^\n]*\n {2}sometimes \(/);
  const broken = await runTests(t, "test('broken', () => { throw new Error('why'); });", {}, [
    process.execPath,
    'test/run.js',
    '--again',
  ]);
  assert.equal(broken.code, 1);
  assert.match(broken.stdout, /\nfailed:\n {2}broken \(/);
  assert.doesNotMatch(broken.stdout, /passed alone/);
});

test('a failure is named with the suites around it', async (t) => {
  const suites = (name: string) =>
    `suite('${name}', () => { suite('inner', () => test('broken', () => { throw new Error('why'); })); test('fine', () => {}); });`;
  const { stdout } = await runTests(
    t,
    `import { suite } from 'node:test';\n${suites('one')}\n${suites('two')}`,
  );
  const named = [...stdout.slice(stdout.indexOf('\nfailed:\n')).matchAll(/^ {2}(.*broken) \(/gm)].map(
    ([, name]) => name,
  );
  assert.deepEqual(named, ['one > inner > broken', 'two > inner > broken']);
});

test('a file without tests and a missing path exit with 1', async (t) => {
  assert.equal((await runTests(t, 'process.exitCode = 1; test;')).code, 1);
  const args = [join(root, 'test/run.js'), 'test/nonexistent'];
  const { code, stderr } = await runProcess(process.execPath, args, { env: clean });
  assert.equal(code, 1);
  assert.match(stderr, /test\/nonexistent: no such file or folder/);
});

test('a skip is named, and fails with SEKISHO_CI', async (t) => {
  const body = "test('later', { skip: 'no peer' }, () => {}); test('now', () => {});";
  const lenient = await runTests(t, body);
  assert.equal(lenient.code, 0, lenient.stdout);
  assert.match(lenient.stdout, /skipped:\n {2}later \(\S*sample\.test\.ts:2\): no peer/);
  const strict = await runTests(t, body, { SEKISHO_CI: '1' });
  assert.equal(strict.code, 1);
  assert.match(strict.stdout, /counts as failed here:\n {2}later /);
});

test('a file that hangs fails: open handles, and code that never yields', async (t) => {
  const limit = { SEKISHO_TEST_FILE_LIMIT: '1500' };
  const waiting = await runTests(
    t,
    "await new Promise((done) => setTimeout(done, 1e9)); test('never', () => {});",
    limit,
  );
  assert.equal(waiting.code, 1);
  assert.match(waiting.stdout + waiting.stderr, /still running after 1500 ms; open: .*Timeout/);
  const looping = await runTests(t, "test('loops', () => { for (;;); });", limit);
  assert.equal(looping.code, 1);
});

test('a missing peer skips by name, with the way to install it', () => {
  const reasons: (string | undefined)[] = [];
  const context = { skip: (reason?: string) => reasons.push(reason) };
  assert.equal(needs(context, 'node', 'no-such-server'), false);
  assert.deepEqual(reasons, ['needs no-such-server: run test/install-peers.sh as root']);
  assert.equal(needs(context, 'sh'), true);
  assert.equal(reasons.length, 1);
  assert.equal(without('sh'), false);
  assert.equal(peer('no-such-server'), null);
  assert.throws(() => requirePeer('no-such-server'), /no-such-server is not installed/);
});

test('the install script names what is missing, and never fails', async (t) => {
  const script = join(root, 'test/install-peers.sh');
  const home = await tempDir(t, 'home');
  const env = { SEKISHO_INSTALL_PEERS: 'no', XDG_CACHE_HOME: home, PATH: '/usr/bin:/bin' };
  const { code, stdout, stderr } = await runProcess('/bin/sh', [script], { env });
  assert.deepEqual([code, stderr], [0, '']);
  for (const line of stdout.split('\n').filter(Boolean)) assert.match(line, /^test peers? .*missing/);
});
