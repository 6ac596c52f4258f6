/** The package, packed and installed: what it gives away, by import and by require, and what it ships. */
import assert from 'node:assert/strict';
import { cpSync, realpathSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, suite, test } from 'node:test';
import { entries } from '../../tools/library.ts';
import { installedPackage, packageJson, root, run } from '../support/installed-package.ts';

const { app, node, tarball } = await installedPackage({ after }, []);

const use = `
const app = Fastify();
app.register(relayGuard, { hosts: ['www.example.net'] });
app.get('/', async (request) => request.relayVerdict.action);
const statuses = [];
for (const host of ['www.example.net', 'www.example.com'])
  statuses.push((await app.inject({ url: '/', headers: { host } })).statusCode);
console.log(statuses.join(' '), typeof forward);
const watched = Fastify();
watched.register(metrics, { token: false });
watched.register(dashboard, { listen: '127.0.0.1:0', token: 'a-token-for-tests-0123456789' });
watched.register(alerts, { webhook: 'http://127.0.0.1:9/' });
watched.register(relayGuard, { hosts: ['www.example.net'] });
watched.register(rateLimit, { max: 1 });
await watched.ready();
const page = await fetch(watched.relayDashboard.url, {
  headers: { authorization: 'Bearer a-token-for-tests-0123456789' },
});
const limited = [];
for (const _ of [1, 2]) limited.push((await watched.inject('/metrics')).statusCode);
console.log(page.status, (await page.text()).includes('/assets/'), limited.join(' '));
await watched.close();
const listed = Fastify();
// Long enough to be read in a thread.
const lines = Array.from({ length: 30_000 }, (_, i) => '198.18.' + (i >> 8) + '.' + (i & 255));
fs.writeFileSync('list.txt', lines.join('\\n'));
await listed.register(bans, { lists: [process.cwd() + '/list.txt'], journal: 'bans.db' });
console.log(listed.bans.isBanned('198.18.1.1/32'), listed.bans.isBanned('198.51.100.1/32'));
await listed.close();
`;

suite('the package, installed', () => {
  test('can be imported', async () => {
    const imports =
      "import Fastify from 'fastify';\nimport { alerts, bans, dashboard, forward, metrics, rateLimit, relayGuard } from 'sekisho';\nimport fs from 'node:fs';\n";
    writeFileSync(join(app, 'esm.mjs'), imports + use);
    assert.equal(await node(['esm.mjs']), '200 421 function\n200 true 200 429\ntrue false\n');
  });

  test('can be required', async () => {
    const requires =
      "const Fastify = require('fastify');\nconst fs = require('node:fs');\nconst { alerts, bans, dashboard, forward, metrics, rateLimit, relayGuard } = require('sekisho');\n";
    writeFileSync(join(app, 'cjs.cjs'), `${requires}(async () => {${use}})();`);
    assert.equal(await node(['cjs.cjs']), '200 421 function\n200 true 200 429\ntrue false\n');
  });

  test('has its command', async () => {
    const command = realpathSync(join(app, 'node_modules/.bin/sekisho'));
    assert.equal(await node([command, '--version']), `${packageJson.version}\n`);
    cpSync(join(app, 'node_modules/sekisho/config/sekisho.yaml'), join(app, 'sekisho.yaml'));
    await node([command, 'check', '--config', 'sekisho.yaml']);
  });

  test('exports exactly what it should', async () => {
    writeFileSync(join(app, 'names.mjs'), "console.log(Object.keys(await import('sekisho')).join(' '));\n");
    assert.equal(
      await node(['names.mjs']),
      'ConfigError alerts bans dashboard forward guard metrics rateLimit relayGuard\n',
    );
    assert.deepEqual(Object.keys(packageJson.exports), [
      ...Object.keys(entries).map((name) => (name === 'index' ? '.' : `./${name}`)),
      './package.json',
      './config.schema.json',
    ]);
  });
});

suite('the tarball', () => {
  test('ships the build, the config with its schema, and the documents', async () => {
    const listing = await run('tar', ['-tzf', tarball], app);
    const files = listing
      .trim()
      .split('\n')
      .map((file) => file.replace('package/', ''));
    const shipped =
      /^(package\.json|LICENSE|README\.md|dist\/(src|plugins|lib|program|dashboard|man)\/|config\/)/;
    assert.deepEqual(
      files.filter((file) => !shipped.test(file) || /(?<!\.d)\.c?ts$/.test(file)),
      [],
    );
    for (const file of [
      'lib/index.js',
      'src/index.d.ts',
      'program/cli.cjs',
      'dashboard/index.html',
      'man/sekisho.1',
    ])
      assert.ok(files.includes(`dist/${file}`), file);
    assert.ok(files.includes('config/sekisho.schema.json'));
  });

  test('passes publint', async () => {
    await node([join(root, 'node_modules/publint/src/cli.js'), 'run', tarball, '--strict']);
  });

  test('passes arethetypeswrong', async () => {
    await node([join(root, 'node_modules/@arethetypeswrong/cli/dist/index.js'), tarball]);
  });
});
