/** Mail logs: relayed mail, mail that the operator is asked about, and ordinary mail. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { scannedText } from './scanned.ts';

/** Postfix's log lines for one mail, from arrival to delivery. */
function postfixMail(
  id: string,
  {
    client,
    from,
    to,
    relay = 'mx.example.com[203.0.113.9]:25',
    status = 'sent (250 2.0.0 Ok)',
    more = '',
  }: {
    readonly client: string;
    readonly from: string;
    readonly to: string;
    readonly relay?: string;
    readonly status?: string;
    readonly more?: string;
  },
): string[] {
  return [
    `smtpd[100]: connect from ${client}`,
    `smtpd[100]: ${id}: client=${client}${more}`,
    `cleanup[101]: ${id}: message-id=<${id}@example.org>`,
    `qmgr[90]: ${id}: from=<${from}>, size=443, nrcpt=1 (queue active)`,
    `smtp[102]: ${id}: to=<${to}>, relay=${relay}, delay=0.37, delays=0.1/0/0.1/0.1, dsn=2.0.0, status=${status}`,
    `qmgr[90]: ${id}: removed`,
  ].map((said) => `Nov 10 10:00:01 mx postfix/${said}`);
}
const stranger = 'unknown[198.51.100.7]';
const text = (lines: readonly string[]): string => `${lines.join('\n')}\n`;
const outcomesOf = async (lines: readonly string[], hosts: readonly string[] = []): Promise<string[]> => {
  const { findings } = await scannedText(text(lines), { hosts });
  return findings.map((f) => `${f.target} ${f.outcome} ${f.client}`);
};

suite('mail relayed to a domain that may be own (backup MX, filter)', () => {
  const lines = [
    ...postfixMail('A100000001', { client: stranger, from: 'a@example.com', to: 'me@own.example' }),
    ...postfixMail('A100000002', { client: stranger, from: 'b@example.org', to: 'you@own.example' }),
  ];

  test('without --host the operator is asked about the domain, and nothing counts as relayed', async () => {
    const { findings, asked } = await scannedText(text(lines));
    assert.deepEqual(
      findings.map((f) => f.outcome),
      ['unclear', 'unclear'],
    );
    assert.match(findings[0]!.why, /Is own\.example yours.*--host own\.example/);
    assert.deepEqual([...asked], [['own.example', 2]]);
  });

  test('with --host, mail to that domain is ordinary and to any other domain likely-relayed', async () => {
    assert.deepEqual(await outcomesOf(lines, ['own.example']), []);
    assert.deepEqual(await outcomesOf(lines, ['other.example']), [
      'me@own.example likely-relayed 198.51.100.7',
      'you@own.example likely-relayed 198.51.100.7',
    ]);
  });

  test('a domain with local mailboxes is own', async () => {
    const local =
      'Nov 10 10:00:00 mx postfix/local[7]: A0FFFFFFFF: to=<root@own.example>, relay=local, delay=1, delays=0/0/0/1, dsn=2.0.0, status=sent (delivered to mailbox)';
    assert.deepEqual(await outcomesOf([local, ...lines]), []);
  });

  test('a domain that the server refused to relay to at other times is foreign', async () => {
    const refused =
      'Nov 10 09:00:00 mx postfix/smtpd[9]: NOQUEUE: reject: RCPT from unknown[198.51.100.9]: 554 5.7.1 <me@own.example>: Relay access denied; from=<x@example.com> to=<me@own.example> proto=ESMTP helo=<x>';
    assert.deepEqual((await outcomesOf([refused, ...lines])).slice(1), [
      'me@own.example likely-relayed 198.51.100.7',
      'you@own.example likely-relayed 198.51.100.7',
    ]);
  });
});

suite('mail from clients in the own network', () => {
  const mails = (client: string, senders: readonly string[]): string[] =>
    senders.flatMap((from, i) =>
      postfixMail(`B10000000${i}`, { client, from, to: `v${i}@victim${i}.example` }),
    );

  test('mail from a Docker gateway, which hides the client, is unclear and names the gateway', async () => {
    const { findings } = await scannedText(text(mails('unknown[172.22.1.1]', ['spam@example.org'])));
    assert.deepEqual(
      findings.map((f) => [f.outcome, f.client]),
      [['unclear', '172.22.1.1']],
    );
    assert.match(findings[0]!.why, /172\.22\.1\.1 looks like the gateway of a Docker bridge/);
  });

  test('one client with three unrelated sender domains is unclear and named', async () => {
    const { findings } = await scannedText(
      text(mails('pc[10.0.0.9]', ['a@one.example', 'b@two.example', 'c@three.example'])),
    );
    assert.deepEqual(
      findings.map((f) => f.outcome),
      ['unclear', 'unclear', 'unclear'],
    );
    assert.match(findings[0]!.why, /10\.0\.0\.9 is in your own network/);
  });

  test('mail from an office, a web application, and bounces is ordinary', async () => {
    assert.deepEqual(
      await outcomesOf(mails('pc[10.0.0.9]', ['a@one.example', 'b@mail.one.example', 'c@two.example', ''])),
      [],
    );
    assert.deepEqual(
      await outcomesOf(mails('localhost[127.0.0.1]', ['www@one.example', 'www@one.example'])),
      [],
    );
    assert.deepEqual(await outcomesOf(mails('app[172.22.1.1]', ['www@own.example']), ['own.example']), []);
  });

  test('mail from a logged-in client is ordinary, wherever it comes from', async () => {
    const more = ', sasl_method=PLAIN, sasl_username=me';
    const lines = postfixMail('C100000001', {
      client: stranger,
      from: 'me@x.example',
      to: 'a@y.example',
      more,
    });
    assert.deepEqual(await outcomesOf(lines, ['x.example']), []);
  });
});

suite('content filters that submit a mail again under another id', () => {
  const scanner = 'localhost[127.0.0.1]';
  const first = (answer: string): string[] =>
    postfixMail('D100000001', {
      client: stranger,
      from: 'spam@example.org',
      to: 'v@victim.example',
      relay: '127.0.0.1[127.0.0.1]:10024',
      status: `sent (${answer})`,
    });
  const again = (more: string): string[] =>
    postfixMail('E200000001', { client: scanner, from: 'spam@example.org', to: 'v@victim.example', more });
  const relayed = ['v@victim.example unclear 198.51.100.7'];

  test('the original client is known from XFORWARD: orig_queue_id and orig_client', async () => {
    const [came, taken, ...rest] = first('250 2.0.0 Ok');
    const back = again(', orig_queue_id=D100000001, orig_client=unknown[198.51.100.7]');
    assert.deepEqual(await outcomesOf([came!, taken!, ...back, ...rest]), relayed);
    // The arrival is in an older file.
    assert.deepEqual(await outcomesOf(back), relayed);
  });

  test("the original client is known from the filter's reply: queued as", async () => {
    const answer = '250 2.0.0 from MTA(smtp:[127.0.0.1]:10025): 250 2.0.0 Ok: queued as E200000001';
    assert.deepEqual(await outcomesOf([...first(answer), ...again('')]), relayed);
  });

  test('the original client is known from the same Message-ID', async () => {
    const back = again('').map((line) => line.replace('E200000001@example.org', 'D100000001@example.org'));
    assert.deepEqual(await outcomesOf([...first('250 2.0.0 Ok'), ...back]), relayed);
  });

  test('a mailing list or redirect that reuses a Message-ID for other recipients is ordinary', async () => {
    const [connect, came, id, queued] = postfixMail('D100000001', {
      client: stranger,
      from: 'a@example.org',
      to: '',
    });
    const list = [
      'Nov 10 10:00:01 mx postfix/pipe[7]: D100000001: to=<list@own.example>, relay=mailman, delay=1, delays=0/0/0/1, dsn=2.0.0, status=sent (delivered via mailman service)',
      'Nov 10 10:00:01 mx postfix/lmtp[7]: D100000001: to=<me@own.example>, relay=mx[private/dovecot-lmtp], delay=1, delays=0/0/0/1, dsn=2.0.0, status=sent (250 2.0.0 <me@own.example> x Saved)',
    ];
    const sender = 'list-bounces@own.example';
    const back = postfixMail('E200000001', { client: scanner, from: sender, to: 'reader@far.example' });
    const redirected = [
      'Nov 10 10:00:02 mx postfix/pickup[8]: F300000001: uid=5000 from=<a@example.org>',
      ...postfixMail('F300000001', { client: 'x', from: 'a@example.org', to: 'me@elsewhere.example' }).slice(
        2,
      ),
    ];
    const lines = [connect!, came!, id!, queued!, ...list, ...back, ...redirected].map((line) =>
      line.replace(/message-id=<[EF]\d+@/, 'message-id=<D100000001@'),
    );
    assert.deepEqual(await outcomesOf(lines), []);
    assert.deepEqual(await outcomesOf(lines, ['own.example']), []);
  });

  test('mail from a logged-in client through the filter is ordinary', async () => {
    const more = ', sasl_method=PLAIN, sasl_username=me';
    const lines = postfixMail('D100000001', {
      client: stranger,
      from: 'me@own.example',
      to: 'v@customer.example',
      relay: '127.0.0.1[127.0.0.1]:10024',
      status: 'sent (250 2.0.0 Ok: queued as E200000001)',
      more,
    });
    assert.deepEqual(await outcomesOf([...lines, ...again('')]), []);
  });
});

test('Postfix with the prefixes of docker-mailserver and of docker compose', async () => {
  const mail = postfixMail('A100000001', { client: stranger, from: 'a@example.org', to: 'v@victim.example' });
  const plain = mail.map((line) =>
    line.replace('Nov 10 10:00:01 mx ', '2026-11-10T10:00:01.123456+00:00 INFO    '),
  );
  const compose = mail.map((line) => `mailserver  | ${line}`);
  for (const lines of [plain, compose]) {
    const { findings, files } = await scannedText(text(lines), { hosts: ['own.example'] });
    assert.equal(files[0]!.format, 'Postfix mail log');
    assert.deepEqual(
      findings.map((f) => `${f.outcome} ${f.client} ${f.time?.slice(0, 16)}`),
      ['likely-relayed 198.51.100.7 2026-11-10T10:00'],
    );
  }
});

test('Exim: refused, relayed, logged in, delivered locally, forwarded by an alias', async () => {
  const lines = [
    '2026-11-10 10:00:00 H=(x) [198.51.100.7]:5555 F=<spam@example.org> rejected RCPT <v@victim.example>: relay not permitted',
    '2026-11-10 10:00:01 H=mail.example.com [203.0.113.9] F=<a@example.com> rejected RCPT <nobody@own.example>: Unrouteable address',
    '2026-11-10 10:00:05 1vOabc-00000000abc-1A3x <= spam@example.org H=(x) [198.51.100.7]:5555 P=esmtp S=443 for w@other.example',
    '2026-11-10 10:00:06 1vOabc-00000000abc-1A3x => w@other.example R=dnslookup T=remote_smtp H=mx.other.example [203.0.113.8] C="250 OK"',
    '2026-11-10 10:00:06 1vOabc-00000000abc-1A3x Completed',
    '2026-11-10 10:01:05 1vOabd-000abc-1A <= me@own.example H=pc [198.51.100.8] P=esmtpsa X=TLS1.3 A=plain_login:me S=443',
    '2026-11-10 10:01:06 1vOabd-000abc-1A => a@customer.example R=dnslookup T=remote_smtp H=mx.customer.example [203.0.113.7]',
    '2026-11-10 10:02:05 1vOabe-000abc-1A <= a@example.com H=mail.example.com [203.0.113.9] P=esmtp S=443',
    '2026-11-10 10:02:06 1vOabe-000abc-1A => me <me@own.example> R=localuser T=local_delivery',
    '2026-11-10 10:02:06 1vOabe-000abc-1A -> me@elsewhere.example <info@own.example> R=dnslookup T=remote_smtp H=mx.elsewhere.example [203.0.113.6]',
    '2026-11-10 10:03:05 1vOabf-000abc-1A <= root@own.example U=root P=local S=443',
    '2026-11-10 10:03:06 1vOabf-000abc-1A => a@customer.example R=dnslookup T=remote_smtp H=mx.customer.example [203.0.113.7]',
  ];
  const { files } = await scannedText(text(lines));
  assert.equal(files[0]!.format, 'Exim main log');
  assert.deepEqual(await outcomesOf(lines), [
    'v@victim.example refused 198.51.100.7',
    'w@other.example unclear 198.51.100.7',
  ]);
  assert.deepEqual(await outcomesOf(lines, ['own.example']), [
    'v@victim.example refused 198.51.100.7',
    'w@other.example likely-relayed 198.51.100.7',
  ]);
});

test('sendmail: refused, relayed, logged in, delivered locally', async () => {
  const lines = [
    'Nov 10 10:00:00 mx sm-mta[100]: 6AA000: ruleset=check_rcpt, arg1=<v@victim.example>, relay=[198.51.100.7], reject=550 5.7.1 <v@victim.example>... Relaying denied',
    'Nov 10 10:00:01 mx sm-mta[100]: 6AA001: ruleset=check_rcpt, arg1=<u@own.example>, relay=[198.51.100.7], reject=550 5.1.1 <u@own.example>... User unknown',
    'Nov 10 10:00:02 mx sm-mta[101]: 6AA002: from=<spam@example.org>, size=443, class=0, nrcpts=1, msgid=<1@example.org>, proto=ESMTP, daemon=MTA, relay=evil.example [198.51.100.7] (may be forged)',
    'Nov 10 10:00:03 mx sm-mta[102]: 6AA002: to=<w@other.example>, delay=00:00:01, xdelay=00:00:01, mailer=esmtp, pri=120443, relay=mx.other.example. [203.0.113.8], dsn=2.0.0, stat=Sent (ok: queued)',
    'Nov 10 10:01:00 mx sm-mta[103]: AUTH=server, relay=pc [198.51.100.8], authid=me, mech=PLAIN, bits=0',
    'Nov 10 10:01:01 mx sm-mta[103]: 6AA003: from=<me@own.example>, size=443, class=0, nrcpts=1, msgid=<2@own.example>, proto=ESMTPSA, daemon=MTA, relay=pc [198.51.100.8]',
    'Nov 10 10:01:02 mx sm-mta[104]: 6AA003: to=<a@customer.example>, delay=00:00:01, xdelay=00:00:01, mailer=esmtp, pri=120443, relay=mx.customer.example. [203.0.113.7], dsn=2.0.0, stat=Sent (ok)',
    'Nov 10 10:02:01 mx sm-mta[105]: 6AA004: from=<a@example.com>, size=443, class=0, nrcpts=1, msgid=<3@example.com>, proto=ESMTP, daemon=MTA, relay=mail.example.com [203.0.113.9]',
    'Nov 10 10:02:02 mx sm-mta[106]: 6AA004: to=<me@own.example>, delay=00:00:01, xdelay=00:00:00, mailer=local, pri=30443, dsn=2.0.0, stat=Sent',
  ];
  assert.equal((await scannedText(text(lines))).files[0]!.format, 'sendmail mail log');
  assert.deepEqual(await outcomesOf(lines), [
    'v@victim.example refused 198.51.100.7',
    'w@other.example unclear 198.51.100.7',
  ]);
});

test('OpenSMTPD: refused, relayed, logged in, delivered locally', async () => {
  const lines = [
    'Nov 10 10:00:00 mx smtpd[1]: aaaa000000000001 smtp connected address=198.51.100.7 host=evil.example',
    'Nov 10 10:00:00 mx smtpd[1]: aaaa000000000001 smtp failed-command command="RCPT TO:<v@victim.example>" result="550 Invalid recipient: <v@victim.example>"',
    'Nov 10 10:00:01 mx smtpd[1]: aaaa000000000001 smtp message msgid=11111111 size=443 nrcpt=1 proto=ESMTP',
    'Nov 10 10:00:01 mx smtpd[1]: aaaa000000000001 smtp envelope evpid=11111111aaaaaaaa from=<spam@example.org> to=<w@other.example>',
    'Nov 10 10:00:02 mx smtpd[1]: bbbb000000000001 mta delivery evpid=11111111aaaaaaaa from=<spam@example.org> to=<w@other.example> rcpt=<-> source="192.0.2.1" relay="203.0.113.8 (mx.other.example)" delay=1s result="Ok" stat="250 2.0.0 Ok"',
    'Nov 10 10:01:00 mx smtpd[1]: aaaa000000000002 smtp connected address=198.51.100.8 host=pc',
    'Nov 10 10:01:00 mx smtpd[1]: aaaa000000000002 smtp authentication user=me result=ok',
    'Nov 10 10:01:01 mx smtpd[1]: aaaa000000000002 smtp envelope evpid=22222222aaaaaaaa from=<me@own.example> to=<a@customer.example>',
    'Nov 10 10:01:02 mx smtpd[1]: bbbb000000000002 mta delivery evpid=22222222aaaaaaaa from=<me@own.example> to=<a@customer.example> rcpt=<-> source="192.0.2.1" relay="203.0.113.7 (mx.customer.example)" delay=1s result="Ok" stat="250 2.0.0 Ok"',
    'Nov 10 10:02:02 mx smtpd[1]: cccc000000000003 mda delivery evpid=33333333aaaaaaaa from=<a@example.com> to=<me@own.example> rcpt=<-> user=me delay=0s result=Ok stat=Delivered',
  ];
  // Also without the syslog prefix, as `smtpd -d` logs in a container.
  for (const log of [lines, lines.map((line) => line.slice(line.indexOf(': ') + 2))]) {
    const { files, findings } = await scannedText(text(log));
    assert.equal(files[0]!.format, 'OpenSMTPD mail log');
    assert.deepEqual(
      findings.map((f) => `${f.target} ${f.outcome} ${f.client}`),
      ['v@victim.example refused 198.51.100.7', 'w@other.example unclear 198.51.100.7'],
    );
  }
});

test('a mail log without relaying is clean, and lines of other programs are not broken', async () => {
  const { findings, files, requests, faults } = await scannedText(
    text([
      'Nov 10 10:00:00 mx postfix/smtpd[1]: connect from mail.example.com[203.0.113.9]',
      'Nov 10 10:00:01 mx postfix/smtpd[1]: disconnect from mail.example.com[203.0.113.9] ehlo=1 quit=1 commands=2',
      'Nov 10 10:00:01 mx dovecot: imap-login: Login: user=<me>',
      'Nov 10 10:00:02 mx opendkim[7]: A100000001: DKIM-Signature field added (s=mail, d=own.example)',
    ]),
  );
  assert.deepEqual([findings.length, files[0]!.broken, requests, faults.length], [0, 0, 1, 0]);
});
