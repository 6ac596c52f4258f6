/** The packed program under Node's permission model, with the example's flags: it works, and everything else is denied. */
import assert from 'node:assert/strict';
import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, suite, test } from 'node:test';
import { eventually } from '../support/eventually.ts';
import { cleanEnv, root, run } from '../support/installed-package.ts';
import type { Owner } from '../support/owner.ts';
import { startProcess } from '../support/process.ts';
import { exchange } from '../support/raw-client.ts';
import { tempDir } from '../support/temp-dir.ts';

const built = await tempDir({ after }, 'bundle');
await run(process.execPath, ['tools/bundle.ts', built, '--if-needed'], root);
const example = readFileSync(join(root, 'config/examples/systemd/permission.conf'), 'utf8');
const flags = /^Environment="NODE_OPTIONS=(.*)"$/m.exec(example)![1]!;

const token = 'a-token-for-tests-0123456789';
const get = 'GET / HTTP/1.1\r\nHost: www.example.net\r\nConnection: close\r\n\r\n';

/** The paths that the example names, below a temporary folder. */
async function machine(owner: Owner) {
  const folder = await tempDir(owner, 'permission');
  const at = (path: string) => join(folder, path);
  for (const path of [
    'usr/local/bin',
    'usr/lib/sekisho',
    'etc/sekisho',
    'var/lib/sekisho',
    'var/log/sekisho',
  ])
    mkdirSync(at(path), { recursive: true });
  cpSync(join(built, 'sekisho.cjs'), at('usr/local/bin/sekisho'));
  const options = flags.replaceAll('=/', `=${folder}/`);
  const start = (yaml: string, more = '') => {
    writeFileSync(at('etc/sekisho/sekisho.yaml'), yaml);
    return startProcess(
      owner,
      process.execPath,
      [at('usr/local/bin/sekisho'), 'start', '--config', at('etc/sekisho/sekisho.yaml')],
      { cwd: at('var/lib/sekisho'), env: { ...cleanEnv, NODE_OPTIONS: `${options}${more}` } },
    );
  };
  return { at, start };
}

const config = (more: string, journal: string): string => `listen: ["127.0.0.1:0"]
sites: [{ hosts: [www.example.net], backend: welcome }]
admin: { listen: "127.0.0.1:0", token: ${token} }
journal: { path: ${journal} }
${more}
`;

suite('Node’s permission model', () => {
  for (const [workers, more] of [
    [1, ''],
    [2, ' --allow-child-process'],
  ] as const)
    test(`with ${workers}: journal, log file, long lists, dashboard and reload work`, async (t) => {
      const { at, start } = await machine(t);
      const others = Array.from({ length: 40_000 }, (_, i) => `198.18.${(i >> 8) & 255}.${i & 255}\n`);
      writeFileSync(at('etc/sekisho/list.txt'), others.join(''));
      const child = await start(
        config(
          `workers: ${workers}\nbans: { lists: [${at('etc/sekisho/list.txt')}] }\nlog: { file: ${at('var/log/sekisho/sekisho.log')} }`,
          at('var/lib/sekisho/sekisho.db'),
        ),
        more,
      );
      const [, port] = await child.waitForLine(/^listening http 127\.0\.0\.1:(\d+)$/m, 30_000);
      const [, admin] = await child.waitForLine(/^listening admin (http:\S+)$/m);
      const status = async (request: string) => (await exchange(Number(port), request)).responses[0]?.status;
      assert.deepEqual(
        [await status(get), await status('GET http://www.example.com/ HTTP/1.0\r\n\r\n')],
        [200, 421],
      );
      const ask = (path: string) =>
        fetch(new URL(path, admin), {
          headers: { authorization: `Bearer ${token}` },
          signal: AbortSignal.timeout(10_000),
        });
      assert.match(await (await ask('/')).text(), /<script/);
      await eventually(
        async () => ((await (await ask('/api/events')).json()) as { events: unknown[] }).events.length === 1,
        'the journal has the probe',
      );
      writeFileSync(at('etc/sekisho/list.txt'), `${others.join('')}127.0.0.1\n`);
      child.signal('SIGHUP');
      await eventually(async () => (await status(get)) === 403, 'the list is read again');
      child.signal('SIGTERM');
      assert.deepEqual(await child.exited, { code: 0, signal: null }, child.stderr());
      assert.match(readFileSync(at('var/log/sekisho/sekisho.log'), 'utf8'), /relay probe blocked/);
      assert.doesNotMatch(
        child.stderr() + readFileSync(at('var/log/sekisho/sekisho.log'), 'utf8'),
        /ERR_ACCESS/,
      );
    });

  test('paths and programs that the example does not name are denied, and the message names the flag', async (t) => {
    const { at, start } = await machine(t);
    writeFileSync(at('elsewhere.txt'), '192.0.2.1\n');
    for (const [more, why] of [
      [`bans: { lists: [${at('elsewhere.txt')}] }`, /elsewhere\.txt" can't be read/],
      [`log: { file: ${at('elsewhere.log')} }`, /^sekisho: \/\S+: .*--allow-fs-/m],
      ['workers: 2', /--allow-child-process/],
    ] as const) {
      const child = await start(config(more, at('var/lib/sekisho/sekisho.db')));
      assert.equal((await child.exited).code, 1, more);
      assert.match(child.stderr(), why);
      assert.doesNotMatch(child.stderr(), /\n\s+at /, 'no stack');
    }
  });
});
