/**
 * Envelopes of relay testers: every recipient with every sender, in every spelling they use. From outside none is accepted and none reaches
 * the mail server, whoever the sender claims to be.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Dialogue } from './dialogue.ts';
import { mailSink, startGuard } from './support.ts';

/** Senders are accepted whatever the recipient; one without a domain is malformed. */
const senders = [
  ['<>', 250],
  ['<a@example.org>', 250],
  ['<a@example.net>', 250],
  ['<a@[127.0.0.1]>', 250],
  ['<a@localhost>', 250],
  ['<user@example.com>', 250],
  ['<a>', 553],
] as const;

/** Recipients without brackets. All lead to example.com, at this server or the next one. */
const patterns = [
  'user@example.com',
  'user%example.com@[127.0.0.1]',
  'user%example.com@example.net',
  '"user@example.com"',
  '"user%example.com"',
  'user%example.com',
  'user@example.com@[127.0.0.1]',
  '"user@example.com"@[127.0.0.1]',
  'user@example.com@example.net',
  '"user@example.com"@example.net',
  '@[127.0.0.1]:user@example.com',
  '@example.net:user@example.com',
  '@example.net,@mx.example.net:user@example.com',
  '@example.net:user%example.com@example.net',
  'example.com!user',
  'example.com!user@[127.0.0.1]',
  'example.com!user@example.net',
  'a!b!example.com!user@example.net',
  'example.net!user@example.com',
  'user::example.com@example.net',
] as const;
/** A route through a third party back to us: the hop itself is relaying. */
const byWayOf = '@example.com:user@example.net';

const commands: readonly ((path: string) => string)[] = [
  (path) => `RCPT TO:<${path}>`,
  (path) => `RCPT TO: <${path}>`,
  (path) => `RCPT TO:\t<${path}>`,
  (path) => `rcpt to:  <${path}> `,
  (path) => `RCPT TO:<${path}>\t`,
  (path) => `RCPT TO:< ${path}>`,
  (path) => `RCPT TO:<\t${path}\t>`,
  (path) => `RCPT TO:<<${path}>>`,
  (path) => `RCPT TO:<${path}`,
  (path) => `RCPT TO:${path}`,
  (path) => `RCPT TO: ${path}`,
  (path) => `Rcpt To:\t${path}`,
  (path) => `RCPT TO: \t ${path}`,
  (path) => `RCPT TO: ${path} `,
  (path) => `RCPT TO:${path}\t`,
  (path) => `RCPT TO: ${path}>`,
];

for (const [sender, reply] of senders)
  test(`MAIL FROM:${sender}: none of ${patterns.length + 1} recipients in ${commands.length} spellings is accepted`, async (t) => {
    const sink = await mailSink(t);
    const { port, events } = await startGuard(t, sink.port);
    const client = await Dialogue.greeted(t, port);
    assert.equal(await client.code(`MAIL FROM:${sender}`), reply);
    events.length = 0;
    for (const pattern of [...patterns, byWayOf]) {
      for (const command of commands) {
        const line = command(pattern);
        const { code, text } = await client.say(line);
        assert.ok(code === 550 || code === 553, `${line}: ${text}`);
        const event = events.pop()!;
        assert.equal(event.answer, code);
        assert.equal(event.intent, 'mail-relay');
        if (pattern !== byWayOf) assert.match(event.destination ?? '', /@example\.com>?$/, line);
        assert.equal(events.length, 0, 'one event each');
      }
    }
    // RFC 5321 section 4.1.1.3 has no space before the colon. A server that accepts one parses the line differently.
    for (const line of [
      'RCPT TO :<user@example.com>',
      'RCPT TO\t:<user@example.com>',
      'RCPT\tTO:<user@example.com>',
    ])
      assert.equal(await client.code(line), 501, line);
    assert.equal(await client.code('DATA'), reply === 250 ? 554 : 503);
    assert.deepEqual(
      sink.received.map((text) => text.split('\r\n').filter((line) => !/^(?:EHLO|MAIL) /.test(line))),
      [['']],
    );
    assert.equal(sink.mails.length, 0);
  });

test('legitimate recipients are accepted, with every valid sender', async (t) => {
  const sink = await mailSink(t);
  const { port } = await startGuard(t, sink.port, { relayFrom: ['127.0.0.2'] });
  const outsider = await Dialogue.greeted(t, port);
  const insider = await Dialogue.greeted(t, port, '127.0.0.2');
  const ours = [
    ['<user@example.net>', 'user@example.net'],
    ['<user@example.net.>', 'user@example.net'],
    ['<USER@Example.NET>', 'USER@example.net'],
    ['<user+tag@example.net>', 'user+tag@example.net'],
    ['<postmaster>', 'postmaster'],
    ['<user@[127.0.0.1]>', 'user@[127.0.0.1]'],
    ['<user@example.net> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;user@example.net', 'user@example.net'],
    [' user@example.net', 'user@example.net'],
  ] as const;
  for (const [sender] of senders) {
    for (const [client, rows] of [
      [outsider, sender === '<a>' ? [] : ours],
      [
        insider,
        [...ours, ['<user@example.com>', 'user@example.com'], [' user@example.com', 'user@example.com']],
      ],
    ] as const) {
      for (const [path, to] of rows) {
        assert.equal(await client.code(`MAIL FROM:${sender} RET=HDRS`), 250, sender);
        assert.equal(await client.code(`RCPT TO:${path}`), 250, path);
        assert.equal(await client.code('DATA'), 354);
        assert.equal(await client.code('x\r\n.'), 250);
        assert.deepEqual(sink.mails.at(-1)!.to, [to]);
        assert.equal(`<${sink.mails.at(-1)!.from}>`, sender);
      }
    }
  }
});
