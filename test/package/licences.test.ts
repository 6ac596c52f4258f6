/** What comes with the program may be given away with it, and says so itself. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { builtInDependencies, runtimeDependencies } from '../../tools/dependencies.ts';
import { root } from '../support/installed-package.ts';

/** They ask for their text and for names to be kept, and for nothing of whoever uses them. SPDX names. */
const allowed = new Set([
  'MIT',
  'MIT-0',
  'ISC',
  'BSD-2-Clause',
  'BSD-3-Clause',
  'Apache-2.0',
  'BlueOak-1.0.0',
]);

suite('the licences of what comes with the program', () => {
  // What is built into the dashboard is given away with it too.
  const dependencies = [...runtimeDependencies(root), ...builtInDependencies(root)];

  test('are among those that may be given away', () => {
    assert.deepEqual(
      dependencies
        .filter(({ license }) => license === undefined || !allowed.has(license))
        .map(({ name, version, license }) => `${name} ${version}: ${license}`),
      [],
    );
  });

  test('are of every package that is named, and of those that these need', () => {
    const names = new Set(dependencies.map(({ name }) => name));
    // Named by us, a peer of ours, needed by that one, and installed under another name.
    for (const name of ['fastify', 'avvio', 'http-proxy-3', 'preact', 'uplot'])
      assert.ok(names.has(name), name);
    for (const name of ['typescript', 'vite', 'playwright-core']) assert.ok(!names.has(name), name);
  });
});
