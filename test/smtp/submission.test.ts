/** Stolen accounts and password guessing: recorded, counted and limited, without locking out the owner. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PrefixSet } from '../../src/address/prefix-set.ts';
import { MailBans } from '../../src/bans/mail-bans.ts';
import { Accounts } from '../../src/smtp/accounts.ts';
import { signIn } from '../../src/smtp/credentials.ts';
import type { SmtpGuardContext } from '../../src/smtp/guard.ts';
import type { Owner } from '../support/owner.ts';
import { without } from '../support/peers.ts';
import { certificate } from './certificate.ts';
import { Dialogue, type Ends } from './dialogue.ts';
import { type GuardSettings, mailSink, type RunningGuard, type Sink, startGuard } from './support.ts';

const skip = without('openssl');
const base64 = (text: string): string => Buffer.from(text).toString('base64');
const plain = (account: string, password: string): string =>
  `AUTH PLAIN ${base64(`\0${account}\0${password}`)}`;

/** A guard with port 465 and a mail server where every account has the password `secret`. */
async function submission(
  t: Owner,
  settings: GuardSettings = {},
  context: Partial<SmtpGuardContext> = {},
): Promise<RunningGuard & { sink: Sink }> {
  const files = await certificate(t);
  const sink = await mailSink(t, {
    offers: ['AUTH PLAIN LOGIN', 'PIPELINING'],
    reply: (line) => {
      if (line.startsWith('AUTH PLAIN '))
        return Buffer.from(line.slice(11), 'base64').toString().endsWith('\0secret')
          ? '235 2.7.0 In'
          : '535 5.7.8 No';
      if (line === 'AUTH LOGIN') return `334 ${base64('Username:')}`;
      if (line === base64('anna')) return `334 ${base64('Password:')}`;
      return line === base64('wrong') ? '535 5.7.8 No' : undefined;
    },
  });
  const guard = await startGuard(
    t,
    sink.port,
    { tls: files, listen: [{ tls: 'implicit' }], ...settings },
    context,
  );
  return { ...guard, sink };
}

async function client(t: Owner, port: number, ends: Ends = {}): Promise<Dialogue> {
  const dialogue = await Dialogue.secure(t, port, ends);
  await dialogue.reply();
  await dialogue.say('EHLO client.example.org');
  return dialogue;
}

test('the account is read from every mechanism, the password only as a hash that differs for each client', () => {
  for (const [mechanism, said, account] of [
    ['PLAIN', ['\0anna\0pw'], 'anna'],
    ['PLAIN', ['admin\0anna\0pw'], 'anna'],
    ['LOGIN', ['anna@example.net', 'pw'], 'anna@example.net'],
    ['CRAM-MD5', ['anna of x 0123456789abcdef'], 'anna of x'],
    ['XOAUTH2', ['user=anna\x01auth=Bearer x\x01\x01'], 'anna'],
    ['OAUTHBEARER', ['n,a=an=2Cna,\x01host=x\x01auth=Bearer y\x01\x01'], 'an,na'],
    ['SCRAM-SHA-256', ['n,,n=anna,r=abc', 'c=biws,r=abc,p=x'], 'anna'],
    ['SCRAM-SHA-1', ['n,a=other,n=an=3Dna,r=abc'], 'an=na'],
    ['PLAIN', [], ''],
    ['PLAIN', ['\0an\x1b[2Jna\0pw'], 'an[2Jna'],
    ['PLAIN', [`\0${'a'.repeat(5000)}\0pw`], 'a'.repeat(128)],
  ] as const)
    assert.equal(signIn(mechanism, said.map(base64), 'c').account, account, mechanism);
  const print = (password: string, from: string): string | null =>
    signIn('PLAIN', [base64(`\0anna\0${password}`)], from).fingerprint;
  assert.equal(print('pw', 'a'), print('pw', 'a'));
  assert.notEqual(print('pw', 'a'), print('pw', 'b'));
  assert.notEqual(print('pw', 'a'), print('pW', 'a'));
  assert.doesNotMatch(print('pw', 'a')!, /pw/);
});

test('wrong passwords are events without the password, and lead to a ban that ends the session', {
  skip,
}, async (t) => {
  const bans = new MailBans(
    { after: 5, within: 600_000, for: [600_000], exempt: new PrefixSet([]) },
    Date.now,
  );
  const { port, events } = await submission(
    t,
    {},
    {
      onOffence: bans.offend,
      onDelivered: bans.delivered,
      isBanned: (_prefix, address) => bans.ledger.bans(address),
    },
  );
  // Delivered mail does not clear failed sign-ins.
  bans.delivered('127.0.0.1');
  const guesser = await client(t, port);
  for (let i = 0; i < 4; i++) assert.equal(await guesser.code(plain('anna', `guess ${i}`)), 535);
  assert.equal(await guesser.code(plain('anna', 'guess 4')), 421);
  await guesser.closed();
  assert.deepEqual(
    events.map(({ rule, request, answer, counts }) => [rule, request, answer, counts]),
    Array(5).fill(['smtp-auth-failed', 'AUTH PLAIN anna', 535, false]),
  );
  assert.doesNotMatch(JSON.stringify(events), /guess|Z3Vlc3/);
});

test('a program with an old password counts once, however often it tries', { skip }, async (t) => {
  const offences: string[] = [];
  const { port, events } = await submission(t, {}, { onOffence: (_address, rule) => offences.push(rule) });
  for (let i = 0; i < 10; i++) assert.equal(await (await client(t, port)).code(plain('anna', 'old')), 535);
  const login = await client(t, port);
  for (const [line, code] of [
    ['AUTH LOGIN', 334],
    [base64('anna'), 334],
    [base64('wrong'), 535],
  ] as const)
    assert.equal(await login.code(line), code);
  assert.deepEqual(offences, ['smtp-auth-failed', 'smtp-auth-failed']);
  assert.equal(events.length, 11);
});

test('an account under a distributed guessing attack stays open to its owner only', {
  skip,
}, async (t) => {
  const limits = { messages: 10, recipients: 10, failures: 3 };
  const { port, sink } = await submission(t, { submission: { limits, senders: {} } });
  const at = (n: number): Ends => ({ localAddress: `127.0.1.${n}` }) as Ends;
  assert.equal(await (await client(t, port, '127.0.2.1')).code(plain('anna', 'secret')), 235);
  for (let n = 1; n <= 3; n++)
    assert.equal(await (await client(t, port, at(n))).code(plain('anna', `${n}`)), 535);
  const before = sink.received.join('').match(/^AUTH/gm)!.length;
  for (const line of [plain('anna', 'secret'), 'AUTH LOGIN']) {
    const stranger = await client(t, port, '127.0.1.9');
    if (line === 'AUTH LOGIN') assert.equal(await stranger.code(line), 334);
    assert.equal(await stranger.code(line === 'AUTH LOGIN' ? base64('anna') : line), 454);
  }
  assert.equal(
    sink.received.join('').match(/^AUTH PLAIN/gm)!.length,
    before,
    'the mail server was not asked',
  );
  assert.equal(await (await client(t, port, '127.0.2.1')).code(plain('anna', 'secret')), 235);
  assert.equal(await (await client(t, port, '127.0.1.9')).code(plain('bert', 'secret')), 235);
});

test('messages and recipients of an account are limited by the hour', { skip }, async (t) => {
  const limits = { messages: 2, recipients: 3, failures: 10 };
  const { port, events, sink } = await submission(t, { submission: { limits, senders: {} } });
  const user = await client(t, port);
  await user.code(plain('anna', 'secret'));
  for (const [line, code] of [
    ['MAIL FROM:<anna@example.net>', 250],
    ['RCPT TO:<a@example.com>', 250],
    ['RCPT TO:<b@example.com>', 250],
    ['DATA', 354],
    ['x\r\n.', 250],
    ['MAIL FROM:<anna@example.net>', 250],
    ['RCPT TO:<c@example.com>', 250],
    ['RCPT TO:<d@example.com>', 450],
    ['DATA', 354],
    ['x\r\n.', 250],
    ['MAIL FROM:<anna@example.net>', 450],
  ] as const)
    assert.equal(await user.code(line), code, line);
  assert.deepEqual(
    events.map(({ rule, answer }) => [rule, answer]),
    Array(2).fill(['rate-limited', 450]),
  );
  assert.equal(sink.mails.length, 2);
  const other = await client(t, port);
  await other.code(plain('bert', 'secret'));
  assert.equal(await other.code('MAIL FROM:<bert@example.net>'), 250);
});

test('the sender addresses of an account can be limited to a list', { skip }, async (t) => {
  const limits = { messages: 100, recipients: 100, failures: 100 };
  const senders = { anna: ['anna@example.net', '@Lists.example.net'], '*': ['office@example.net'] };
  const { port, events } = await submission(t, { submission: { limits, senders } });
  for (const [account, sender, code] of [
    ['anna', 'Anna@EXAMPLE.net', 250],
    ['anna', 'any@lists.example.net', 250],
    ['anna', '', 250],
    ['anna', 'office@example.net', 553],
    ['anna', 'anna@example.com', 553],
    ['bert', 'office@example.net', 250],
    ['bert', 'anna@example.net', 553],
  ] as const) {
    const user = await client(t, port);
    await user.code(plain(account, 'secret'));
    assert.equal(await user.code(`MAIL FROM:<${sender}>`), code, `${account} as ${sender}`);
  }
  assert.deepEqual(
    events.map(({ rule }) => rule),
    Array(3).fill('smtp-own-sender'),
  );
});

test('our own domain as a sender from outside is flagged, or refused where the policy blocks it', async (t) => {
  for (const [ownSender, code, seen] of [
    ['allow', 250, []],
    ['flag', 250, [['flag', null]]],
    ['block', 550, [['block', 550]]],
  ] as const) {
    const sink = await mailSink(t);
    const { port, events } = await startGuard(t, sink.port, { ownSender, relayFrom: ['127.0.0.2'] });
    const outside = await Dialogue.greeted(t, port);
    assert.equal(await outside.code('MAIL FROM:<director@example.net>'), code);
    assert.deepEqual(
      events.map(({ action, answer }) => [action, answer]),
      seen,
    );
    const inside = await Dialogue.greeted(t, port, '127.0.0.2');
    assert.equal(await inside.code('MAIL FROM:<director@example.net>'), 250);
    const other = await Dialogue.greeted(t, port);
    assert.equal(await other.code('MAIL FROM:<>'), 250);
    assert.equal(events.length, seen.length);
  }
});

test('an account that suddenly sends much more is reported once, and once more when it is over', () => {
  const clock = { now: 0 };
  const told: [string, string | null][] = [];
  const accounts = new Accounts(
    () => clock.now,
    (account, reason) => told.push([account, reason]),
  );
  const limits = { messages: 1e6, recipients: 1e6, failures: 1e6 };
  const hours = (count: number, each: number): void => {
    for (let hour = 0; hour < count; hour++, clock.now += 3_600_000) {
      for (let i = 0; i < each; i++) assert.ok(accounts.mayAdd('anna', limits));
      accounts.tick();
    }
  };
  hours(10, 60);
  assert.deepEqual(told, []);
  hours(1, 400);
  assert.deepEqual(told, [['anna', '300 recipients within an hour, 60 in its busiest hour before']]);
  accounts.tick();
  assert.deepEqual(told[1], ['anna', null]);
  hours(3, 400);
  assert.equal(told.length, 2, 'what it sends every hour is usual');
});

test('the state of accounts is bounded', () => {
  const accounts = new Accounts(
    () => 0,
    () => {},
  );
  const limits = { messages: 1, recipients: 1, failures: 1 };
  for (let i = 0; i < 25_000; i++) accounts.succeeded(`user ${i}`, '192.0.2.1/32');
  for (const [account, open] of [
    ['user 0', false],
    ['user 24999', true],
  ] as const) {
    accounts.failed(account, null);
    assert.equal(accounts.mayTry(account, '192.0.2.1/32', limits), open);
  }
  for (let i = 0; i < 20; i++) accounts.succeeded('anna', `192.0.2.${i}/32`);
  accounts.failed('anna', null);
  assert.equal(accounts.mayTry('anna', '192.0.2.3/32', limits), false);
  assert.equal(accounts.mayTry('anna', '192.0.2.4/32', limits), true);
});

test('one log line for each accepted mail, and the totals', { skip }, async (t) => {
  const lines: [object, string][] = [];
  const { port, guard } = await submission(
    t,
    {},
    { log: { info: (fields, message) => lines.push([fields, message]), warn: () => {}, error: () => {} } },
  );
  const user = await client(t, port, '127.0.0.7');
  await user.code(plain('anna', 'secret'));
  await user.say('MAIL FROM:<anna@example.net>');
  await user.say('RCPT TO:<a@example.com>');
  await user.say('RCPT TO:<b@example.com>');
  await user.say('DATA');
  assert.equal(await user.code('Subject: x\r\n\r\ntext\r\n.'), 250);
  const { listener, tls, ...fields } = lines[0]![0] as Record<string, unknown>;
  assert.match(String(listener), /^smtp 127\.0\.0\.1:\d+$/);
  assert.equal(tls, 'TLSv1.3');
  assert.deepEqual(fields, {
    event: 'mail',
    client: '127.0.0.7',
    account: 'anna',
    helo: 'client.example.org',
    from: 'anna@example.net',
    to: ['a@example.com', 'b@example.com'],
    size: 23,
    reply: '250 2.0.0 Taken',
    recipients: 2,
  });
  assert.equal(
    lines[0]![1],
    'mail <anna@example.net> to <a@example.com>, <b@example.com> from 127.0.0.7 by anna: 250 2.0.0 Taken',
  );
  assert.deepEqual({ ...guard.counts }, { messages: 1, recipients: 2, bytes: 23 });
});
