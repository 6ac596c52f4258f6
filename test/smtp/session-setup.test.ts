/** Before the first message a session costs the mail server no needless connection or command. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { without } from '../support/peers.ts';
import { certificate } from './certificate.ts';
import { Dialogue } from './dialogue.ts';
import { mailSink, startGuard } from './support.ts';

const skip = without('openssl');

/** A client after STARTTLS, with or without an EHLO before it. */
async function behindStartTls(t: TestContext, ehlo: boolean, options: object = {}) {
  const sink = await mailSink(t);
  const { port } = await startGuard(t, sink.port, { tls: await certificate(t), ...options });
  const client = await Dialogue.open(t, port);
  await client.reply();
  if (ehlo) assert.equal(await client.code('EHLO before.example.org'), 250);
  assert.equal(await client.code('STARTTLS'), 220);
  await client.startTls();
  return { client, sink };
}

test('STARTTLS after only EHLO keeps the session with the mail server', {
  skip,
}, async (t) => {
  const { client, sink } = await behindStartTls(t, true);
  assert.equal(await client.code('EHLO after.example.org'), 250);
  assert.equal(await client.code('MAIL FROM:<a@example.org>'), 250);
  assert.equal(await client.code('RCPT TO:<user@example.net>'), 250);
  assert.deepEqual(sink.received, [
    'EHLO before.example.org\r\nEHLO after.example.org\r\nMAIL FROM:<a@example.org>\r\nRCPT TO:<user@example.net>\r\n',
  ]);
});

test('an EHLO before STARTTLS does not hold for mail after it', { skip }, async (t) => {
  const { client, sink } = await behindStartTls(t, true);
  assert.equal(await client.code('MAIL FROM:<a@example.org>'), 250);
  assert.equal(sink.received.length, 2);
  assert.equal(sink.received[1], 'MAIL FROM:<a@example.org>\r\n');
});

test('a PROXY header of version 2 states TLS, so STARTTLS begins a new session', {
  skip,
}, async (t) => {
  const { client, sink } = await behindStartTls(t, false, { proxyProtocol: 'v2' });
  await client.say('EHLO after.example.org');
  assert.equal(sink.received.length, 2);
});

test('a mail server is asked for its XCLIENT attributes once, and again if it refuses them', async (t) => {
  let refuses = false;
  const sink = await mailSink(t, {
    offers: ['XCLIENT ADDR PORT'],
    reply: (line) => {
      if (!line.startsWith('XCLIENT')) return undefined;
      if (!refuses) return '220 sink.example.net ESMTP';
      refuses = false;
      return '503 5.5.1 EHLO first';
    },
  });
  const { port } = await startGuard(t, sink.port, { xclient: true });
  const commandsFor = async (): Promise<string[]> => {
    const client = await Dialogue.open(t, port);
    assert.equal((await client.reply()).code, 220);
    return sink.received
      .at(-1)!
      .trimEnd()
      .split('\r\n')
      .map((line) => line.slice(0, 7));
  };
  assert.deepEqual(await commandsFor(), ['EHLO se', 'XCLIENT']);
  assert.deepEqual(await commandsFor(), ['XCLIENT']);
  refuses = true;
  assert.deepEqual(await commandsFor(), ['XCLIENT', 'EHLO se', 'XCLIENT']);
  assert.deepEqual(await commandsFor(), ['XCLIENT']);
});
