/** Recounts the rules in public captures, which the rules page quotes, if the captures are available. */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { suite, test } from 'node:test';
import { captures } from '../../docs/generate/captures.ts';
import { counts, scanned } from './scanned.ts';

const root = resolve(import.meta.dirname, '../..');
const folder = [process.env.SEKISHO_LOGS, '../shared/data/logs', '../../shared/data/logs']
  .filter((path) => path !== undefined)
  .map((path) => resolve(root, path))
  .find((path) => existsSync(path));
const skip = folder === undefined ? 'needs the real logs: SEKISHO_LOGS names their folder' : false;

suite('the counts of public captures', () => {
  for (const { folder: capture, requests, rules } of captures)
    test(capture, { skip }, async () => {
      const result = await scanned([join(folder!, capture)]);
      assert.equal(result.requests, requests);
      assert.deepEqual(
        counts(result.findings, ({ rule }) => rule),
        rules,
      );
    });
});
