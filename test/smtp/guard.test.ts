import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Dialogue } from './dialogue.ts';
import { mailSink, startGuard } from './support.ts';

test('mail for our domain passes, with the replies of the mail server', async (t) => {
  const sink = await mailSink(t);
  const { port, events } = await startGuard(t, sink.port);
  const client = await Dialogue.open(t, port);
  assert.equal((await client.reply()).text, '220 sink.example.net ESMTP\r\n');
  assert.deepEqual((await client.say('EHLO client.example.org')).lines, [
    'sink.example.net',
    'PIPELINING',
    'SIZE 0',
    '8BITMIME',
    'DSN',
    'ENHANCEDSTATUSCODES',
    'SMTPUTF8',
  ]);
  assert.equal(await client.code('MAIL FROM:<a@example.com> SIZE=100 BODY=8BITMIME'), 250);
  assert.equal(await client.code('RCPT TO:<user@EXAMPLE.net.> NOTIFY=NEVER'), 250);
  assert.equal(await client.code('DATA'), 354);
  client.send('Subject: x\r\n\r\n..dot\r\n');
  assert.equal((await client.say('.')).text, '250 2.0.0 Taken\r\n');
  assert.equal(await client.code('QUIT'), 221);
  const [mail] = sink.mails;
  assert.equal(mail!.from, 'a@example.com');
  assert.deepEqual(mail!.to, ['user@example.net']);
  // The mail server sees only the guard's address, so a Received field names the client.
  assert.match(
    mail!.data.toString(),
    /^Received: from client\.example\.org \(\[127\.0\.0\.1\]\)\r\n\tby [\w.-]+ \(Sekisho\) with ESMTP;\r\n\t\w{3}, \d\d \w{3} \d{4} [\d:]{8} \+0000\r\nSubject: x\r\n\r\n\.dot\r\n$/,
  );
  assert.equal(mail!.helo, 'client.example.org');
  assert.deepEqual(events, []);
});

const seeds = [
  ['RCPT TO: user@example.com', 'smtp-foreign-recipient'],
  ['RCPT TO: @example.net:user@example.com', 'smtp-source-route'],
  ['RCPT TO: example.com!user', 'smtp-bang-path'],
  ['RCPT TO: user%example.com@example.net', 'smtp-percent-hack'],
  ['RCPT TO:<user@example.com>', 'smtp-foreign-recipient'],
  ['RCPT TO:<@example.net:user@example.com>', 'smtp-source-route'],
  ['RCPT TO:<example.com!user>', 'smtp-bang-path'],
  ['RCPT TO:<user%example.com@example.net>', 'smtp-percent-hack'],
] as const;

test('relay probes from outside are refused and recorded, and never reach the mail server', async (t) => {
  const sink = await mailSink(t);
  const { port, events } = await startGuard(t, sink.port);
  const client = await Dialogue.greeted(t, port);
  // Before MAIL too: a probe is a probe.
  assert.equal(await client.code(seeds[0][0]), 550);
  assert.equal(await client.code('MAIL FROM:<a@example.org>'), 250);
  for (const [line] of seeds)
    assert.equal((await client.say(line)).text, '550 5.7.1 Relaying refused\r\n', line);
  assert.equal((await client.say('DATA')).text, '554 5.5.1 No valid recipients\r\n');
  assert.equal(events.length, 9);
  for (const [index, [line, rule]] of seeds.entries()) {
    const event = events[index + 1]!;
    assert.equal(event.rule, rule);
    assert.equal(event.destination, 'user@example.com');
    assert.equal(event.intent, 'mail-relay');
    assert.equal(event.answer, 550);
    assert.equal(event.request, line);
    assert.equal(event.client, '127.0.0.1');
    assert.match(event.listener, /^smtp 127\.0\.0\.1:\d+$/);
    assert.match(event.bytes, /^EHLO client\.example\.org\\r\\nMAIL FROM:<a@example\.org>\\r\\nRCPT TO:/);
  }
  assert.doesNotMatch(sink.received.join(''), /example\.com/);
});

test('relayFrom: only its clients may send to any domain', async (t) => {
  const sink = await mailSink(t);
  const { port } = await startGuard(t, sink.port, { relayFrom: ['127.0.0.2/32'] });
  const insider = await Dialogue.greeted(t, port, '127.0.0.2');
  assert.equal(await insider.code('MAIL FROM:<root>'), 250);
  assert.equal(await insider.code('RCPT TO:<user@example.com>'), 250);
  assert.equal(await insider.code('RCPT TO:<a!b%c@example.com>'), 250);
  assert.equal(await insider.code('RCPT TO:<user%example.com@example.net>'), 550);
  const outsider = await Dialogue.greeted(t, port, '127.0.0.3');
  assert.equal(await outsider.code('MAIL FROM:<root@example.net>'), 250);
  assert.equal(await outsider.code('RCPT TO:<user@example.com>'), 550);
});

test('pipelined recipients: one reply each, in order, from the guard or the mail server', async (t) => {
  const sink = await mailSink(t, {
    reply: (line) => (line.includes('unknown@') ? '550 5.1.1 No such user here' : undefined),
  });
  const { port } = await startGuard(t, sink.port);
  const client = await Dialogue.greeted(t, port);
  client.send(
    'MAIL FROM:<>\r\nRCPT TO:<a@example.net>\r\nRCPT TO:<a@example.com>\r\nRCPT TO:<unknown@example.net>\r\nRCPT TO:<b@example.net>\r\nDATA\r\n',
  );
  const texts: string[] = [];
  for (let i = 0; i < 6; i++) texts.push((await client.reply()).text);
  assert.deepEqual(texts, [
    '250 2.1.0 OK\r\n',
    '250 2.1.5 OK\r\n',
    '550 5.7.1 Relaying refused\r\n',
    '550 5.1.1 No such user here\r\n',
    '250 2.1.5 OK\r\n',
    '354 Go on\r\n',
  ]);
  // RFC 2920 section 3.1: the message may be the first of a group.
  client.send('x\r\n.\r\nMAIL FROM:<c@example.org>\r\nQUIT\r\n');
  assert.equal((await client.reply()).code, 250);
  assert.equal((await client.reply()).code, 250);
  assert.equal((await client.reply()).code, 221);
  assert.deepEqual(sink.mails[0]!.to, ['a@example.net', 'b@example.net']);
});

test('commands that are not offered never reach the mail server', async (t) => {
  const sink = await mailSink(t, {
    offers: [
      'CHUNKING',
      'VRFY',
      'ETRN',
      'XCLIENT NAME ADDR',
      'SIZE 1000',
      'BINARYMIME',
      'AUTH PLAIN EXTERNAL',
      'STARTTLS',
    ],
  });
  const { port } = await startGuard(t, sink.port);
  const client = await Dialogue.open(t, port);
  await client.reply();
  assert.deepEqual((await client.say('EHLO x')).lines, ['sink.example.net', 'SIZE 1000']);
  assert.equal(await client.code('MAIL FROM:<a@example.org>'), 250);
  for (const line of [
    'BDAT 10 LAST',
    'XCLIENT ADDR=192.0.2.1',
    'XFORWARD ADDR=192.0.2.1',
    'ETRN example.com',
    'EXPN all',
    'TURN',
    'HELP',
    'STARTTLS',
    'RCPT TO :<user@example.net>',
    'RCPT  TO:<user@example.net>',
    'RCPT FROM:<user@example.net>',
    'RCPT',
    'MAIL FROM :<a@example.org>',
    'DATA x',
    'nonsense',
    '',
    'AUTH PLAIN AGEAYg==',
  ]) {
    const { code } = await client.say(line);
    assert.ok(code >= 500 && code < 600, `${line}: ${code}`);
  }
  assert.equal(await client.code('VRFY user@example.com'), 252);
  assert.equal(sink.received[0], 'EHLO x\r\nMAIL FROM:<a@example.org>\r\n');
});

test('parameters: only offered and well-formed ones are forwarded', async (t) => {
  const sink = await mailSink(t);
  const { port } = await startGuard(t, sink.port);
  const client = await Dialogue.greeted(t, port);
  for (const [line, code] of [
    ['MAIL FROM:<a@example.org> SIZE=x', 501],
    ['MAIL FROM:<a@example.org> SIZE=1 SIZE=2', 501],
    ['MAIL FROM:<a@example.org> BODY=BINARYMIME', 501],
    ['MAIL FROM:<a@example.org> XVERP', 555],
    ['MAIL FROM:<\xc3\xbc@example.org>', 553],
    ['MAIL FROM:<\xc3\xbc@example.org> SMTPUTF8 ENVID=a+2', 501],
    ['MAIL FROM:<\xc3\xbc@example.org> SMTPUTF8 AUTH=a@example.com RET=HDRS ENVID=a+2Bb', 250],
    ['RCPT TO:<user@example.net> NOTIFY=NEVER,DELAY', 501],
    ['RCPT TO:<user@example.net> NOTIFY=DELAY ORCPT=rfc822;user+0D+0ARCPT', 501],
    ['RCPT TO:<user@example.net> ORCPT=rfc822;user+40example.com+2b', 250],
    ['RCPT TO:<user@example.net> ORCPT=utf-8;\xe4\xba\xba@example.org', 250],
    ['RCPT TO:<user@example.net> ORCPT=UTF-8;\\x{4EBA}\\x{2B}a@example.org', 250],
    ['RCPT TO:<user@example.net> ORCPT=utf-8;\\x{0A}a@example.org', 501],
    ['RCPT TO:<user@example.net> ORCPT=utf-8;\\x{4EBA@example.org', 501],
    ['RCPT TO:<user@example.net> ORCPT=rfc822;a+4', 501],
    ['RCPT TO:<user@example.net> ORCPT=rfc822;other@example.net', 250],
    // RFC 3461 section 4: xtext may be empty.
    ['RCPT TO:<user@example.net> ORCPT=rfc822;', 250],
    ['RCPT TO:<user@example.net> ORCPT=utf-8;', 501],
  ] as const)
    assert.equal(await client.code(line), code, line);
  assert.equal(
    sink.received[0],
    'EHLO client.example.org\r\n' +
      'MAIL FROM:<\xc3\xbc@example.org> SMTPUTF8 RET=HDRS ENVID=a+2Bb\r\n' +
      'RCPT TO:<user@example.net> ORCPT=rfc822;user+40example.com+2B\r\n' +
      'RCPT TO:<user@example.net> ORCPT=utf-8;\xe4\xba\xba@example.org\r\n' +
      'RCPT TO:<user@example.net> ORCPT=UTF-8;\\x{4EBA}\\x{2B}a@example.org\r\n' +
      'RCPT TO:<user@example.net> ORCPT=rfc822;other@example.net\r\n' +
      'RCPT TO:<user@example.net> ORCPT=rfc822;\r\n',
  );
});

test('commands: line ends, NULs and length are checked strictly', async (t) => {
  const sink = await mailSink(t);
  const { port, events } = await startGuard(t, sink.port);
  for (const bytes of [
    'NOOP\n',
    'NOOP\rQUIT\r\n',
    'NO\0OP\r\n',
    `NOOP ${'x'.repeat(5000)}`,
    'MAIL FROM:<a@example.org>\nRCPT TO:<u@example.net>\r\n',
  ]) {
    const client = await Dialogue.greeted(t, port);
    client.send(bytes);
    assert.equal((await client.reply()).code, 500, JSON.stringify(bytes.slice(0, 20)));
    await client.closed();
  }
  assert.deepEqual(
    events.map((event) => event.rule),
    ['smtp-smuggling', 'smtp-smuggling', 'smtp-smuggling'],
  );
  // The limit is 4,096 octets including CRLF.
  const client = await Dialogue.greeted(t, port);
  assert.equal(await client.code(`NOOP ${'x'.repeat(4089)}`), 250);
  assert.equal(await client.code(`NOOP ${'x'.repeat(4090)}`), 500);
});

test('talking before the greeting, and before 354, ends the session', async (t) => {
  const sink = await mailSink(t);
  const { port, events } = await startGuard(t, sink.port);
  const early = await Dialogue.open(t, port);
  early.send('EHLO x\r\nMAIL FROM:<a@example.org>\r\n');
  assert.equal((await early.reply()).code, 521);
  await early.closed();
  const eager = await Dialogue.greeted(t, port);
  await eager.say('MAIL FROM:<a@example.org>');
  await eager.say('RCPT TO:<user@example.net>');
  eager.send('DATA\r\nSubject: x\r\n\r\n.\r\nMAIL FROM:<b@example.org>\r\n');
  assert.equal((await eager.reply()).code, 521);
  await eager.closed();
  assert.equal(sink.mails.length, 0);
  assert.deepEqual(
    events.map(({ rule, request }) => [rule, request.slice(0, 11)]),
    [
      ['smtp-early-talk', 'EHLO x\\r\\nM'],
      ['smtp-early-talk', 'Subject: x\\'],
    ],
  );
});

test('limits: recipients, errors, idle commands, connections of a client, banned clients', async (t) => {
  const sink = await mailSink(t);
  const { port, events } = await startGuard(
    t,
    sink.port,
    { limits: { recipients: 2, errors: 3, commandsBeforeMail: 5, connectionsPerClient: 2 } },
    { isBanned: (prefix) => prefix === '127.0.0.9/32' },
  );
  const client = await Dialogue.greeted(t, port);
  await client.say('MAIL FROM:<a@example.org>');
  assert.equal(await client.code('RCPT TO:<a@example.net>'), 250);
  assert.equal(await client.code('RCPT TO:<b@example.net>'), 250);
  assert.equal(await client.code('RCPT TO:<c@example.net>'), 452);
  assert.equal(await client.code('RSET'), 250);
  for (let i = 0; i < 4; i++) assert.equal(await client.code('RCPT TO:<a@example.com>'), 550);
  assert.equal((await client.reply()).code, 421);
  const idler = await Dialogue.greeted(t, port, '127.0.0.2');
  for (let i = 0; i < 5; i++) assert.equal(await idler.code('NOOP'), 250);
  assert.equal((await idler.reply()).code, 421);
  for (let i = 0; i < 2; i++) await Dialogue.greeted(t, port, '127.0.0.3');
  const third = await Dialogue.open(t, port, '127.0.0.3');
  assert.equal((await third.reply()).code, 421);
  const banned = await Dialogue.open(t, port, '127.0.0.9');
  assert.equal((await banned.reply()).code, 421, 'its mail stays in its queue');
  await banned.closed();
  assert.equal(events.at(-1)!.rule, 'client-banned');
});

test('a ban list that throws refuses the client', async (t) => {
  const sink = await mailSink(t);
  const { port, logged } = await startGuard(
    t,
    sink.port,
    {},
    {
      isBanned: () => {
        throw new Error('broken');
      },
    },
  );
  const client = await Dialogue.open(t, port);
  assert.equal((await client.reply()).code, 421);
  assert.match(logged.join(), /ban list/);
});

test('a browser that a web page made post mail commands is cut off at its first line', async (t) => {
  const sink = await mailSink(t);
  const { port } = await startGuard(t, sink.port);
  const client = await Dialogue.open(t, port);
  await client.reply();
  client.send('POST / HTTP/1.1\r\nHost: mx.example.net:25\r\n\r\nMAIL FROM:<a@example.net>\r\n');
  assert.equal((await client.reply()).code, 554);
  await client.closed();
  assert.equal(sink.received[0]!.replace('QUIT\r\n', ''), '');
});
