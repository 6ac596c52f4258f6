/** Limits of all sessions together, of a client's network, and of a message. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { eventually } from '../support/eventually.ts';
import { Dialogue } from './dialogue.ts';
import { mailSink, startGuard } from './support.ts';

test('connections: the next one gets 421, and the mail server is not dialled', async (t) => {
  const sink = await mailSink(t);
  const { port, guard } = await startGuard(t, sink.port, { limits: { connections: 3 } });
  const clients: Dialogue[] = [];
  for (let i = 0; i < 3; i++) clients.push(await Dialogue.greeted(t, port, `127.0.0.${10 + i}`));
  const fourth = await Dialogue.open(t, port, '127.0.0.20');
  assert.equal((await fourth.reply()).text, '421 4.7.0 Too many connections\r\n');
  await fourth.closed();
  assert.equal(sink.received.length, 3);
  assert.equal(await clients[0]!.code('QUIT'), 221);
  await clients[0]!.closed();
  await eventually(() => guard.sessions === 2, 'one session less');
  const again = await Dialogue.open(t, port, '127.0.0.20');
  assert.equal((await again.reply()).code, 220);
});

test('connectionsPerClient: each client has its own limit, relayFrom has none', async (t) => {
  const sink = await mailSink(t);
  const { port } = await startGuard(t, sink.port, {
    relayFrom: ['127.0.0.2'],
    limits: { connectionsPerClient: 1 },
  });
  for (const [from, code] of [
    ['127.0.0.10', 220],
    ['127.0.0.10', 421],
    ['127.0.0.11', 220],
    ['127.0.0.2', 220],
    ['127.0.0.2', 220],
  ] as const)
    assert.equal((await (await Dialogue.open(t, port, from)).reply()).code, code, from);
});

test('message: the limit is in EHLO; a larger message is refused at MAIL if SIZE says so, else at its end', async (t) => {
  const sink = await mailSink(t, { offers: ['SIZE 5000'] });
  const { port } = await startGuard(t, sink.port, { limits: { message: 1000 } });
  const client = await Dialogue.open(t, port);
  await client.reply();
  assert.deepEqual((await client.say('EHLO x')).lines, ['sink.example.net', 'SIZE 1000']);
  assert.equal(
    (await client.say('MAIL FROM:<a@example.org> SIZE=1001')).text,
    '552 5.3.4 Message too big\r\n',
  );
  assert.equal(await client.code('MAIL FROM:<a@example.org> SIZE=1000'), 250);
  assert.equal(await client.code('RCPT TO:<user@example.net>'), 250);
  assert.equal(await client.code('DATA'), 354);
  assert.equal(await client.code(`${`${'x'.repeat(60)}\r\n`.repeat(20)}.`), 552);
  assert.equal(sink.mails.length, 0);
  assert.doesNotMatch(sink.received[0]!, /SIZE=1001/);
  assert.equal(await client.code('MAIL FROM:<a@example.org>'), 250, 'the session goes on');
});

test('message: neither the dot line at the end nor commands after it count (RFC 1870 section 3)', async (t) => {
  const sink = await mailSink(t);
  const { port } = await startGuard(t, sink.port, { limits: { message: 1000 } });
  for (const [octets, code] of [
    [1000, 250],
    [1001, 552],
  ] as const)
    for (const packets of [1, 2]) {
      const client = await Dialogue.greeted(t, port);
      for (const line of ['MAIL FROM:<a@example.org>', 'RCPT TO:<user@example.net>', 'DATA'])
        await client.say(line);
      const message = `${'x'.repeat(octets - 2)}\r\n`;
      if (packets === 2) {
        client.send(`${message}.\r`);
        await eventually(() => sink.received.at(-1)!.includes('x'.repeat(octets - 2)), 'the first packet');
        client.send('\nNOOP\r\n');
      } else client.send(`${message}.\r\nNOOP\r\n`);
      assert.equal((await client.reply()).code, code, `${octets} octets in ${packets} packets`);
      assert.equal((await client.reply()).code, 250);
      client.socket.destroy();
    }
});

test('recipients: refused ones do not count, and each message has its own limit', async (t) => {
  const sink = await mailSink(t);
  const { port } = await startGuard(t, sink.port, { limits: { recipients: 2 } });
  const client = await Dialogue.greeted(t, port);
  for (let message = 0; message < 2; message++) {
    assert.equal(await client.code('MAIL FROM:<a@example.org>'), 250);
    for (const [to, code] of [
      ['user@example.com', 550],
      ['a@example.net', 250],
      ['user@example.com', 550],
      ['b@example.net', 250],
      ['c@example.net', 452],
      ['user@example.com', 550],
    ] as const)
      assert.equal(await client.code(`RCPT TO:<${to}>`), code);
    assert.equal(await client.code('DATA'), 354);
    assert.equal(await client.code('x\r\n.'), 250);
    assert.deepEqual(sink.mails[message]!.to, ['a@example.net', 'b@example.net']);
  }
});
