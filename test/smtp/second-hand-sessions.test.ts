/** Reusing a session with the mail server must not make any answer worse: a command that a used session refuses is sent in a new one. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { test } from 'node:test';
import { eventually } from '../support/eventually.ts';
import { startOpensmtpd } from '../support/opensmtpd.ts';
import type { Owner } from '../support/owner.ts';
import { without } from '../support/peers.ts';
import { certificate } from './certificate.ts';
import { Dialogue } from './dialogue.ts';
import { startExim } from './exim.ts';
import {
  type FakeServer,
  fakeServer,
  mailSink,
  type Sink,
  type SinkSettings,
  startGuard,
} from './support.ts';

/** A client delivers messages and quits. @returns the codes of all replies */
async function deliver(owner: Owner, port: number, helo: string, messages = 1): Promise<number[]> {
  const client = await Dialogue.open(owner, port);
  const codes = [(await client.reply()).code, await client.code(`EHLO ${helo}`)];
  for (let i = 0; i < messages; i++) codes.push(...(await send(client)));
  codes.push(await client.code('QUIT'));
  await client.closed();
  client.socket.destroy();
  return codes;
}

async function send(client: Dialogue): Promise<number[]> {
  const codes: number[] = [];
  for (const line of [
    'MAIL FROM:<a@example.org>',
    'RCPT TO:<user@example.net>',
    'DATA',
    'Subject: Hi\r\n\r\nHi\r\n.',
  ])
    codes.push(await client.code(line));
  return codes;
}

const delivered = [250, 250, 354, 250];
/** The commands of the mail server's last session. */
const inLastSession = ({ received }: FakeServer, verb: string): number =>
  received.at(-1)!.split(`\r\n${verb} `).length - 1;

test('OpenSMTPD, which accepts one EHLO a session: clients in turn, and a client after STARTTLS, are all served', {
  skip: without('smtpd', 'openssl'),
}, async (t) => {
  const sink = await mailSink(t);
  const server = await startOpensmtpd(t, [
    `action "out" relay host smtp://127.0.0.1:${sink.port}`,
    'match from any for domain "example.net" action "out"',
  ]);
  const { port } = await startGuard(t, server.port, { tls: await certificate(t) });
  for (const helo of ['one.example.org', 'two.example.org', 'two.example.org'])
    assert.deepEqual(await deliver(t, port, helo), [220, 250, ...delivered, 221], helo);
  for (const after of ['before.example.org', 'after.example.org']) {
    const client = await Dialogue.open(t, port);
    await client.reply();
    assert.equal(await client.code('EHLO before.example.org'), 250);
    assert.equal(await client.code('STARTTLS'), 220);
    await client.startTls();
    assert.equal(await client.code(`EHLO ${after}`), 250, after);
    assert.deepEqual(await send(client), delivered, after);
    assert.equal(await client.code('QUIT'), 221);
  }
  await sink.waitFor(5);
});

test('Exim with few messages a session: the messages of one client do not count against the next', {
  skip: without('exim4'),
}, async (t) => {
  const sink = await mailSink(t);
  const exim = await startExim(t, { deliverTo: sink.port, main: 'smtp_accept_max_per_connection = 3' });
  const { port } = await startGuard(t, exim.port);
  for (let i = 0; i < 6; i++)
    assert.deepEqual(
      await deliver(t, port, `client${i}.example.org`, 2),
      [220, 250, ...delivered, ...delivered, 221],
      `client ${i}`,
    );
  await sink.waitFor(12);
});

for (const pipelining of [true, false]) {
  const offers = pipelining ? ['PIPELINING'] : [];
  const how = pipelining ? 'with PIPELINING' : 'without PIPELINING';

  test(`a used session that has 452 for the next MAIL is replaced, ${how}`, async (t) => {
    const sink = await mailSink(t, {
      offers,
      reply: (line) =>
        line.startsWith('MAIL') && inLastSession(sink, 'MAIL') > 2
          ? '452 4.5.3 Too many messages'
          : undefined,
    });
    const { port } = await startGuard(t, sink.port);
    for (let i = 0; i < 4; i++)
      assert.deepEqual(await deliver(t, port, `client${i}.example.org`), [220, 250, ...delivered, 221]);
    assert.deepEqual([sink.received.length, sink.mails.length], [2, 4]);
  });

  test(`a client that has 452 for MAIL in a session of its own hears it, ${how}`, async (t) => {
    const sink = await mailSink(t, {
      offers,
      reply: (line) => (line.startsWith('MAIL') ? '452 4.3.1 Disk full' : undefined),
    });
    const { port } = await startGuard(t, sink.port);
    const client = await Dialogue.greeted(t, port);
    assert.equal(await client.code('MAIL FROM:<a@example.org>'), pipelining ? 250 : 452);
    assert.equal(await client.code('RCPT TO:<user@example.net>'), pipelining ? 452 : 503);
    assert.equal(sink.received.length, 1);
  });
}

test('a used session that refuses the next EHLO is replaced; a refusal by the new one is the answer', async (t) => {
  const sink = await mailSink(t, {
    reply: (line) =>
      line.startsWith('EHLO') && (line.includes('bad') || sink.received.at(-1) !== `${line}\r\n`)
        ? '503 5.5.1 No'
        : undefined,
  });
  const { port } = await startGuard(t, sink.port);
  for (const helo of ['one.example.org', 'two.example.org'])
    assert.deepEqual(await deliver(t, port, helo), [220, 250, ...delivered, 221]);
  assert.deepEqual(
    sink.received.map((text) => text.split('\r\n')[0]),
    ['EHLO one.example.org', 'EHLO two.example.org'],
  );
  const client = await Dialogue.open(t, port);
  await client.reply();
  assert.equal((await client.say('EHLO bad.example.org')).text, '503 5.5.1 No\r\n');
});

test('a used session that refuses MAIL for good is not replaced', async (t) => {
  const sink = await mailSink(t, {
    reply: (line) => (line === 'MAIL FROM:<bad@example.org>' ? '550 5.7.1 Refused' : undefined),
  });
  const { port } = await startGuard(t, sink.port);
  await deliver(t, port, 'one.example.org');
  const client = await Dialogue.greeted(t, port);
  assert.equal(await client.code('MAIL FROM:<bad@example.org>'), 250);
  assert.equal((await client.say('RCPT TO:<user@example.net>')).text, '550 5.7.1 Refused\r\n');
  assert.equal(sink.received.length, 1);
});

test('a session that is replaced ends with QUIT', async (t) => {
  const sink = await mailSink(t, {
    reply: (line) =>
      line === 'EHLO two.example.org' && sink.received.length === 1 ? '503 5.5.1 No' : undefined,
  });
  const { port } = await startGuard(t, sink.port);
  for (const helo of ['one.example.org', 'two.example.org']) await deliver(t, port, helo);
  await eventually(() => sink.received[0]!.endsWith('EHLO two.example.org\r\nQUIT\r\n'), 'QUIT');
});

test('in a used session an EHLO that ends a message reaches the mail server, even if it repeats the one before', async (t) => {
  const sink = await mailSink(t);
  const { port } = await startGuard(t, sink.port);
  await deliver(t, port, 'client.example.org');
  const client = await Dialogue.greeted(t, port);
  assert.equal(await client.code('MAIL FROM:<a@example.org>'), 250);
  assert.equal(await client.code('RCPT TO:<user@example.net>'), 250);
  assert.equal(await client.code('EHLO client.example.org'), 250);
  assert.match(sink.received[0]!, /RCPT TO:<user@example\.net>\r\nEHLO client\.example\.org\r\n$/);
});

/** A mail server with the account `anna`, behind a guard with STARTTLS and with implicit TLS. */
async function withAccounts(
  t: Owner,
  settings: SinkSettings = {},
): Promise<{ sink: Sink; ports: readonly number[] }> {
  const sink = await mailSink(t, {
    offers: ['AUTH PLAIN', 'PIPELINING'],
    reply: (line) => settings.reply?.(line) ?? (line.startsWith('AUTH') ? '235 2.7.0 In' : undefined),
  });
  const { ports } = await startGuard(t, sink.port, {
    tls: await certificate(t),
    listen: [{}, { tls: 'implicit' }],
  });
  return { sink, ports };
}

const diskFull = (full: boolean, line: string): string | undefined => {
  if (full && line.startsWith('RCPT')) return '503 5.5.1 MAIL first';
  return full && line.startsWith('MAIL') ? '452 4.3.1 Disk full' : undefined;
};
const signIn = `AUTH PLAIN ${Buffer.from('\0anna\0secret').toString('base64')}`;

test('a session with a signed-in account is never reused: a stranger could send anywhere in it', {
  skip: without('openssl'),
}, async (t) => {
  const { sink, ports } = await withAccounts(t);
  const anna = await Dialogue.secure(t, ports[1]!, { host: '127.0.0.2' });
  await anna.reply();
  assert.equal(await anna.code('EHLO anna.example.org'), 250);
  assert.equal(await anna.code(signIn), 235);
  assert.deepEqual(await send(anna), delivered);
  assert.equal(await anna.code('QUIT'), 221);
  await anna.closed();
  assert.deepEqual(await deliver(t, ports[0]!, 'anna.example.org'), [220, 250, ...delivered, 221]);
  assert.deepEqual(
    sink.received.map((text) => text.includes('AUTH')),
    [true, false],
  );
});

test('a signed-in client in a used session hears a 452 for MAIL, and stays signed in', {
  skip: without('openssl'),
}, async (t) => {
  let full = false;
  const { sink, ports } = await withAccounts(t, {
    reply: (line) => diskFull(full, line),
  });
  await deliver(t, ports[0]!, 'one.example.org');
  const anna = await Dialogue.secure(t, ports[1]!, { host: '127.0.0.2' });
  await anna.reply();
  assert.equal(await anna.code('EHLO anna.example.org'), 250);
  assert.equal(await anna.code(signIn), 235);
  full = true;
  assert.equal(await anna.code('MAIL FROM:<a@example.org>'), 250);
  assert.equal((await anna.say('RCPT TO:<user@example.com>')).text, '452 4.3.1 Disk full\r\n');
  full = false;
  assert.equal(await anna.code('RSET'), 250);
  assert.equal(await anna.code('MAIL FROM:<a@example.org>'), 250);
  assert.equal(await anna.code('RCPT TO:<user@example.com>'), 250);
  assert.equal(sink.received.length, 1);
});

test('STARTTLS after a message in the clear begins a new session', {
  skip: without('openssl'),
}, async (t) => {
  const { sink, ports } = await withAccounts(t);
  const client = await Dialogue.greeted(t, ports[0]!);
  assert.deepEqual(await send(client), delivered);
  assert.equal(await client.code('STARTTLS'), 220);
  await client.startTls();
  assert.equal(await client.code('EHLO client.example.org'), 250);
  assert.equal(sink.received.length, 2);
});

test('after STARTTLS and EHLO in its own session, a client hears a 452 for MAIL', {
  skip: without('openssl'),
}, async (t) => {
  const { sink, ports } = await withAccounts(t, { reply: (line) => diskFull(true, line) });
  const client = await Dialogue.greeted(t, ports[0]!);
  assert.equal(await client.code('STARTTLS'), 220);
  await client.startTls();
  assert.equal(await client.code('EHLO client.example.org'), 250);
  assert.equal(await client.code('MAIL FROM:<a@example.org>'), 250);
  assert.equal(await client.code('RCPT TO:<user@example.net>'), 452);
  assert.equal(sink.received.length, 1);
});

/** The mail server closes its latest session. @returns once that is closed on both sides */
async function closes(sockets: readonly Socket[]): Promise<void> {
  const closed = once(sockets.at(-1)!, 'close');
  sockets.at(-1)!.end();
  await closed;
}

test('a lost session takes the sign-in with it: 421, and no new session', {
  skip: without('openssl'),
}, async (t) => {
  const { sink, ports } = await withAccounts(t);
  const sockets: Socket[] = [];
  sink.server.on('connection', (socket: Socket) => sockets.push(socket));
  const anna = await Dialogue.secure(t, ports[1]!, { host: '127.0.0.2' });
  await anna.reply();
  assert.equal(await anna.code('EHLO anna.example.org'), 250);
  assert.equal(await anna.code(signIn), 235);
  await closes(sockets);
  const answer = await anna.code('MAIL FROM:<a@example.org>');
  assert.equal(answer === 250 ? await anna.code('RCPT TO:<user@example.com>') : answer, 421);
  await anna.closed();
  assert.equal(sink.received.length, 1);
});

test('a lost session whose successor is greeted with 554: 421, and the mail server hears nothing', async (t) => {
  const sockets: Socket[] = [];
  const server = await fakeServer(t, (socket, index) => {
    sockets.push(socket);
    socket.write(index === 0 ? '220 mx.example.net\r\n' : '554 5.7.1 Not you\r\n');
    socket.on('data', () => socket.write('250 OK\r\n'));
  });
  const { port } = await startGuard(t, server.port);
  const client = await Dialogue.greeted(t, port);
  await closes(sockets);
  assert.equal(await client.code('MAIL FROM:<a@example.org>'), 421);
  await client.closed();
  assert.doesNotMatch(server.received[1]!, /EHLO|MAIL/);
});

test('a client that leaves in mid-message takes its session with it: the mail server sees no end, and no QUIT', async (t) => {
  const sink = await mailSink(t);
  const sockets: Socket[] = [];
  sink.server.on('connection', (socket: Socket) => sockets.push(socket));
  const { port } = await startGuard(t, sink.port);
  const client = await Dialogue.greeted(t, port);
  assert.deepEqual(await send(client), delivered);
  for (const line of ['MAIL FROM:<a@example.org>', 'RCPT TO:<user@example.net>', 'DATA'])
    await client.say(line);
  client.send('half');
  await eventually(() => sink.received[0]!.endsWith('half'), 'the beginning');
  client.socket.destroy();
  await eventually(() => sockets[0]!.destroyed, 'the end of the session');
  assert.match(sink.received[0]!, /half$/);
  assert.deepEqual(await deliver(t, port, 'two.example.org'), [220, 250, ...delivered, 221]);
  assert.deepEqual([sink.received.length, sink.mails.length], [2, 2]);
});
