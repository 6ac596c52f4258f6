import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Dialogue } from './dialogue.ts';
import { mailSink, startGuard } from './support.ts';

test('a mail for us passes, with its replies', async (t) => {
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
  assert.equal(mail!.data.toString(), 'Subject: x\r\n\r\n.dot\r\n');
  assert.equal(mail!.helo, 'client.example.org');
  assert.deepEqual(events, []);
});
