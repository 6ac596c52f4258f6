/** Clients that hold a session open are disconnected: a line must come whole in time, a message must make progress. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { Dialogue } from './dialogue.ts';
import { mailSink, startGuard } from './support.ts';

test('a client that sends nothing, or a byte at a time, gets 421', async (t) => {
  const sink = await mailSink(t);
  const { port } = await startGuard(t, sink.port, { timeouts: { command: 3000 } });
  const silent = await Dialogue.open(t, port);
  assert.equal((await silent.reply()).code, 220);
  const dribbling = await Dialogue.greeted(t, port);
  const dribble = setInterval(() => dribbling.send('N'), 50);
  t.after(() => clearInterval(dribble));
  for (const client of [silent, dribbling]) {
    assert.match((await client.reply()).text, /^421 4\.4\.2 /);
    await client.closed();
  }
});

test('each command has its own timeout', async (t) => {
  const sink = await mailSink(t);
  const { port } = await startGuard(t, sink.port, { timeouts: { command: 3000 } });
  const client = await Dialogue.greeted(t, port);
  for (const end = Date.now() + 4000; Date.now() < end; await delay(20))
    assert.equal(await client.code('NOOP'), 250);
  assert.match((await client.reply()).text, /^421 4\.4\.2 /);
});

test('a message that stops midway: 421, and the mail server never sees its end', async (t) => {
  const sink = await mailSink(t);
  const { port } = await startGuard(t, sink.port, { timeouts: { data: 3000 } });
  const client = await Dialogue.greeted(t, port);
  await client.say('MAIL FROM:<a@example.org>');
  await client.say('RCPT TO:<user@example.net>');
  assert.equal(await client.code('DATA'), 354);
  client.send('Subject: x\r\n\r\nhalf');
  assert.match((await client.reply()).text, /^421 4\.4\.2 /);
  await client.closed();
  assert.match(sink.received[0]!, /half$/);
  assert.equal(sink.mails.length, 0);
});

test('each reply of a mail server has its own timeout', async (t) => {
  const sink = await mailSink(t, { reply: (line) => (line.startsWith('RCPT') ? null : undefined) });
  const { port } = await startGuard(t, sink.port, { timeouts: { reply: 3000 } });
  const client = await Dialogue.greeted(t, port);
  for (const end = Date.now() + 4000; Date.now() < end; await delay(20)) {
    assert.equal(await client.code('MAIL FROM:<a@example.org>'), 250);
    assert.equal(await client.code('RSET'), 250);
  }
  // Idle for longer than the reply timeout: the session with the mail server stays.
  await delay(3500);
  assert.equal(await client.code('MAIL FROM:<a@example.org>'), 250);
  assert.equal(await client.code('RCPT TO:<user@example.net>'), 421);
  assert.equal(sink.received.length, 1);
});
