import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { createTransport } from 'nodemailer';
import { eventually } from '../support/eventually.ts';
import { without } from '../support/peers.ts';
import { certificate } from './certificate.ts';
import { Dialogue } from './dialogue.ts';
import { startExim } from './exim.ts';
import { asBytes, recipients, relayed } from './recipients.ts';
import { mailSink, startGuard } from './support.ts';

const skip = without('exim4', 'openssl');

async function mail(client: Dialogue, to: string): Promise<number> {
  await client.say('MAIL FROM:<a@example.org>');
  const { code } = await client.say(`RCPT TO:${asBytes(to)}`);
  if (code !== 250) {
    await client.say('RSET');
    return code;
  }
  await client.say('DATA');
  return client.code('Subject: x\r\n\r\ntext\r\n.');
}

test('Exim behind the guard: our domains from outside, any domain from relayFrom and after AUTH', {
  skip,
}, async (t) => {
  const sink = await mailSink(t);
  const exim = await startExim(t, { deliverTo: sink.port });
  const { port } = await startGuard(t, exim.port, {
    relayFrom: ['127.0.0.2'],
    tls: await certificate(t),
  });
  const outsider = await Dialogue.greeted(t, port, '127.0.0.7');
  assert.equal(await mail(outsider, '<user@example.net>'), 250);
  assert.equal(await mail(outsider, '<user@example.com>'), 550);
  const insider = await Dialogue.greeted(t, port, '127.0.0.2');
  assert.equal(await mail(insider, '<inside@example.com>'), 250);
  const authenticated = await Dialogue.greeted(t, port, '127.0.0.7');
  assert.equal(await authenticated.code('STARTTLS'), 220);
  await authenticated.startTls();
  await authenticated.say('EHLO client.example.org');
  const wrong = Buffer.from('\0user\0wrong').toString('base64');
  const right = Buffer.from('\0user\0secret').toString('base64');
  assert.equal(await authenticated.code(`AUTH PLAIN ${wrong}`), 535);
  assert.equal(await mail(authenticated, '<user@example.com>'), 550);
  assert.equal(await authenticated.code('AUTH PLAIN'), 334);
  assert.equal(await authenticated.code(right), 235);
  assert.equal(await mail(authenticated, '<authenticated@example.com>'), 250);
  await sink.waitFor(3);
  assert.deepEqual(sink.mails.flatMap((one) => one.to).sort(), [
    'authenticated@example.com',
    'inside@example.com',
    'user@example.net',
  ]);
});

test('every accepted spelling reaches the recipient it names, according to Exim', {
  skip,
}, async (t) => {
  const sink = await mailSink(t);
  const exim = await startExim(t, {
    deliverTo: sink.port,
    main: 'allow_domain_literals\nqualify_recipient = example.net',
  });
  const { port } = await startGuard(t, exim.port, { relayFrom: ['127.0.0.2'] });
  const outsider = await Dialogue.greeted(t, port);
  const insider = await Dialogue.greeted(t, port, '127.0.0.2');
  const taken = recipients.flatMap(([text, rule, mailbox]) => (rule === null ? [[text, mailbox]] : []));
  assert.ok(taken.length >= 25);
  let count = 0;
  for (const [client, rows] of [
    [outsider, taken],
    [insider, relayed],
  ] as const) {
    for (const [text, mailbox] of rows) {
      assert.equal(await client.code('MAIL FROM:<a@example.org>'), 250);
      assert.equal(await client.code(`RCPT TO:${asBytes(text!)}`), 250, text);
      assert.equal(await client.code('DATA'), 354);
      const id = /id=(\S+)/.exec((await client.say('Subject: x\r\n\r\ntext\r\n.')).text)?.[1];
      await sink.waitFor(++count);
      const expected = mailbox!.includes('@') ? mailbox! : `${mailbox}@example.net`;
      assert.deepEqual(sink.mails[count - 1]!.to, [expected], text);
      // The arrival line ends in `for` and the recipient as Exim parsed it.
      const arrival = new RegExp(` ${id} <= a@example\\.org .* for (.*)$`, 'm');
      await eventually(async () => arrival.test(await exim.log()), `${id} in the log`);
      assert.equal(arrival.exec(await exim.log())![1], expected, text);
    }
  }
});

test("with the PROXY protocol Exim sees the client's address", { skip }, async (t) => {
  const sink = await mailSink(t);
  const exim = await startExim(t, { deliverTo: sink.port, main: 'hosts_proxy = 127.0.0.1' });
  const { port } = await startGuard(t, exim.port, { proxyProtocol: 'v1' });
  const client = await Dialogue.greeted(t, port, '127.0.0.7');
  assert.equal(await mail(client, '<user@example.net>'), 250);
  await sink.waitFor(1);
  const received = /^[^ ]+ [^ ]+ \S+ <= a@example\.org .*$/m.exec(await exim.log())?.[0] ?? '';
  assert.match(received, / H=\(client\.example\.org\) \[127\.0\.0\.7\]:\d+ /);
  assert.match(sink.mails[0]!.data.toString(), /^Received: from \[127\.0\.0\.7\]/);
});

test('a 20 MB attachment from nodemailer arrives byte for byte', { skip }, async (t) => {
  const sink = await mailSink(t);
  const exim = await startExim(t, { deliverTo: sink.port });
  const { port } = await startGuard(t, exim.port);
  const content = randomBytes(20_000_000);
  const transport = createTransport({ host: '127.0.0.1', port, ignoreTLS: true });
  t.after(() => transport.close());
  await transport.sendMail({
    from: 'a@example.org',
    to: 'user@example.net',
    subject: 'x',
    text: 'x',
    attachments: [{ filename: 'a.bin', content }],
  });
  await sink.waitFor(1);
  const mail = sink.mails[0]!.data.toString('latin1');
  const start = mail.indexOf('\r\n\r\n', mail.indexOf('filename=a.bin'));
  const encoded = mail.slice(start, mail.indexOf('\r\n--', start + 4));
  assert.equal(Buffer.from(encoded, 'base64').compare(content), 0);
});
