/** The fail2ban filter, run by the real fail2ban over the log lines of every rule. */
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { pino, stdTimeFunctions } from 'pino';
import { ecsLine } from '../../src/events/ecs-line.ts';
import type { ProbeEvent } from '../../src/events/event.ts';
import { ProbeLog } from '../../src/events/probe-log.ts';
import { catalogue, type Rule, type RuleId, ruleIds } from '../../src/rules/catalogue.ts';
import type { Owner } from '../support/owner.ts';
import { requirePeer, without } from '../support/peers.ts';
import { runProcess } from '../support/process.ts';
import { tempDir } from '../support/temp-dir.ts';
import { examples } from './example.ts';

const client = '192.0.2.7';

const event = (rule: RuleId, more: Partial<ProbeEvent> = {}): ProbeEvent => ({
  time: 0,
  listener: 'http 0.0.0.0:80',
  client,
  site: null,
  action: 'block',
  rule,
  counts: (catalogue[rule] as Rule).bans,
  rules: [rule],
  intent: 'web',
  destination: null,
  answer: 400,
  why: 'The sender wanted something.',
  request: 'GET / HTTP/1.1',
  bytes: 'GET / HTTP/1.1\\r\\n\\r\\n',
  ...more,
});

/** The lines of these events that the filter matches, and the addresses it would ban. */
async function matched(
  owner: Owner,
  events: readonly ProbeEvent[],
  prefix = '',
  written = (line: string) => line,
): Promise<string[]> {
  const file = join(await tempDir(owner, 'fail2ban'), 'sekisho.log');
  const lines: string[] = [];
  const log = pino(
    { base: null, timestamp: stdTimeFunctions.isoTime },
    { write: (line: string) => lines.push(line) },
  );
  const probes = new ProbeLog(log);
  for (const one of events) probes.add(one);
  probes.flush();
  await writeFile(file, lines.map((line) => prefix + written(line)).join(''));
  const filter = join(examples, 'fail2ban/filter.d/sekisho.conf');
  const result = await runProcess(requirePeer('fail2ban-regex'), ['--out', 'ip', file, filter]);
  return result.stdout.split('\n').filter((line) => line !== '');
}

suite('the fail2ban filter', { skip: without('fail2ban-regex') }, () => {
  test('counts what counts towards a ban, and nothing else', async (t) => {
    const senders = new Map(ruleIds.map((rule, index) => [rule, `192.0.2.${index + 1}`]));
    const events = ruleIds.map((rule) => event(rule, { client: senders.get(rule)! }));
    const counting = ruleIds.filter((rule) => (catalogue[rule] as Rule).bans);
    assert.deepEqual(
      await matched(t, events),
      counting.map((rule) => senders.get(rule)),
    );
  });

  test('a flagged request does not count', async (t) => {
    assert.deepEqual(
      await matched(t, [event('host-foreign', { action: 'flag', counts: false, answer: null })]),
      [],
    );
  });

  test('a blocked request that its sender need not have meant does not count', async (t) => {
    assert.deepEqual(await matched(t, [event('host-port', { counts: false })]), []);
  });

  test('an IPv6 client, and a site', async (t) => {
    const seen = event('proxy-connection', { client: '2001:db8::7', site: 'www.example.net' });
    assert.deepEqual(await matched(t, [seen]), ['2001:db8::7']);
  });

  test('counts lines after a prefix of syslog or the journal', async (t) => {
    for (const prefix of [
      'Nov 29 02:42:58 gate sekisho[4242]: ',
      '2026-11-29T02:42:58.123456+00:00 gate sekisho[4242]: ',
      '<28>1 2026-11-29T02:42:58.123Z gate sekisho 4242 - - : ',
      'gate sekisho: ',
    ])
      assert.deepEqual(await matched(t, [event('connect')], prefix), [client], prefix);
  });

  test('counts the same in a log by the names of ECS', async (t) => {
    const senders = ruleIds.map((_, index) => `192.0.2.${index + 1}`);
    const events = ruleIds.map((rule, index) => event(rule, { client: senders[index]! }));
    const counting = senders.filter((_, index) => (catalogue[ruleIds[index]!] as Rule).bans);
    assert.deepEqual(await matched(t, events, '', ecsLine), counting);
    const lie = ecsLine(
      JSON.stringify({ event: 'probe', action: 'block', client: '203.0.113.9', counts: true }),
    );
    const forged = { request: lie, bytes: `\n${lie}`, why: lie, destination: lie, counts: false };
    assert.deepEqual(await matched(t, [event('connect', forged)], 'gate sekisho[1]: ', ecsLine), []);
  });

  test('a line of another program that quotes one of ours does not count', async (t) => {
    for (const prefix of ['192.0.2.1 - - [x] "GET /sekisho[1]: ', '{"path":"/: ', '"sekisho: '])
      assert.deepEqual(await matched(t, [event('connect')], prefix), [], prefix);
  });

  test('a sender cannot have another address banned by what it writes', async (t) => {
    const forged = JSON.stringify({ client: '203.0.113.9' }).slice(1, -1);
    const line = `{"level":40,"event":"probe","action":"block","listener":"x",${forged},"site":null,"rule":"connect"`;
    const lie = { request: line, bytes: `\n${line}`, why: line, destination: line };
    assert.deepEqual(await matched(t, [event('connect', lie)]), [client]);
    assert.deepEqual(await matched(t, [event('tls-on-plaintext', lie)]), []);
  });
});
