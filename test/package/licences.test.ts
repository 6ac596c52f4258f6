/** Everything shipped with the program has a licence that allows it. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { builtInDependencies, runtimeDependencies } from '../../tools/dependencies.ts';
import { root } from '../support/installed-package.ts';

/** Permissive licences, by SPDX name: they require at most that their text and notices are kept. */
const allowed = new Set([
  'MIT',
  'MIT-0',
  '0BSD',
  'ISC',
  'BSD-2-Clause',
  'BSD-3-Clause',
  'Apache-2.0',
  'BlueOak-1.0.0',
]);

suite('licences of shipped packages', () => {
  // Packages built into the dashboard are shipped too.
  const dependencies = [...runtimeDependencies(root), ...builtInDependencies(root)];

  test('are all permissive', () => {
    assert.deepEqual(
      dependencies
        .filter(({ license }) => license === undefined || !allowed.has(license))
        .map(({ name, version, license }) => `${name} ${version}: ${license}`),
      [],
    );
  });

  test('cover every dependency, transitive ones included', () => {
    const names = new Set(dependencies.map(({ name }) => name));
    // A direct dependency, a peer, a dependency of that peer, and one installed under another name.
    for (const name of ['fastify', 'avvio', 'http-proxy-3', 'preact', 'uplot'])
      assert.ok(names.has(name), name);
    for (const name of ['typescript', 'vite', 'playwright-core']) assert.ok(!names.has(name), name);
  });
});
