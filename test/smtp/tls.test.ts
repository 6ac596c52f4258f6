import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { connect } from 'node:tls';
import { eventually } from '../support/eventually.ts';
import { without } from '../support/peers.ts';
import { certificate } from './certificate.ts';
import { Dialogue } from './dialogue.ts';
import { mailSink, startGuard } from './support.ts';

const skip = without('openssl');
const plain = Buffer.from('\0user\0secret').toString('base64');

test('STARTTLS ends at the guard, begins a new session with the mail server, and AUTH under it lets a client relay', {
  skip,
}, async (t) => {
  const sink = await mailSink(t, {
    offers: ['AUTH PLAIN LOGIN EXTERNAL SCRAM-SHA-256-PLUS', 'STARTTLS', 'DSN'],
    reply: (line) => {
      if (line === `AUTH PLAIN ${plain}`) return '235 2.7.0 Welcome';
      if (line === 'AUTH LOGIN') return '334 VXNlcm5hbWU6';
      if (line === 'dXNlcg==') return '334 UGFzc3dvcmQ6';
      if (line === '*') return '501 5.7.0 Broken off';
      return undefined;
    },
  });
  const { port, events } = await startGuard(t, sink.port, { tls: await certificate(t) });
  const client = await Dialogue.open(t, port);
  await client.reply();
  assert.deepEqual((await client.say('EHLO before')).lines, ['sink.example.net', 'DSN', 'STARTTLS']);
  assert.equal(await client.code(`AUTH PLAIN ${plain}`), 538);
  assert.equal(await client.code('MAIL FROM:<a@example.org>'), 250);
  assert.equal(await client.code('STARTTLS'), 220);
  await client.startTls();
  // RFC 3207 section 4.2: everything from before TLS is discarded.
  assert.equal(await client.code('RCPT TO:<user@example.net>'), 503);
  assert.deepEqual((await client.say('EHLO after')).lines, ['sink.example.net', 'DSN', 'AUTH PLAIN LOGIN']);
  assert.equal(await client.code('STARTTLS'), 502);
  assert.equal(await client.code('AUTH EXTERNAL ='), 504);
  assert.equal(await client.code('AUTH PLAIN not*base64'), 501);
  assert.equal(await client.code('AUTH LOGIN'), 334);
  assert.equal(await client.code('dXNlcg=='), 334);
  assert.equal(await client.code('RCPT TO:<a@example.com>'), 501);
  assert.equal(await client.code('MAIL FROM:<a@example.org>'), 250);
  assert.equal(await client.code('RCPT TO:<user@example.com>'), 550);
  assert.equal(await client.code('RSET'), 250);
  assert.equal(await client.code(`AUTH PLAIN ${plain}`), 235);
  assert.equal(await client.code('MAIL FROM:<a@example.org>'), 250);
  assert.equal(await client.code('RCPT TO:<user@example.com>'), 250);
  assert.deepEqual(
    sink.received.map((text) => text.split('\r\n')[0]),
    ['EHLO before', 'EHLO after'],
  );
  assert.doesNotMatch(sink.received[0]!, /STARTTLS/);
  assert.doesNotMatch(sink.received[1]!, /RCPT TO:<a@example/);
  assert.doesNotMatch(JSON.stringify(events), new RegExp(plain));
});

test('plaintext commands after STARTTLS are not carried out', { skip }, async (t) => {
  const sink = await mailSink(t);
  const { port, events } = await startGuard(t, sink.port, { tls: await certificate(t) });
  const client = await Dialogue.greeted(t, port);
  client.send('STARTTLS\r\nMAIL FROM:<a@example.org>\r\n');
  assert.equal((await client.reply()).code, 521);
  await client.closed();
  assert.equal(events[0]!.rule, 'smtp-early-talk');
  // One by one: plaintext after the reply is not TLS, and the session ends.
  const patient = await Dialogue.greeted(t, port);
  assert.equal(await patient.code('STARTTLS'), 220);
  patient.socket.removeAllListeners('data');
  patient.send('MAIL FROM:<a@example.org>\r\n');
  await once(patient.socket.resume(), 'end');
  assert.doesNotMatch(sink.received.join(), /MAIL/);
});

test('after a client leaves in mid-AUTH its session is not reused', { skip }, async (t) => {
  const sink = await mailSink(t, {
    offers: ['AUTH LOGIN'],
    reply: (line) => (line === 'AUTH LOGIN' ? '334 VXNlcm5hbWU6' : undefined),
  });
  const { port } = await startGuard(t, sink.port, { tls: await certificate(t) });
  const client = await Dialogue.greeted(t, port);
  assert.equal(await client.code('STARTTLS'), 220);
  await client.startTls();
  for (const [line, code] of [
    ['EHLO client.example.org', 250],
    ['MAIL FROM:<a@example.org>', 250],
    ['RCPT TO:<user@example.net>', 250],
    ['DATA', 354],
    ['x\r\n.', 250],
    ['AUTH LOGIN', 334],
  ] as const)
    assert.equal(await client.code(line), code, line);
  client.socket.end();
  await client.closed();
  const before = sink.received.length;
  await Dialogue.greeted(t, port);
  assert.equal(sink.received.length, before + 1);
});

test('a client that leaves in mid-handshake frees its connection', { skip }, async (t) => {
  const sink = await mailSink(t);
  const { ports, guard } = await startGuard(t, sink.port, {
    tls: await certificate(t),
    listen: [{}, { tls: 'implicit' }],
  });
  for (let i = 0; i < 5; i++) {
    const socket = connect({ host: '127.0.0.2', port: ports[1]!, rejectUnauthorized: false });
    await once(socket, 'secureConnect');
    socket.destroy();
    (await Dialogue.open(t, ports[1]!, { host: '127.0.0.2' })).socket.destroy();
    const client = await Dialogue.greeted(t, ports[0]!);
    assert.equal(await client.code('STARTTLS'), 220);
    client.socket.end();
  }
  await eventually(() => guard.sessions === 0, 'no session is left');
});
