/** The accusations in abuse reports. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { JournalEvent } from '../../src/events/journal-query.ts';
import { noOrigin } from '../../src/geo/origin.ts';
import { abuseReport } from '../../src/reports/abuse-report.ts';
import { evidenceOf } from '../../src/reports/journal-evidence.ts';
import { xarf } from '../../src/reports/xarf.ts';
import type { Action, RuleId } from '../../src/rules/catalogue.ts';

const event = (rule: RuleId, action: Action = 'block'): JournalEvent =>
  ({
    ...{ first: 1_760_000_000_000, last: 1_760_000_000_000, count: 1, client: '203.0.113.7' },
    ...{ listener: 'http 192.0.2.80:80', rule, action, answer: action === 'block' ? 421 : null },
    ...{ destination: null, request: 'GET / HTTP/1.1', bytes: 'GET / HTTP/1.1' },
  }) as JournalEvent;
const by = { org: 'Example', contact: 'abuse@example.net' };
const report = (...rules: RuleId[]): string =>
  abuseReport(
    '203.0.113.7',
    rules.map((rule) => event(rule)),
    by,
    noOrigin('203.0.113.7'),
  );

suite('an abuse report', () => {
  test('takes only refused rows that count as evidence', () => {
    const innocent = [
      ...(['rate-limited', 'client-banned', 'tls-on-plaintext', 'header-overflow'] as const).map((rule) =>
        event(rule),
      ),
      event('url-in-path', 'flag'),
      event('absolute-form-foreign', 'flag'),
    ];
    assert.deepEqual(evidenceOf(innocent), []);
    const relay = event('connect');
    assert.deepEqual(evidenceOf([...innocent, relay]), [relay]);
  });

  test('accuses of relaying if there was an attempt', () => {
    for (const rules of [['connect'], ['not-http', 'socks5'], ['smtp-foreign-recipient']] as const) {
      assert.match(report(...rules), /tried to use our server as an open relay/);
      assert.match(report(...rules), /^Subject: Abuse report: attempts to relay through our server from/);
    }
  });

  test('does not accuse of relaying for an RDP cookie, a strange method or a wrong password', () => {
    for (const rule of ['not-http', 'method-unknown', 'smtp-auth-failed', 'host-foreign', 'framing'] as const)
      assert.doesNotMatch(report(rule), /relay|compromised/, rule);
    assert.match(report('smtp-auth-failed'), /sign in to our mail server/);
  });

  test('says the same in X-ARF', () => {
    const { description, tags } = xarf('203.0.113.7', [event('not-http')], by) as Record<string, unknown>;
    assert.equal(description, 'Probes of our server: not-http.');
    assert.deepEqual(tags, ['activity:probing']);
  });
});
