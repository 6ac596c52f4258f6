/** How a client's connection is read. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readsInPlace } from '../../src/listener/read-in-place.ts';

test('accepted connections are read into our own memory: this Node keeps `onread` where we look for it', () =>
  assert.equal(readsInPlace, true));
