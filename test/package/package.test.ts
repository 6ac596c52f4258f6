/** The package as others get it: packed, installed into an empty folder, used from there. */
import assert from 'node:assert/strict';
import { cpSync, mkdirSync, readFileSync, realpathSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { after, suite, test } from 'node:test';
import { runProcess } from '../support/process.ts';
import { tempDir } from '../support/temp-dir.ts';

const root = resolve(import.meta.dirname, '../..');
const packageJson = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
  readonly version: string;
  readonly exports: Record<string, unknown>;
  readonly devDependencies: Record<string, string>;
};
const { devDependencies } = packageJson;
const folder = await tempDir({ after });
const packed = join(folder, 'packed');
const app = join(folder, 'app');
mkdirSync(packed);
mkdirSync(app);

/** Nothing of an npm around the test; its scripts are run by the runtime that runs this. */
const env = {
  ...Object.fromEntries(
    Object.keys(process.env).flatMap((name) =>
      /^npm_(?!config_registry)/.test(name) ? [[name, undefined] as const] : [],
    ),
  ),
  PATH: `${dirname(process.execPath)}:${process.env.PATH}`,
};

/** Runs to its end. @returns what it wrote to stdout */
async function run(command: string, args: readonly string[], cwd: string): Promise<string> {
  const { code, stdout, stderr } = await runProcess(command, args, { cwd, env });
  assert.equal(code, 0, `${command} ${args.join(' ')}\n${stdout}\n${stderr}`);
  return stdout;
}
const node = (...args: string[]) => run(process.execPath, args, app);

await run('npm', ['pack', '--pack-destination', packed], root);
const tarball = join(packed, `sekisho-${packageJson.version}.tgz`);
writeFileSync(join(app, 'package.json'), '{ "name": "app", "private": true }\n');
await run(
  'npm',
  [
    'install',
    '--prefer-offline',
    '--no-audit',
    '--no-fund',
    tarball,
    `fastify@${devDependencies.fastify}`,
    `@types/node@${devDependencies['@types/node']}`,
  ],
  app,
);

const use = `
const app = Fastify();
app.register(relayGuard, { hosts: ['www.example.net'] });
app.get('/', async (request) => request.relayVerdict.action);
const statuses = [];
for (const host of ['www.example.net', 'www.example.com'])
  statuses.push((await app.inject({ url: '/', headers: { host } })).statusCode);
console.log(statuses.join(' '), typeof forward);
`;

suite('the package, installed', () => {
  test('is imported', async () => {
    writeFileSync(
      join(app, 'esm.mjs'),
      `import Fastify from 'fastify';\nimport { forward, relayGuard } from 'sekisho';\n${use}`,
    );
    assert.equal(await node('esm.mjs'), '200 421 function\n');
  });

  test('is required', async () => {
    writeFileSync(
      join(app, 'cjs.cjs'),
      `const Fastify = require('fastify');\nconst { forward, relayGuard } = require('sekisho');\n(async () => {${use}})();`,
    );
    assert.equal(await node('cjs.cjs'), '200 421 function\n');
  });

  test('brings its types, for import and for require', async () => {
    const types = readFileSync(join(root, 'test/types/plugins.ts'), 'utf8');
    writeFileSync(join(app, 'types.mts'), types.replace("'../../src/index.ts'", "'sekisho'"));
    writeFileSync(
      join(app, 'required.cts'),
      "import sekisho = require('sekisho');\nexport const guard: typeof sekisho.relayGuard = sekisho.relayGuard;\n",
    );
    const options = { module: 'nodenext', target: 'es2024', types: ['node'], strict: true, noEmit: true };
    writeFileSync(
      join(app, 'tsconfig.json'),
      JSON.stringify({
        compilerOptions: { ...options, exactOptionalPropertyTypes: true },
        include: ['*.mts', '*.cts'],
      }),
    );
    await node(join(root, 'node_modules/typescript/bin/tsc'), '-p', '.');
  });

  test('brings its command', async () => {
    const command = realpathSync(join(app, 'node_modules/.bin/sekisho'));
    assert.equal(await node(command, '--version'), `${packageJson.version}\n`);
    cpSync(join(app, 'node_modules/sekisho/config/sekisho.yaml'), join(app, 'sekisho.yaml'));
    await node(command, 'check', '--config', 'sekisho.yaml');
  });

  test('gives away what it means to, and nothing else', async () => {
    writeFileSync(join(app, 'names.mjs'), "console.log(Object.keys(await import('sekisho')).join(' '));\n");
    assert.equal(await node('names.mjs'), 'ConfigError bans forward relayGuard\n');
    assert.deepEqual(Object.keys(packageJson.exports), ['.', './package.json', './config.schema.json']);
  });

  test('ships the build, the config with its schema, and the words that come with it', async () => {
    const files = (await run('tar', ['-tzf', tarball], packed))
      .trim()
      .split('\n')
      .map((file) => file.replace('package/', ''));
    const shipped = /^(package\.json|LICENSE|README\.md|dist\/(src|plugins)\/|config\/)/;
    assert.deepEqual(
      files.filter((file) => !shipped.test(file)),
      [],
    );
    assert.deepEqual(
      files.filter((file) => file.endsWith('.ts') && !file.endsWith('.d.ts')),
      [],
    );
    for (const file of [
      'dist/src/index.js',
      'dist/src/index.d.ts',
      'dist/src/cli.js',
      'config/sekisho.schema.json',
    ])
      assert.ok(files.includes(file), file);
  });
});

suite('the tarball', () => {
  test('is clean to publint', async () => {
    await node(join(root, 'node_modules/publint/src/cli.js'), 'run', tarball, '--strict');
  });

  test('is clean to arethetypeswrong', async () => {
    // Node loads a module by require since 22.12, and TypeScript knows; older ones are not served.
    const rules = ['--profile', 'node16', '--ignore-rules', 'cjs-resolves-to-esm'];
    await node(join(root, 'node_modules/@arethetypeswrong/cli/dist/index.js'), tarball, ...rules);
  });
});
