import assert from 'node:assert/strict';
import { test } from 'node:test';
import { without } from '../support/peers.ts';
import { agreementTable, peers, tableInPage } from './agreement.ts';

const root =
  process.getuid?.() === 0 ? false : 'needs root: nmap asks at port 80 and 53 of a loopback address';

test('nmap and the audit agree as the how-to page says', { skip: without(...peers) || root }, async (t) => {
  assert.equal(tableInPage(), await agreementTable(t));
});
