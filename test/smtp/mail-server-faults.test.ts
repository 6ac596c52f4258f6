import assert from 'node:assert/strict';
import type { Socket } from 'node:net';
import { test } from 'node:test';
import { RoundRobin } from '../../src/smtp/round-robin.ts';
import { eventually } from '../support/eventually.ts';
import { freePort } from '../support/free-port.ts';
import { without } from '../support/peers.ts';
import { Dialogue } from './dialogue.ts';
import { startPostfix } from './postfix.ts';
import { fakeServer, mailSink, startGuard } from './support.ts';

/** Sends the commands, and part of a message. */
async function inTheMiddle(client: Dialogue): Promise<void> {
  assert.equal(await client.code('MAIL FROM:<a@example.org>'), 250);
  assert.equal(await client.code('RCPT TO:<user@example.net>'), 250);
  assert.equal(await client.code('DATA'), 354);
}

/** A scripted mail server: answers each line by its verb. */
function script(socket: Socket, replies: Record<string, string | ((socket: Socket) => void)>): void {
  socket.write('220 fake ESMTP\r\n');
  socket.on('data', (chunk: Buffer) => {
    for (const line of chunk.toString('latin1').split('\r\n')) {
      const verb = line.slice(0, 4).toUpperCase();
      const reply = replies[verb] ?? (/^(?:EHLO|HELO|MAIL|RCPT|RSET)$/.test(verb) ? '250 OK' : undefined);
      if (typeof reply === 'string') socket.write(`${reply}\r\n`);
      else reply?.(socket);
    }
  });
}

test('no mail server: 421, and the log says why', async (t) => {
  const { port, logged } = await startGuard(t, await freePort());
  const client = await Dialogue.open(t, port);
  assert.equal((await client.reply()).code, 421);
  await client.closed();
  assert.match(logged[0]!, /^smtp: 127\.0\.0\.1:\d+ skipped: .*ECONNREFUSED/);
});

test('a mail server that hangs, refuses for now or does not speak SMTP is skipped before the greeting', async (t) => {
  const hanging = await fakeServer(t, () => {});
  const busy = await fakeServer(t, (socket) => socket.write('421 4.3.2 Busy\r\n'));
  const web = await fakeServer(t, (socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'));
  const sink = await mailSink(t);
  const backends = [await freePort(), hanging.port, busy.port, web.port, sink.port].map(
    (port) => `127.0.0.1:${port}`,
  );
  const { port, logged } = await startGuard(t, 0, { backends, timeouts: { connect: 2000 } });
  const client = await Dialogue.open(t, port);
  assert.equal((await client.reply()).text, '220 sink.example.net ESMTP\r\n');
  assert.equal(logged.length, 4);
});

test('a mail server that hangs costs one client its timeout, and not the clients after it', async (t) => {
  const hanging = await fakeServer(t, () => {});
  const sinks = [await mailSink(t), await mailSink(t)];
  const backends = [hanging, ...sinks].map(({ port }) => `127.0.0.1:${port}`);
  const { port, logged } = await startGuard(t, 0, { backends, timeouts: { connect: 2000 } });
  for (let i = 0; i < 6; i++) await Dialogue.greeted(t, port);
  assert.equal(logged.length, 1);
  assert.equal(hanging.received.length, 1);
  assert.equal(sinks[0]!.received.length + sinks[1]!.received.length, 6);
  assert.ok(sinks.every(({ received }) => received.length > 0));
});

test('round-robin: failed mail servers come last for ten seconds, and all of them are tried', () => {
  let now = 0;
  const turns = new RoundRobin(3, () => now);
  assert.deepEqual(turns.next(), [0, 1, 2]);
  turns.failed(1);
  assert.deepEqual(turns.next(), [2, 0, 1]);
  turns.failed(2);
  assert.deepEqual(turns.next(), [0, 2, 1]);
  now = 9_999;
  assert.deepEqual(turns.next(), [0, 1, 2]);
  now = 10_000;
  assert.deepEqual(turns.next(), [1, 2, 0]);
});

test('sessions go to the mail servers round-robin', async (t) => {
  const sinks = [await mailSink(t), await mailSink(t), await mailSink(t)];
  const { port } = await startGuard(t, 0, { backends: sinks.map((sink) => `127.0.0.1:${sink.port}`) });
  for (let i = 0; i < 6; i++) await Dialogue.greeted(t, port);
  assert.deepEqual(
    sinks.map((sink) => sink.received.length),
    [2, 2, 2],
  );
});

test('a mail server that refuses this client: its own greeting is forwarded', async (t) => {
  const server = await fakeServer(t, (socket) => socket.write('554 5.7.1 Not you\r\n'));
  const { port } = await startGuard(t, server.port);
  const client = await Dialogue.open(t, port);
  assert.equal((await client.reply()).text, '554 5.7.1 Not you\r\n');
  await client.closed();
});

for (const [when, replies] of Object.entries({
  'at MAIL': { MAIL: (socket: Socket) => void socket.destroy() },
  'at RCPT': { RCPT: (socket: Socket) => void socket.destroy() },
  'at RCPT, with nonsense': { RCPT: 'what?' },
  'at RCPT, without a word': { RCPT: () => {} },
})) {
  test(`the mail server closes ${when}: 421`, async (t) => {
    const server = await fakeServer(t, (socket) => script(socket, replies));
    const { port } = await startGuard(t, server.port, { timeouts: { reply: 3000 } });
    const client = await Dialogue.greeted(t, port);
    const first = await client.code('MAIL FROM:<a@example.org>');
    assert.equal(first === 250 ? await client.code('RCPT TO:<user@example.net>') : first, 421);
    await client.closed();
  });
}

test('the mail server closes in mid-message: 451, and the session goes on with a new connection', async (t) => {
  const server = await fakeServer(t, (socket, index) => {
    script(socket, {
      DATA: (socket) => {
        socket.write('354 Go on\r\n');
        if (index === 0) setImmediate(() => socket.destroy());
      },
      '.': '250 Taken',
    });
  });
  const { port } = await startGuard(t, server.port);
  const client = await Dialogue.greeted(t, port);
  await inTheMiddle(client);
  client.send('Subject: x\r\n');
  const lost = Promise.withResolvers<void>();
  server.server.getConnections(() => lost.resolve());
  await lost.promise;
  client.send('x\r\n'.repeat(10_000));
  assert.equal(await client.code('.'), 451);
  await inTheMiddle(client);
  assert.equal((await client.say('.')).text, '250 Taken\r\n');
  assert.equal(server.received.length, 2);
  assert.match(server.received[1]!, /^EHLO client\.example\.org\r\nMAIL FROM/);
});

for (const [how, last] of [
  ['closes', (socket: Socket) => void socket.destroy()],
  ['keeps silent', () => {}],
  ['says nonsense', 'Taken, really'],
] as const) {
  test(`the mail server ${how} at the end of a message: never a false 250`, async (t) => {
    const server = await fakeServer(t, (socket) => script(socket, { DATA: '354 Go on', '.': last }));
    const { port } = await startGuard(t, server.port, { timeouts: { delivery: 300 } });
    const client = await Dialogue.greeted(t, port);
    await inTheMiddle(client);
    assert.equal(await client.code('.'), 451);
    assert.equal(await client.code('NOOP'), 250);
  });
}

test('the mail server stops reading in mid-message: 421 while the client still sends', async (t) => {
  const server = await fakeServer(t, (socket) =>
    script(socket, {
      DATA: (socket) => {
        socket.write('354 Go on\r\n');
        socket.pause();
      },
    }),
  );
  const { port } = await startGuard(t, server.port, { timeouts: { data: 3000 } });
  const client = await Dialogue.greeted(t, port);
  await inTheMiddle(client);
  // More than the socket buffers hold, so that the client never reaches the end.
  const megabyte = Buffer.alloc(1 << 20, 'x');
  for (let i = 0; i < 64; i++) client.socket.write(megabyte);
  assert.equal((await client.reply()).text, '421 4.3.0 Mail server lost, try again\r\n');
  await client.closed();
});

test('the mail server stops reading, then closes: the client is read to its end, and gets 451', async (t) => {
  const sockets: Socket[] = [];
  const server = await fakeServer(t, (socket) => {
    sockets.push(socket);
    script(socket, {
      DATA: (socket) => {
        socket.write('354 Go on\r\n');
        socket.pause();
      },
    });
  });
  const { port } = await startGuard(t, server.port);
  const client = await Dialogue.greeted(t, port);
  await inTheMiddle(client);
  const line = Buffer.alloc(1 << 20, 'x');
  for (let i = 0; i < 32; i++) client.socket.write(line);
  client.send('\r\n.\r\n');
  // Until back-pressure has come to the client: nothing more leaves it.
  let left = 0;
  await eventually(async () => {
    const before = left;
    left = client.socket.writableLength;
    await new Promise((done) => setTimeout(done, 100));
    return left > 0 && left === before;
  }, 'a client that has to wait');
  sockets[0]!.destroy();
  assert.equal((await client.reply()).code, 451);
});

test('an unsolicited 421 between two commands is not taken for the reply to the next one', async (t) => {
  const closed = Promise.withResolvers<void>();
  const server = await fakeServer(t, (socket, index) => {
    script(socket, {});
    if (index === 0)
      socket.once('data', () =>
        setImmediate(() => socket.end('421 4.3.2 Shutting down\r\n', closed.resolve)),
      );
  });
  const { port } = await startGuard(t, server.port);
  const client = await Dialogue.greeted(t, port);
  await closed.promise;
  // No message was open: a new session takes over.
  assert.equal(await client.code('MAIL FROM:<a@example.org>'), 250);
});

test('a second reply to one command is not taken for the reply to the next one', async (t) => {
  let twice = true;
  const sink = await mailSink(t, {
    reply: (line) => {
      if (!line.startsWith('RCPT') || !twice) return undefined;
      twice = false;
      return '250 2.1.5 OK\r\n250 2.1.5 OK';
    },
  });
  const { port } = await startGuard(t, sink.port);
  for (const command of ['RCPT TO:<other@example.net>', 'DATA']) {
    twice = true;
    const client = await Dialogue.greeted(t, port);
    assert.equal(await client.code('MAIL FROM:<a@example.org>'), 250);
    assert.equal(await client.code('RCPT TO:<user@example.net>'), 250);
    assert.equal(await client.code(command), 421, command);
    await client.closed();
  }
});

test('a mail server that goes on and on replying is disconnected', async (t) => {
  let closed = false;
  const server = await fakeServer(t, (socket) => {
    socket.write('220 mx.example.net\r\n');
    socket.on('data', () => socket.write('250 a\r\n250 b\r\n250 c\r\n'));
    socket.once('close', () => {
      closed = true;
    });
  });
  const { port } = await startGuard(t, server.port);
  const client = await Dialogue.greeted(t, port);
  await eventually(() => closed, 'the end of the session');
  assert.equal(await client.code('NOOP'), 250, 'the client may go on, with a new session');
});

test('XCLIENT configured but not offered: 421, since the mail server would trust every client', async (t) => {
  const sink = await mailSink(t);
  const { port, logged } = await startGuard(t, sink.port, { xclient: true });
  const client = await Dialogue.open(t, port);
  assert.equal((await client.reply()).code, 421);
  assert.match(logged[0]!, /smtpd_authorized_xclient_hosts/);
});

test('XCLIENT that a real Postfix does not offer: the next mail server is tried, and 421 if there is none', {
  skip: without('postfix'),
}, async (t) => {
  const sink = await mailSink(t);
  const unwilling = await startPostfix(t, {
    deliverTo: sink.port,
    main: 'smtpd_authorized_xclient_hosts = 192.0.2.1',
  });
  const alone = await startGuard(t, unwilling.port, { xclient: true });
  const refused = await Dialogue.open(t, alone.port);
  assert.equal((await refused.reply()).code, 421);
  await refused.closed();
  assert.match(alone.logged[0]!, /XCLIENT is not offered .* smtpd_authorized_xclient_hosts/);
  const willing = await startPostfix(t, {
    deliverTo: sink.port,
    main: 'smtpd_authorized_xclient_hosts = 127.0.0.1',
  });
  const backends = [unwilling, willing].map(({ port }) => `127.0.0.1:${port}`);
  const both = await startGuard(t, 0, { xclient: true, backends });
  const client = await Dialogue.open(t, both.port);
  assert.equal((await client.reply()).code, 220);
  assert.equal(both.logged.length, 1);
});

test("XCLIENT carries the client's address, and the greeting after it goes to the client", async (t) => {
  const sink = await mailSink(t, {
    offers: ['XCLIENT NAME ADDR PORT PROTO HELO LOGIN'],
    reply: (line) => (line.startsWith('XCLIENT') ? '220 again.example.net' : undefined),
  });
  const { port } = await startGuard(t, sink.port, { xclient: true });
  const client = await Dialogue.open(t, port, '127.0.0.7');
  assert.equal((await client.reply()).text, '220 again.example.net\r\n');
  assert.match(sink.received[0]!, /^EHLO \S+\r\nXCLIENT ADDR=127\.0\.0\.7 PORT=\d+ NAME=\[UNAVAILABLE\]\r\n/);
});

test('a PROXY header goes first', async (t) => {
  const sink = await mailSink(t);
  const { port } = await startGuard(t, sink.port, { proxyProtocol: 'v1' });
  await Dialogue.greeted(t, port, '127.0.0.7');
  assert.match(sink.received[0]!, new RegExp(`^PROXY TCP4 127\\.0\\.0\\.7 127\\.0\\.0\\.1 \\d+ ${port}\r\n`));
});
