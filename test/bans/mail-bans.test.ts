import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PrefixSet } from '../../src/address/prefix-set.ts';
import { MailBans } from '../../src/bans/mail-bans.ts';

const hour = 3_600_000;

test('new settings of the mail bans apply to later offences, with terms of at most an hour', () => {
  const exempt = new PrefixSet([]);
  const mail = new MailBans({ after: 3, within: hour, for: [60_000], exempt }, () => 1000);
  mail.offend('192.0.2.1', 'smtp-foreign-recipient');
  assert.equal(mail.ledger.isBanned('192.0.2.1/32'), false);
  mail.replace({ after: 1, within: hour, for: [24 * hour], exempt });
  mail.offend('192.0.2.2', 'smtp-foreign-recipient');
  assert.equal(mail.ledger.banOf('192.0.2.2/32')?.until, 1000 + hour);
});

const rules = { after: 1, within: hour, for: [60_000], exempt: new PrefixSet([]) };

test('a mail delivered within a day exempts its client, except from bans for failed sign-ins', () => {
  const time = { now: 0 };
  const mail = new MailBans(rules, () => time.now);
  const isBanned = (): boolean => mail.ledger.isBanned('192.0.2.1/32');
  mail.delivered('192.0.2.1');
  mail.delivered('unix');
  time.now = 24 * hour - 1;
  mail.offend('192.0.2.1', 'smtp-foreign-recipient');
  assert.equal(isBanned(), false);
  time.now++;
  mail.offend('192.0.2.1', 'smtp-foreign-recipient');
  assert.equal(isBanned(), true);
  mail.delivered('192.0.2.2');
  mail.offend('192.0.2.2', 'smtp-foreign-recipient');
  assert.equal(mail.ledger.isBanned('192.0.2.2/32'), false);
  mail.offend('192.0.2.2', 'smtp-auth-failed');
  assert.equal(mail.ledger.isBanned('192.0.2.2/32'), true);
});

test('delivered mail is remembered for two generations of clients', () => {
  const mail = new MailBans(rules, () => 0, undefined, 2);
  const exempted = (address: string): boolean => {
    mail.offend(address, 'smtp-foreign-recipient');
    return !mail.ledger.isBanned(`${address}/32`);
  };
  for (const last of [1, 2, 3]) mail.delivered(`192.0.2.${last}`);
  assert.deepEqual(
    [1, 2, 3].map((last) => exempted(`192.0.2.${last}`)),
    [true, true, true],
  );
  mail.delivered('192.0.2.4');
  assert.deepEqual(
    [1, 3, 4].map((last) => exempted(`192.0.2.${last}`)),
    [false, true, true],
  );
});

test('neighbours are never banned together', () => {
  const mail = new MailBans({ ...rules, after: 2 }, () => 0);
  for (let network = 0; network < 32; network++)
    mail.offend(`2001:db8:0:${network.toString(16)}::1`, 'smtp-foreign-recipient');
  assert.deepEqual([...mail.ledger.records()], []);
});

test('delivered mail is remembered for a hundred thousand clients at most', () => {
  const mail = new MailBans(rules, () => 0);
  mail.delivered('192.0.2.1');
  for (let i = 0; i < 100_000; i++) mail.delivered(`10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`);
  mail.offend('192.0.2.1', 'smtp-foreign-recipient');
  assert.equal(mail.ledger.isBanned('192.0.2.1/32'), true);
});
