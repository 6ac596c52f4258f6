/** What a bare guard costs: the packages that come with it, and what its import loads. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, suite, test } from 'node:test';
import { cleanEnv, installedPackage, packageJson, run } from '../support/installed-package.ts';
import { runProcess } from '../support/process.ts';
import { tempDir } from '../support/temp-dir.ts';

const { tarball } = await installedPackage({ after }, []);
// Not below the app with all packages: Node looks for packages upwards.
const light = await tempDir({ after }, 'light');
writeFileSync(join(light, 'package.json'), '{ "name": "light", "private": true, "type": "module" }\n');
const flags = ['--omit=optional', '--prefer-offline', '--no-audit', '--no-fund'];
await run('npm', ['install', ...flags, tarball, `fastify@${packageJson.devDependencies.fastify}`], light);

const script = async (text: string) => {
  writeFileSync(join(light, 'script.mjs'), text);
  return runProcess(process.execPath, ['script.mjs'], { cwd: light, env: { ...cleanEnv } });
};

suite('without optional packages', () => {
  test('at most 12 packages are installed, besides Fastify and its own', () => {
    const { packages } = JSON.parse(readFileSync(join(light, 'package-lock.json'), 'utf8')) as {
      packages: Record<string, { optional?: true; dependencies?: Record<string, string> }>;
    };
    const reached = (name: string, all = new Set<string>()): Set<string> => {
      if (all.has(name)) return all;
      all.add(name);
      for (const next of Object.keys(packages[`node_modules/${name}`]?.dependencies ?? {}))
        reached(next, all);
      return all;
    };
    const ofFastify = reached('fastify');
    const added = [...reached('sekisho')].filter((name) => !ofFastify.has(name));
    const installed = readdirSync(join(light, 'node_modules'));
    assert.ok(added.length <= 12, added.join(' '));
    for (const name of [
      'yaml',
      'typebox',
      'undici',
      'nodemailer',
      'prom-client',
      '@opentelemetry',
      'commander',
    ])
      assert.ok(!installed.includes(name), name);
  });

  for (const path of ['relay-guard', 'guard', 'forward', 'bans', 'rate-limit'])
    test(`sekisho/${path} loads no SQLite and no package but its own few`, async () => {
      const { code, stdout, stderr } = await script(`
        import Fastify from 'fastify';
        const app = Fastify();
        await app.ready();
        const before = new Set(process.moduleLoadList);
        await import('sekisho/${path}');
        console.log([...process.moduleLoadList].filter((name) => !before.has(name)).join('\\n'));
      `);
      assert.equal(code, 0, stderr);
      assert.doesNotMatch(stdout, /sqlite|undici|zlib/);
    });

  test('a plugin names a missing package and how to install it', async () => {
    const { code, stdout, stderr } = await script(`
      import Fastify from 'fastify';
      import { alerts, dashboard, metrics, relayGuard } from 'sekisho';
      for (const [plugin, options] of [
        [metrics, { token: false }],
        [alerts, { webhook: 'http://127.0.0.1:9/' }],
        [alerts, { mail: { smarthost: 'smtp://127.0.0.1:25', from: 'a@example.net', to: ['b@example.net'] } }],
        [dashboard, { token: 'a-token-for-tests-0123456789', listen: '127.0.0.1:0' }],
      ]) {
        const app = Fastify();
        app.register(relayGuard, { hosts: ['www.example.net'] });
        app.register(plugin, options);
        console.log(await app.ready().then(() => 'ready', ({ code, message }) => code + ' ' + message));
      }
    `);
    assert.equal(code, 0, stderr);
    const lines = stdout.trimEnd().split('\n');
    assert.deepEqual(lines.slice(0, 3), [
      'SEKISHO_ERR_PACKAGE metrics needs the package prom-client, which is not installed: npm install prom-client',
      'SEKISHO_ERR_PACKAGE alerts by webhook needs the package undici, which is not installed: npm install undici',
      'SEKISHO_ERR_PACKAGE alerts by mail needs the package nodemailer, which is not installed: npm install nodemailer',
    ]);
    assert.match(lines[3]!, /^SEKISHO_ERR_PACKAGE the dashboard needs the package /);
  });
});
