/** The same random requests through Sekisho, nginx and Apache: docs/explanation/same-request.md. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { root } from '../support/installed-package.ts';
import { needs } from '../support/peers.ts';
import { compare, disagreement, report } from './compare.ts';
import { explain, reasons } from './explained.ts';
import { type Reached, startLanes } from './servers.ts';

suite('the same request behind Sekisho, nginx and Apache', () => {
  test('the same requests reach the backends, and ambiguous ones are refused', async (t) => {
    if (!needs(t, 'nginx', 'apache2')) return;
    const lanes = await startLanes(t, 12);
    const totals = await compare(lanes, 20_260_101, 2500, explain);
    t.diagnostic(report(totals));
    assert.deepEqual(totals.unexplained, []);
    assert.deepEqual(
      lanes.flatMap(({ faults }) => faults),
      [],
    );
    // Requests that no server accepts, or that all read alike, would prove nothing.
    for (const count of [totals.sekisho, totals.nginx, totals.apache]) assert.ok(count > 500, report(totals));
    assert.ok(totals.ambiguous > 5, report(totals));
  });

  test('a difference is a disagreement', () => {
    const one: Reached = { method: 'GET', target: '/a', host: 'www.example.net', body: '' };
    const none: Reached[] = [];
    assert.equal(disagreement({ sekisho: [one], nginx: [one], apache: none }), null);
    assert.equal(disagreement({ sekisho: none, nginx: [one], apache: [one, one] }), null);
    for (const other of [
      [one, one],
      [{ ...one, method: 'HEAD' }],
      [{ ...one, host: 'evil.example' }],
      [{ ...one, body: 'a' }],
    ]) {
      const reaches = { sekisho: [one], nginx: [one], apache: other };
      const what = disagreement(reaches);
      assert.equal(what, 'Apache reads another request');
      assert.equal(explain({ bytes: '', what, reaches }), null);
    }
    const refused = { sekisho: [one], nginx: none, apache: none };
    assert.equal(disagreement(refused), 'both others refuse it');
    assert.equal(explain({ bytes: 'GET /a HTTP/1.1\r\n\r\n', what: '', reaches: refused }), null);
    const resolved = { sekisho: [{ ...one, target: '//a' }], nginx: none, apache: [one] };
    assert.equal(explain({ bytes: '', what: '', reaches: resolved }), reasons.path);
    const further = (host: string) => ({ sekisho: [one], nginx: [one, { ...one, host }], apache: [one] });
    assert.equal(explain({ bytes: '', what: '', reaches: further('evil.example') }), reasons.foreign);
    assert.equal(explain({ bytes: '', what: '', reaches: further(one.host) }), null);
  });

  test('the docs explain every reason', () => {
    const page = readFileSync(join(root, 'docs/explanation/same-request.md'), 'utf8');
    const explained = [...page.matchAll(/^- \*\*(.+?)\*\*/gm)].map(([, reason]) => reason);
    assert.deepEqual(explained.sort(), Object.values(reasons).sort());
  });
});
