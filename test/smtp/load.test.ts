import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { test } from 'node:test';
import { watchDials } from '../support/no-dial.ts';
import { Dialogue } from './dialogue.ts';
import { asBytes, recipients } from './recipients.ts';
import { fakeServer, mailSink, startGuard } from './support.ts';

test('1,000 sessions at a time, each with its own mail', async (t) => {
  const sink = await mailSink(t);
  const { port, guard } = await startGuard(t, sink.port);
  const clients: Dialogue[] = [];
  for (let i = 0; i < 1000; i += 100)
    clients.push(...(await Promise.all(Array.from({ length: 100 }, () => Dialogue.greeted(t, port)))));
  assert.equal(guard.sessions, 1000);
  await Promise.all(
    clients.map(async (client, index) => {
      assert.equal(await client.code(`MAIL FROM:<a${index}@example.org>`), 250);
      assert.equal(await client.code(`RCPT TO:<u${index}@example.net>`), 250);
      assert.equal(await client.code('DATA'), 354);
      assert.equal(await client.code(`Subject: ${index}\r\n\r\ntext\r\n.`), 250);
    }),
  );
  assert.equal(sink.mails.length, 1000);
  for (const mail of sink.mails) {
    const index = /^a(\d+)@/.exec(mail.from)![1];
    assert.deepEqual(mail.to, [`u${index}@example.net`]);
    assert.match(mail.data.toString(), new RegExp(`\r\nSubject: ${index}\r\n`));
  }
});

test('a message streams: while the mail server reads nothing, back-pressure stops the client', async (t) => {
  const server = await fakeServer(t, (socket) => {
    socket.write('220 x\r\n');
    socket.on('data', (chunk: Buffer) => {
      const isData = chunk.toString('latin1').startsWith('DATA');
      socket.write(isData ? '354 x\r\n' : '250 x\r\n');
      if (isData) socket.pause();
    });
  });
  const { port } = await startGuard(t, server.port);
  const client = await Dialogue.greeted(t, port);
  await client.say('MAIL FROM:<a@example.org>');
  await client.say('RCPT TO:<user@example.net>');
  await client.say('DATA');
  const megabyte = Buffer.from(`${'x'.repeat(62)}\r\n`.repeat(16_384));
  for (let i = 0; i < 64; i++) client.socket.write(megabyte);
  // Until nothing is sent any more: the socket buffers hold what was sent, far less than the message.
  const left = (): number => client.socket.bytesWritten - client.socket.writableLength;
  for (let still = 0, before = -1; still < 10; before = left()) {
    await new Promise((done) => setTimeout(done, 50));
    still = left() === before ? still + 1 : 0;
  }
  assert.ok(left() < 32 * 2 ** 20, `${left()} bytes were taken`);
});

test('whatever a client asks for, only the mail server is dialled and no name is looked up', async (t) => {
  const sink = await mailSink(t);
  const { port } = await startGuard(t, sink.port, { relayFrom: ['127.0.0.2'] });
  const watch = watchDials(t, [`127.0.0.1:${sink.port}`, `127.0.0.1:${port}`]);
  for (const from of ['127.0.0.1', '127.0.0.2']) {
    const client = await Dialogue.greeted(t, port, from);
    for (const [text] of recipients) {
      await client.say(`MAIL FROM:${asBytes(text)}`);
      await client.say(`RCPT TO:${asBytes(text)}`);
      await client.say('RSET');
    }
  }
  assert.ok(watch.dials.length > 0);
  assert.deepEqual(watch.others(), []);
});

test('graceful shutdown: an open message ends, then the session', async (t) => {
  const sink = await mailSink(t);
  const { port, guard } = await startGuard(t, sink.port);
  const client = await Dialogue.greeted(t, port);
  const idle = await Dialogue.greeted(t, port);
  await client.say('MAIL FROM:<a@example.org>');
  await client.say('RCPT TO:<user@example.net>');
  assert.equal(await client.code('DATA'), 354);
  const closed = guard.close();
  assert.equal((await idle.reply()).code, 421);
  idle.socket.destroy();
  assert.equal(await client.code('text\r\n.'), 250);
  assert.equal(await client.code('NOOP'), 421);
  client.socket.destroy();
  await closed;
});

test('graceful shutdown: a client that stays after its message gets 421 at once', async (t) => {
  const sink = await mailSink(t, { reply: (line) => (line === '.' ? null : undefined) });
  const sockets: Socket[] = [];
  sink.server.on('connection', (socket: Socket) => sockets.push(socket));
  const { port, guard } = await startGuard(t, sink.port);
  const client = await Dialogue.greeted(t, port);
  for (const line of ['MAIL FROM:<a@example.org>', 'RCPT TO:<user@example.net>', 'DATA'])
    await client.say(line);
  client.send('Hi\r\n.\r\n');
  await sink.waitFor(1);
  const closed = guard.close(600_000);
  sockets[0]!.write('250 2.0.0 Taken\r\n');
  assert.equal((await client.reply()).code, 250);
  assert.equal((await client.reply()).code, 421);
  await client.closed();
  await closed;
});

test('a taken port is reported with its owner', async (t) => {
  const server = await fakeServer(t, () => {});
  if (!server.server.listening) await once(server.server, 'listening');
  await assert.rejects(
    startGuard(t, 1, { listen: [`127.0.0.1:${server.port}`] }),
    new RegExp(
      `smtp: cannot listen on 127\\.0\\.0\\.1:${server.port}: the port is taken.*move the mail server`,
    ),
  );
});
