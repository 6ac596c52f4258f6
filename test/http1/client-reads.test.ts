/** How a client's connection is read. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readsInPlace } from '../../src/listener/read-in-place.ts';

test('accepted connections are read into memory of the program: this Node keeps `onread` where it is looked for', () =>
  assert.equal(readsInPlace, true));
