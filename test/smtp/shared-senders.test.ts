/**
 * A mail provider sends for all its users from one address, and any user can make it name recipients that the guard refuses: a domain
 * whose MX points here, an address with `%`. The mail of the other users must still be delivered.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PrefixSet } from '../../src/address/prefix-set.ts';
import { MailBans } from '../../src/bans/mail-bans.ts';
import { eventually } from '../support/eventually.ts';
import { Dialogue } from './dialogue.ts';
import { mailSink, startGuard } from './support.ts';

const minute = 60_000;

function mailBans(most?: number): { bans: MailBans; clock: { now: number } } {
  const clock = { now: 1_000_000 };
  const terms = [10 * minute, 60 * minute, 1440 * minute];
  const rules = { after: 3, within: 10 * minute, for: terms, exempt: new PrefixSet([]) };
  return { bans: new MailBans(rules, () => clock.now, undefined, most), clock };
}

test('a message with more than `errors` refused recipients is delivered to the others', async (t) => {
  const sink = await mailSink(t, {
    reply: (line) => (line.includes('<dead') ? '550 5.1.1 Unknown' : undefined),
  });
  const { port } = await startGuard(t, sink.port, { limits: { errors: 20 } });
  const provider = await Dialogue.greeted(t, port);
  await provider.say('MAIL FROM:<a@example.org>');
  for (let i = 0; i < 30; i++) assert.equal(await provider.code(`RCPT TO:<u${i}@example.com>`), 550);
  assert.equal(await provider.code('RCPT TO:<user@example.net>'), 250);
  for (let i = 0; i < 30; i++) {
    assert.equal(await provider.code(`RCPT TO:<u%example.com@example.net>`), 550);
    assert.equal(await provider.code(`RCPT TO:<dead${i}@example.net>`), 550);
  }
  assert.equal(await provider.code('DATA'), 354);
  assert.equal(await provider.code('x\r\n.'), 250);
  assert.deepEqual(
    sink.mails[0]!.to.filter((to) => !to.startsWith('dead')),
    ['user@example.net'],
  );
  assert.equal(await provider.code('MAIL FROM:<b@example.org>'), 250, 'the session goes on');
});

test('abandoning message after message because of refused recipients ends the session', async (t) => {
  const sink = await mailSink(t);
  const { port } = await startGuard(t, sink.port, { limits: { errors: 5 } });
  const prober = await Dialogue.greeted(t, port);
  for (let i = 0; i < 6; i++) {
    assert.equal(await prober.code('MAIL FROM:<a@example.org>'), 250);
    assert.equal(await prober.code('RCPT TO:<user@example.com>'), 550);
    assert.equal(await prober.code('RSET'), 250);
  }
  assert.equal((await prober.reply()).code, 421);
});

test('the recipients of a message are bounded, including refused ones', async (t) => {
  const sink = await mailSink(t);
  const { port } = await startGuard(t, sink.port);
  const client = await Dialogue.greeted(t, port);
  await client.say('MAIL FROM:<a@example.org>');
  assert.equal(await client.code('RCPT TO:<user@example.net>'), 250);
  client.send('RCPT TO:<user@example.com>\r\n'.repeat(1001));
  for (let i = 0; i < 1000; i++) assert.equal((await client.reply()).code, 550);
  assert.equal((await client.reply()).code, 452);
  assert.equal(await client.code('RCPT TO:<user@example.net>'), 452);
  assert.equal(await client.code('DATA'), 354);
  assert.equal(await client.code('x\r\n.'), 250);
});

test('only a session with nothing but refused recipients is an offence, and none of a client that may relay is', async (t) => {
  const sink = await mailSink(t, {
    reply: (line) => (line.includes('<dead') ? '550 5.1.1 Unknown' : undefined),
  });
  const offences: [string, string][] = [];
  const delivered: string[] = [];
  const { port, events } = await startGuard(
    t,
    sink.port,
    { relayFrom: ['127.0.0.2'] },
    {
      onOffence: (address, rule) => offences.push([address, rule]),
      onDelivered: (address) => delivered.push(address),
    },
  );
  for (const [from, ...recipients] of [
    ['127.0.0.3', 'a%b.example@example.net', 'user@example.com'],
    ['127.0.0.4', 'user@example.com', 'user@example.net'],
    ['127.0.0.5', 'user@example.com', 'dead@example.net'],
    ['127.0.0.2', '@example.org:user@example.com'],
    ['127.0.0.6', '@example.org:user@example.com'],
  ] as const) {
    const client = await Dialogue.greeted(t, port, from);
    await client.say('MAIL FROM:<a@example.org>');
    for (const recipient of recipients) await client.say(`RCPT TO:<${recipient}>`);
    if (from === '127.0.0.4') {
      await client.say('DATA');
      assert.equal(await client.code('x\r\n.'), 250);
    }
    await client.say('QUIT');
    await client.closed();
  }
  await eventually(() => offences.length >= 2, 'both offences');
  assert.deepEqual(offences, [
    ['127.0.0.3', 'smtp-percent-hack'],
    ['127.0.0.6', 'smtp-source-route'],
  ]);
  assert.deepEqual(delivered, ['127.0.0.4']);
  assert.equal(events.length, 6, 'each refusal is still recorded');
  assert.ok(events.every((event) => !event.counts));
});

test('mail bans: it takes several sessions, a ban lasts an hour at most, and delivered mail clears offences', () => {
  const { bans, clock } = mailBans();
  const probe = (address: string, times: number): void => {
    for (let i = 0; i < times; i++) bans.offend(address, 'smtp-foreign-recipient');
  };
  probe('192.0.2.1', 2);
  assert.equal(bans.ledger.bans('192.0.2.1'), false);
  for (const lasts of [10 * minute, 60 * minute, 60 * minute, 60 * minute]) {
    probe('192.0.2.1', 3);
    const ban = bans.ledger.banOf('192.0.2.1/32');
    assert.equal(ban!.until - clock.now, lasts);
    clock.now += lasts;
    assert.equal(bans.ledger.bans('192.0.2.1'), false);
  }
  bans.delivered('192.0.2.2');
  probe('192.0.2.2', 50);
  assert.equal(bans.ledger.bans('192.0.2.2'), false);
  clock.now += 1440 * minute;
  probe('192.0.2.2', 3);
  assert.equal(bans.ledger.bans('192.0.2.2'), true, 'a day later it is one like any other');
});

test('mail bans keep a bounded number of clients', () => {
  const { bans } = mailBans(2);
  const probe = (address: string): boolean => {
    for (let i = 0; i < 3; i++) bans.offend(address, 'smtp-foreign-recipient');
    return bans.ledger.bans(address);
  };
  for (let i = 1; i <= 5; i++) bans.delivered(`192.0.2.${i}`);
  assert.deepEqual(
    [1, 2, 3, 4, 5].map((i) => probe(`192.0.2.${i}`)),
    [true, true, false, false, false],
  );
});

test('a client that may relay is never cut off for the recipients that the mail server refuses', async (t) => {
  const sink = await mailSink(t, {
    reply: (line) => (line.includes('<dead@') ? '550 5.1.1 Unknown' : undefined),
  });
  const settings = { limits: { errors: 3 } };
  for (const [relayFrom, most] of [
    [['127.0.0.1/32'], 20],
    [[], 3],
  ] as const) {
    const { port } = await startGuard(t, sink.port, { ...settings, relayFrom });
    const client = await Dialogue.greeted(t, port);
    assert.equal(await client.code('MAIL FROM:<a@example.org>'), 250);
    for (let i = 0; i < most; i++) assert.equal(await client.code('RCPT TO:<dead@example.net>'), 550);
    if (most === 20) continue;
    client.send('RCPT TO:<dead@example.net>\r\n');
    assert.deepEqual([(await client.reply()).code, (await client.reply()).code], [550, 421]);
  }
});
