/** Which requests an exempt route covers. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ExemptRoutes, type PathReading } from '../../src/guard/exempt-routes.ts';
import { corpusPolicy } from '../support/policy.ts';

const { policy } = corpusPolicy();
const routes = (reading: PathReading = {}): ExemptRoutes => {
  const found = new ExemptRoutes(policy, reading);
  found.add('GET', '/hooks/:name', true);
  found.add('GET', '/hooks/admin', false);
  return found;
};

test('an exempt route covers its method and paths, and not the route beside it', () => {
  const exempt = routes();
  assert.equal(exempt.covers('GET', '/hooks/a'), true);
  for (const [method, path] of [
    ['POST', '/hooks/a'],
    ['GET', '/hooks/admin'],
    ['GET', '/hooks/a/b'],
    ['GET', '/Hooks/a'],
    ['GET', '/hooks/a/'],
    ['GET', '//hooks/a'],
    ['GET', '/other'],
    ['NONSENSE', '/hooks/a'],
  ] as const)
    assert.equal(exempt.covers(method, path), false, `${method} ${path}`);
});

test('paths are read as the app reads them', () => {
  assert.equal(routes({ caseSensitive: false }).covers('GET', '/HOOKS/a'), true);
  assert.equal(routes({ caseSensitive: false }).covers('GET', '/HOOKS/ADMIN'), false);
  assert.equal(routes({ ignoreTrailingSlash: true }).covers('GET', '/hooks/a/'), true);
  assert.equal(routes({ ignoreTrailingSlash: true }).covers('GET', '/hooks/admin/'), false);
  assert.equal(routes({ ignoreDuplicateSlashes: true }).covers('GET', '//hooks//a'), true);
  assert.equal(routes({ useSemicolonDelimiter: true }).covers('GET', '/hooks/admin;a'), false);
  const long = `/hooks/${'a'.repeat(200)}`;
  assert.equal(routes({ maxParamLength: undefined }).covers('GET', long), false, 'at most 100 characters');
  assert.equal(routes({ maxParamLength: 300 }).covers('GET', long), true);
});

test('of two routes that differ only in their constraints, the first one counts', () => {
  for (const first of [true, false]) {
    const exempt = new ExemptRoutes(policy, {});
    exempt.add('GET', '/a', first);
    exempt.add('GET', '/a', !first);
    assert.equal(exempt.covers('GET', '/a'), first);
  }
});

test('without an exempt route nothing is covered', () => {
  const none = new ExemptRoutes(policy, {});
  none.add('GET', '/a', false);
  assert.equal(none.covers('GET', '/a'), false);
});
