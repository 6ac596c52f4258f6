import assert from 'node:assert/strict';
import { test } from 'node:test';
import { UpstreamError } from '../../src/forward/upstream-error.ts';

test('a backend failure carries a code, as every error of the package does', () => {
  assert.equal(new UpstreamError(502, 'backend closed the connection').code, 'SEKISHO_ERR_BACKEND');
});
