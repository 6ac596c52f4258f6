/** The examples with the package installed: an app's own tests pass with the guard and without it. */
import assert from 'node:assert/strict';
import { cpSync, globSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, suite, test } from 'node:test';
import { cleanEnv, installedPackage, root } from '../support/installed-package.ts';
import { startProcess } from '../support/process.ts';

const { app, node } = await installedPackage({ after }, [
  '@fastify/cors',
  '@fastify/helmet',
  '@fastify/websocket',
  '@types/node',
  '@types/ws',
  'express',
]);

suite('the examples', () => {
  cpSync(join(root, 'examples'), join(app, 'examples'), { recursive: true });
  const suites = globSync('examples/*/app.test.{ts,js}', { cwd: app }).sort();

  test('are five', () => {
    assert.deepEqual(
      suites.map((file) => file.split('/')[1]),
      ['api', 'chat', 'express', 'node', 'reverse-proxy'],
    );
  });

  for (const guard of ['on', 'off']) {
    test(`pass their own tests, guard ${guard}`, async () => {
      const out = await node(['--test', '--test-isolation=none', ...suites], { GUARD: guard });
      assert.match(out, /^ℹ pass 16$/m);
      assert.match(out, /^ℹ fail 0$/m);
    });
  }

  test('start with their documented command', async (t) => {
    const env = { ...cleanEnv, PORT: '0' };
    const server = await startProcess(t, process.execPath, ['examples/api/server.ts'], { cwd: app, env });
    const [, url] = await server.waitForLine(/^(http:\/\/127\.0\.0\.1:\d+)$/m);
    assert.equal((await fetch(`${url}/notes`)).status, 200);
    await server.stop();
  });
});

test('the types are there, for import and for require', async () => {
  const types = readFileSync(join(root, 'test/types/plugins.ts'), 'utf8');
  writeFileSync(join(app, 'types.mts'), types.replace("'../../src/index.ts'", "'sekisho'"));
  writeFileSync(
    join(app, 'required.cts'),
    "import sekisho = require('sekisho');\nexport const guard: typeof sekisho.relayGuard = sekisho.relayGuard;\n",
  );
  const options = {
    module: 'nodenext',
    target: 'es2024',
    types: ['node'],
    strict: true,
    noEmit: true,
    skipLibCheck: true,
  };
  const compilerOptions = { ...options, exactOptionalPropertyTypes: true };
  writeFileSync(join(app, 'tsconfig.json'), JSON.stringify({ compilerOptions, include: ['*.mts', '*.cts'] }));
  await node([join(root, 'node_modules/typescript/bin/tsc'), '-p', '.']);
});
