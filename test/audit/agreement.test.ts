/** More than forty real servers, open and closed: the audit's verdict on each, and that the how-to page agrees. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { without } from '../support/peers.ts';
import { agreement, type Compared, peers, tableInPage } from './agreement.ts';
import { setUps } from './set-ups.ts';

const root =
  process.getuid?.() === 0 ? false : 'needs root: nmap connects to ports 80 and 53 of a loopback address';

describe('set-ups', { skip: without(...peers) || root }, () => {
  const stops: (() => unknown)[] = [];
  let table = '';
  let compared: readonly Compared[] = [];
  before(async () => {
    ({ table, compared } = await agreement({ after: (stop) => void stops.push(stop) }));
  });
  after(() => Promise.all(stops.reverse().map((stop) => stop())));

  test('at least twenty are open and twenty closed', () => {
    assert.ok(setUps.filter(({ open }) => open).length >= 20);
    assert.ok(setUps.filter(({ open }) => !open).length >= 20);
  });

  for (const [index, { name, open, through, fix, inconclusive }] of setUps.entries()) {
    test(`${name} ${open ? 'relays' : inconclusive ? 'is inconclusive' : 'does not relay'}`, () => {
      const { audited, exitCode } = compared[index]!;
      const unclear = audited.findings.filter(({ result }) => result === 'unclear');
      const seen = `relays: ${audited.relays.join()}; unclear: ${unclear.map(({ technique, why }) => `${technique}: ${why}`).join('\n')}`;
      assert.equal(exitCode, open ? 1 : inconclusive ? 3 : 0, seen);
      if (!open) return assert.deepEqual(audited.relays, []);
      const finding = audited.findings.find(({ technique }) => technique === through);
      assert.equal(finding?.result, 'relays', seen);
      if (fix !== undefined) assert.match(finding.fix ?? '', fix);
    });
  }

  test('nmap, nuclei and the audit agree with the table in the how-to page', () =>
    assert.equal(tableInPage(), table));
});
