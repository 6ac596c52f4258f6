/** Replies of the mail server reach the client unchanged, one for each command. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ReplyError, ReplyReader } from '../../src/smtp/reply.ts';
import { eventually } from '../support/eventually.ts';
import { Dialogue } from './dialogue.ts';
import { mailSink, startGuard } from './support.ts';

const said: Readonly<Record<string, string>> = {
  'RCPT TO:<greylisted@example.net>': '450 4.2.0 Greylisted, see https://example.net/grey\r\n',
  'RCPT TO:<full@example.net>':
    '452-4.2.2 The mailbox is full.\r\n452-4.2.2 Its owner has been told.\r\n452 4.2.2 Try again in a week.\r\n',
  'RCPT TO:<unknown@example.net>':
    '550 5.1.1 <unknown@example.net>: Recipient address rejected: User unknown\r\n',
  'RCPT TO:<moved@example.net>': '551 5.1.6 User not local; please try <user@example.com>\r\n',
  'RCPT TO:<later@example.net>': '251 2.1.5 User not local; will forward\r\n',
  'RCPT TO:<short@example.net>': '250 \r\n',
  'RCPT TO:<eight@example.net>': '250 2.1.5 \xdcbernommen\r\n',
};

test('each recipient gets its own reply from the mail server, byte for byte', async (t) => {
  const sink = await mailSink(t, {
    reply: (line) =>
      said[line]?.replace(/\r\n$/, '') ??
      (line === '.' ? '554-5.6.0 Refused:\r\n554 5.6.0 a virus' : undefined),
  });
  const { port, events } = await startGuard(t, sink.port);
  const client = await Dialogue.greeted(t, port);
  // Pipelined, mixing replies of the guard and the mail server: each must belong to its command.
  const lines = Object.keys(said);
  client.send(
    `MAIL FROM:<a@example.org>\r\n${lines.flatMap((line) => [line, 'RCPT TO:<user@example.com>']).join('\r\n')}\r\n`,
  );
  assert.equal((await client.reply()).code, 250);
  for (const line of lines) {
    assert.equal((await client.reply()).text, said[line], line);
    assert.equal((await client.reply()).text, '550 5.7.1 Relaying refused\r\n');
  }
  assert.equal(events.length, lines.length);
  assert.equal(await client.code('DATA'), 354);
  assert.equal((await client.say('x\r\n.')).text, '554-5.6.0 Refused:\r\n554 5.6.0 a virus\r\n');
  // Only the recipients the mail server accepted.
  assert.equal(await client.code('MAIL FROM:<a@example.org>'), 250);
});

test('421 from the mail server is forwarded and ends the session', async (t) => {
  const sink = await mailSink(t, {
    reply: (line) => (line.startsWith('RCPT') ? '421 4.3.2 Going down' : undefined),
  });
  const { port } = await startGuard(t, sink.port);
  const client = await Dialogue.greeted(t, port);
  assert.equal(await client.code('MAIL FROM:<a@example.org>'), 250);
  assert.equal((await client.say('RCPT TO:<user@example.net>')).text, '421 4.3.2 Going down\r\n');
  await client.closed();
});

test('a refused message: the mail server gets no terminator, and sees the connection close', async (t) => {
  for (const [settings, body, code] of [
    [{}, 'Subject: x\r\n\r\nfirst part\r\nbare\nnewline\r\n.\r\n', 550],
    [
      { limits: { message: 100 } },
      `Subject: x\r\n\r\nfirst part\r\n${'x'.repeat(70)}\r\n${'x'.repeat(70)}\r\n.\r\n`,
      552,
    ],
  ] as const) {
    const sink = await mailSink(t);
    const { port } = await startGuard(t, sink.port, settings);
    const client = await Dialogue.greeted(t, port);
    await client.say('MAIL FROM:<a@example.org>');
    await client.say('RCPT TO:<user@example.net>');
    assert.equal(await client.code('DATA'), 354);
    const half = body.indexOf('first part') + 'first part\r\n'.length;
    client.send(body.slice(0, half));
    // The mail server has the first part before the rest is sent.
    await eventually(() => sink.received[0]!.endsWith('first part\r\n'), 'the first part');
    client.send(body.slice(half));
    assert.equal((await client.reply()).code, code);
    assert.doesNotMatch(sink.received[0]!, /\r\n\.\r\n|QUIT/);
    // The session goes on, with a new connection to the mail server.
    assert.equal(await client.code('MAIL FROM:<a@example.org>'), 250);
    assert.equal(await client.code('RCPT TO:<user@example.net>'), 250);
    assert.equal(sink.received.length, 2);
    assert.equal(sink.mails.length, 0);
  }
});

test('a reply is bounded to 64 KiB, in one line or in many; a session with many replies is not', () => {
  const line = `250-${'x'.repeat(996)}\r\n`;
  const reader = new ReplyReader();
  for (let i = 0; i < 100; i++)
    assert.equal(reader.push(Buffer.from(`${line.repeat(10)}250 end\r\n`))[0]!.lines.length, 11);
  assert.throws(() => new ReplyReader().push(Buffer.from(line.repeat(70))), ReplyError);
  assert.throws(() => new ReplyReader().push(Buffer.from('250 '.padEnd(70_000, 'x'))), ReplyError);
});
