/** Alerts in Japanese, and the links of alerts. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { Digest } from '../../src/alerts/digest.ts';
import { placeOf } from '../../src/alerts/link.ts';
import type { AlertMessage } from '../../src/alerts/message.ts';
import { syslogLine } from '../../src/alerts/syslog.ts';
import { parseConfig } from '../../src/config/load.ts';
import { foldedEventOf } from '../support/probe-events.ts';

const japanese = /[\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Han}]/u;

function digestOf(yaml: string): { digest: Digest; messages: AlertMessage[] } {
  const { alerts } = parseConfig(
    `sites: [{ hosts: [www.example.net], backend: welcome }]\nadmin: { url: "https://gate.example.net" }\nalerts: { syslog: "udp://127.0.0.1", daily: "08:00", ${yaml} }`,
    '.',
  );
  assert.ok(alerts);
  const messages: AlertMessage[] = [];
  return {
    messages,
    digest: new Digest({ config: alerts, name: 'gate', emit: (one) => messages.push(one) }),
  };
}

suite('alerts in Japanese', () => {
  test('are completely in Japanese, with the same facts', () => {
    const { digest, messages } = digestOf('language: ja');
    const start = new Date(2026, 4, 4, 12).getTime();
    let now = start;
    const row = foldedEventOf({ time: now, count: 500 });
    digest.tick(now);
    digest.add([row], now);
    digest.ban({ prefix: '192.0.2.7/32', until: now + 600_000, reason: '' }, now);
    for (const kind of ['backend', 'journal', 'account', 'certificate', 'certificate-file', 'ocsp'] as const)
      digest.trouble(kind, 'x', 'why', now);
    for (; now < start + 600_000; now += 1000) digest.tick(now);
    for (const kind of ['backend', 'journal', 'account', 'certificate', 'certificate-file', 'ocsp'] as const)
      digest.trouble(kind, 'x', null, now);
    digest.tick(new Date(2026, 4, 5, 8).getTime());
    const kinds = new Set(messages.map(({ kind }) => kind));
    for (const kind of [
      'rate',
      'summary',
      'daily',
      'backend',
      'journal',
      'account',
      'certificate',
      'ocsp',
    ] as const)
      assert.ok(kinds.has(kind), kind);
    for (const { title, lines } of messages)
      for (const text of [title, ...lines].filter((line) => line !== 'why')) assert.match(text, japanese);
    const [rate] = messages.filter(({ kind }) => kind === 'rate');
    assert.equal(rate!.title, 'gate: 攻撃を受けています。探査はこれまでに 500 件');
    assert.match(rate!.lines.at(-1)!, /^対処: /);
    assert.equal(rate!.facts.probes, 500);
    assert.deepEqual(rate!.facts.rules, [{ name: row.rule, count: 500 }]);
  });

  test('have a BOM in syslog, and English ones have none', () => {
    const message = {
      level: 'notice',
      time: 0,
      kind: 'test',
      id: '1',
      from: 'gate',
      link: null,
      facts: {},
      signed: '',
    } as const;
    assert.match(
      syslogLine({ ...message, title: '通知のテスト', lines: ['a\nb\u009b'] }),
      /\] \ufeff通知のテスト; a\?b\?$/,
    );
    assert.match(syslogLine({ ...message, title: 'a test', lines: [] }), /\] a test$/);
  });
});

suite('the link of an alert', () => {
  test('leads to the event, the client or the health page', () => {
    assert.equal(placeOf({ kind: 'first', event: 7, rule: 'connect' }), 'event/7');
    assert.equal(placeOf({ kind: 'first', rule: 'connect' }), 'events?rule=connect');
    assert.equal(placeOf({ kind: 'summary', event: 7 }), 'event/7');
    assert.equal(placeOf({ kind: 'ban', client: '2001:db8::/64' }), 'client/2001%3Adb8%3A%3A%2F64');
    assert.equal(placeOf({ kind: 'ban' }), 'bans');
    assert.equal(placeOf({ kind: 'backend' }), 'health');
    assert.equal(placeOf({ kind: 'daily' }), 'now');
  });

  test('is that of the most serious of several reasons', () => {
    const { digest, messages } = digestOf('language: en');
    const now = 1_700_000_000_000;
    const first = foldedEventOf({ time: now, rule: 'connect' });
    const passed = foldedEventOf({ time: now, rule: 'host-foreign', action: 'flag' });
    digest.add([first, passed], now);
    digest.recorded(first, 1);
    digest.recorded(passed, 2);
    digest.tick(now + 6000);
    assert.equal(messages[0]!.kind, 'passed');
    assert.equal(messages[0]!.link, 'https://gate.example.net/#/event/2');
  });
});
