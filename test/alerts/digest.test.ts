import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { Digest, settleTime } from '../../src/alerts/digest.ts';
import type { AlertMessage } from '../../src/alerts/message.ts';
import { parseConfig } from '../../src/config/load.ts';
import type { FoldedEvent } from '../../src/events/fold.ts';
import type { OriginOf } from '../../src/geo/origin.ts';
import { ruleIds } from '../../src/rules/catalogue.ts';
import { foldedEventOf } from '../support/probe-events.ts';

const minute = 60_000;

/** A digest with a clock that the test moves. */
function digestOf(yaml = '', known: Iterable<string> = ruleIds, originOf?: OriginOf) {
  const config = parseConfig(
    `sites: [{ hosts: [www.example.net], backend: welcome }]\nalerts: { syslog: "udp://127.0.0.1", ${yaml} }`,
    '.',
  );
  assert.ok(config.alerts);
  const messages: AlertMessage[] = [];
  const digest = new Digest({
    config: config.alerts,
    name: 'gate',
    emit: (message) => messages.push(message),
    known,
    ...(originOf === undefined ? {} : { originOf }),
  });
  let now = 1_700_000_000_000;
  return {
    digest,
    messages,
    get now() {
      return now;
    },
    /** Advances the clock, a second at a time. */
    pass(milliseconds: number) {
      for (const end = now + milliseconds; now < end; ) {
        now += 1000;
        digest.tick(now);
      }
    },
    add: (rows: readonly Partial<FoldedEvent>[]) =>
      digest.add(
        rows.map((row) => foldedEventOf({ time: now, ...row })),
        now,
      ),
    kinds: () => messages.map(({ kind }) => kind),
  };
}

suite('the digest of alerts', () => {
  test('ignores requests of banned clients, however many', () => {
    const { add, pass, messages } = digestOf('', []);
    for (let second = 0; second < 120; second++) {
      add([{ count: 500, rule: 'client-banned', destination: null, intent: 'web' }]);
      pass(1000);
    }
    assert.deepEqual(messages, []);
    for (let second = 0; second < 30; second++) {
      add([{ count: 30 }, { count: 500, rule: 'client-banned', destination: null, intent: 'web' }]);
      pass(1000);
    }
    assert.ok(messages.length > 0, 'probes raise alerts');
    assert.ok(messages.every((message) => !JSON.stringify(message).includes('client-banned')));
  });

  test('names country and network of sources, if known', () => {
    const originOf: OriginOf = (address) =>
      address === '198.51.100.7'
        ? { country: 'DE', asn: 64500, network: 'Netz für Beispiele' }
        : { country: null, asn: null, network: null };
    const { add, pass, messages, digest, now } = digestOf('', [], originOf);
    add([{ client: '198.51.100.7', count: 2 }, { client: '203.0.113.9' }]);
    digest.ban({ prefix: '198.51.100.7/32', until: now + 10 * minute, reason: 'probes' }, now);
    pass(10_000);
    const { lines, facts } = messages[0]!;
    const from = '198.51.100.7 [AS64500 Netz f\\xfcr Beispiele, DE]';
    assert.ok(lines.includes(`From 2 sources: ${from} (2), 203.0.113.9 (1)`), lines.join('\n'));
    assert.ok(lines.includes(`Banned: ${from} for 10 min`), lines.join('\n'));
    const [source] = facts.sources as object[];
    assert.deepEqual(source, {
      name: '198.51.100.7/32',
      count: 2,
      country: 'DE',
      asn: 64500,
      network: 'Netz für Beispiele',
    });
  });

  test('sends one message when an attack of 10,000 probes begins and one when it is over', () => {
    const { add, pass, messages } = digestOf();
    for (let second = 0; second < 30; second++) {
      add([
        { count: 200, client: '198.51.100.7' },
        {
          count: 134,
          client: '203.0.113.9',
          rule: 'host-foreign',
          intent: 'web',
          destination: 'www.example.com',
        },
      ]);
      pass(1000);
    }
    pass(10 * minute);
    assert.deepEqual(
      messages.map(({ kind }) => kind),
      ['rate', 'summary'],
    );
    const [begin, end] = messages;
    assert.match(begin!.title, /^gate: under attack, [\d,]+ probes so far$/);
    assert.equal(end!.title, 'gate: quiet again after 10,020 probes');
    assert.deepEqual(end!.lines, [
      '10,020 probes in 29 s, all blocked',
      'Rules: connect (6,000), host-foreign (4,020)',
      'From 2 sources: 198.51.100.7 (6,000), 203.0.113.9 (4,020)',
      'Intents: mail-relay (6,000), web (4,020)',
      'Destinations: mx[.]example[.]com:25 (6,000), www[.]example[.]com (4,020)',
    ]);
    assert.equal(end!.facts.probes, 10_020);
  });

  test('counts a growing attack from its first probe, without older probes', () => {
    const { add, pass, messages } = digestOf('when: { rate: 30 }');
    add([{ count: 20, client: '203.0.113.1' }]);
    pass(2 * minute);
    for (let second = 0; second < 50; second++) {
      add([{ count: 1 }]);
      pass(1000);
    }
    pass(10 * minute);
    assert.deepEqual(
      messages.map(({ kind }) => kind),
      ['rate', 'summary'],
    );
    assert.equal(messages[1]!.title, 'gate: quiet again after 50 probes');
    assert.equal(messages[1]!.lines[0], '50 probes in 49 s, all blocked');
    assert.equal(messages[1]!.lines[2], 'From 1 source: 198.51.100.7 (50)');
  });

  test('sends nothing for a trickle below the threshold', () => {
    const { add, pass, messages } = digestOf();
    for (let i = 0; i < 60; i++) {
      add([{}]);
      pass(2000);
    }
    assert.deepEqual(messages, []);
  });

  test('reports the first probe of a rule once, with its title', () => {
    const { add, pass, messages } = digestOf('', ['connect']);
    add([{ rule: 'connect' }]);
    add([{ rule: 'socks5' }]);
    pass(settleTime + 1000);
    add([{ rule: 'socks5' }]);
    pass(10 * minute);
    add([{ rule: 'socks5' }]);
    pass(10 * minute);
    assert.deepEqual(
      messages.map(({ kind, title }) => [kind, title]),
      [
        ['first', 'gate: first socks5 probe'],
        ['summary', 'gate: quiet again after 2 probes'],
      ],
    );
    assert.ok(messages[0]!.lines.includes('socks5: a SOCKS5 greeting instead of HTTP'));
  });

  test('reports a probe that observe forwards, although preset default blocks it', () => {
    const { add, pass, messages } = digestOf();
    add([{ rule: 'host-override', action: 'flag' }]);
    pass(minute);
    assert.equal(messages.length, 0);
    add([{ rule: 'absolute-form-foreign', action: 'flag', site: 'www.example.net' }]);
    pass(minute / 2);
    assert.equal(messages[0]!.kind, 'passed');
    assert.equal(messages[0]!.level, 'trouble');
    assert.equal(
      messages[0]!.lines[0],
      'Forwarded, although preset default blocks it: absolute-form-foreign on www.example.net',
    );
  });

  test('reports several bans in one message', () => {
    const { digest, pass, messages, now } = digestOf();
    for (let i = 0; i < 20; i++)
      digest.ban({ prefix: `198.51.100.${i}/32`, until: now + 10 * minute, reason: 'connect' }, now);
    pass(10 * minute);
    assert.deepEqual(
      messages.map(({ kind, title }) => [kind, title]),
      [['ban', 'gate: banned 20 clients']],
    );
    assert.match(messages[0]!.lines.at(-2)!, /^Banned: 198\.51\.100\.0 for 10 min, .*14 more$/);
  });

  test('reports a new reason in the middle of an attack, once', () => {
    const { add, digest, pass, kinds, now } = digestOf();
    add([{ count: 500 }]);
    pass(10_000);
    digest.ban({ prefix: '198.51.100.7/32', until: now + minute, reason: 'connect' }, now + 10_000);
    add([{ count: 500 }]);
    pass(10_000);
    digest.ban({ prefix: '198.51.100.8/32', until: now + minute, reason: 'connect' }, now + 20_000);
    pass(10 * minute);
    assert.deepEqual(kinds(), ['rate', 'ban', 'summary']);
  });

  test('reports a backend that is down at once, and a flapping one not each time', () => {
    const { digest, pass, messages, now } = digestOf();
    let time = now;
    for (let i = 0; i < 20; i++) {
      digest.trouble('backend', '127.0.0.1:8081', i % 2 === 0 ? 'connection refused' : null, time);
      time += 1000;
      pass(1000);
    }
    pass(3 * minute);
    assert.deepEqual(
      messages.map(({ title }) => title),
      ['gate: backend 127.0.0.1:8081 is down', 'gate: backend 127.0.0.1:8081 is up again'],
    );
    assert.equal(messages[0]!.lines[0], 'connection refused');
  });

  test('reports nothing that `when` turns off', () => {
    const { add, digest, pass, messages, now } = digestOf(
      'when: { first: false, rate: 0, ban: false, passed: false, backend: false, journal: false }',
      [],
    );
    add([{ count: 5000 }, { rule: 'absolute-form-foreign', action: 'flag' }]);
    digest.ban({ prefix: '198.51.100.7/32', until: now + minute, reason: '' }, now);
    digest.trouble('backend', 'a', 'down', now);
    digest.trouble('journal', 'journal', 'full', now);
    pass(5 * minute);
    assert.deepEqual(messages, []);
  });

  test('reports what is pending when the program ends', () => {
    const { add, digest, messages, now } = digestOf();
    add([{ count: 500 }]);
    digest.close(now + 100);
    assert.equal(messages[0]!.kind, 'rate');
  });

  test('keeps lines short, however many sources and destinations there are', () => {
    const { add, pass, messages } = digestOf();
    for (let i = 0; i < 5000; i++)
      add([
        { client: `10.9.${i >> 8}.${i & 255}`, destination: `http://${'x'.repeat(200)}${i}.example.com/` },
      ]);
    pass(10 * minute);
    for (const { lines } of messages)
      for (const line of lines) assert.ok(line.length < 700, `${line.length}: ${line}`);
  });
});
