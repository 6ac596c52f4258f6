/** A message that the mail server refuses at its end: it is not mail accepted, and an error of the client. */
import assert from 'node:assert/strict';
import type { Socket } from 'node:net';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { eventually } from '../support/eventually.ts';
import { Dialogue } from './dialogue.ts';
import { mailSink, startGuard } from './support.ts';

for (const refusal of ['554 5.7.1 Spam', '451 4.7.1 Later', '354 What?'])
  test(`${refusal}: neither a log line nor a total, nor a delivery that clears offences`, async (t) => {
    const sink = await mailSink(t, { reply: (line) => (line === '.' ? refusal : undefined) });
    const said: string[] = [];
    const delivered: string[] = [];
    const { port, guard } = await startGuard(
      t,
      sink.port,
      {},
      {
        log: { info: (_, message) => said.push(message), warn: () => {}, error: () => {} },
        onDelivered: (address) => delivered.push(address),
      },
    );
    const client = await Dialogue.greeted(t, port);
    for (const line of ['MAIL FROM:<a@example.org>', 'RCPT TO:<user@example.net>', 'DATA'])
      await client.say(line);
    assert.equal((await client.say('Hi\r\n.')).text, `${refusal}\r\n`);
    assert.deepEqual([said, delivered], [[], []]);
    assert.deepEqual({ ...guard.counts }, { messages: 0, recipients: 0, bytes: 0 });
  });

test('a refused message does not reset the error count, a delivered one does', async (t) => {
  for (const [reply, messages] of [
    ['554 5.7.1 Spam', 3],
    ['250 2.0.0 Taken', 8],
  ] as const) {
    const sink = await mailSink(t, {
      reply: (line) => (line.includes('<dead@') ? '550 5.1.1 Unknown' : line === '.' ? reply : undefined),
    });
    const { port } = await startGuard(t, sink.port, { limits: { errors: 8 } });
    const client = await Dialogue.greeted(t, port);
    let sent = 0;
    for (; sent < 8; sent++) {
      if ((await client.code('MAIL FROM:<a@example.org>')) !== 250) break;
      for (const to of ['dead', 'dead', 'user']) await client.say(`RCPT TO:<${to}@example.net>`);
      assert.equal(await client.code('DATA'), 354);
      await client.say('Hi\r\n.');
    }
    assert.equal(sent, messages, reply);
    client.socket.destroy();
  }
});

test('a message that begins before the 354 of a slow mail server gets 521, and the mail server none of it', async (t) => {
  const sockets: Socket[] = [];
  const sink = await mailSink(t, { reply: (line) => (line === 'DATA' ? null : undefined) });
  sink.server.on('connection', (socket: Socket) => sockets.push(socket));
  const { port, events } = await startGuard(t, sink.port);
  const client = await Dialogue.greeted(t, port);
  for (const line of ['MAIL FROM:<a@example.org>', 'RCPT TO:<user@example.net>']) await client.say(line);
  client.send('DATA\r\n');
  await eventually(() => sink.received[0]!.endsWith('DATA\r\n'), 'DATA');
  client.send('Subject: early\r\n');
  // By now the guard has it: both run in this process.
  await delay(50);
  sockets[0]!.write('354 Go on\r\n');
  assert.match((await client.reply()).text, /^521 5\.5\.1 Talked before 354/);
  await client.closed();
  assert.doesNotMatch(sink.received[0]!, /early/);
  assert.deepEqual(
    events.map(({ rule }) => rule),
    ['smtp-early-talk'],
  );
});
