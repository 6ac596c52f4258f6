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
