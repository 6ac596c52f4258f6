import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { nmap } from '../support/nmap.ts';
import { requirePeer, without } from '../support/peers.ts';
import { runProcess } from '../support/process.ts';
import { tempDir } from '../support/temp-dir.ts';
import { Dialogue } from './dialogue.ts';
import { startPostfix } from './postfix.ts';
import { asBytes, recipients, relayed } from './recipients.ts';
import { mailSink, startGuard } from './support.ts';

const skip = without('postfix');

test('nmap smtp-open-relay: 16 of 16 at Postfix alone, none through the guard', {
  skip: without('postfix', 'nmap'),
}, async (t) => {
  const sink = await mailSink(t);
  const postfix = await startPostfix(t, { deliverTo: sink.port });
  const { port, events } = await startGuard(t, postfix.port);
  const scan = async (at: number): Promise<string> => {
    const args = { 'smtp-open-relay.domain': 'example.com' };
    const report = await nmap({ port: at, script: 'smtp-open-relay', args, timeout: 120_000 });
    return report.scripts.get('smtp-open-relay') ?? '';
  };
  assert.match(await scan(postfix.port), /open relay \(16\/16 tests\)/);
  assert.doesNotMatch(await scan(port), /open relay \(/);
  // Senders of our own domain are flagged as well.
  const refused = events.filter(({ action }) => action === 'block');
  assert.ok(refused.length >= 16);
  for (const event of refused) assert.match(event.destination ?? '', /example\.com/);
});

/** Byte sequences that some servers take for the end of a message. */
const falseEnds = [
  '\n.\n',
  '\n.\r\n',
  '\r\n.\n',
  '\r.\r',
  '\r.\r\n',
  '\r\n.\r',
  '\r\n.\r\r\n',
  '\n.\r',
  '\r\n\0.\r\n',
];

test('SMTP smuggling: four of nine spellings at Postfix alone, none through the guard', {
  skip,
}, async (t) => {
  const sink = await mailSink(t);
  const postfix = await startPostfix(t, { deliverTo: sink.port });
  const smuggle = async (port: number): Promise<string[]> => {
    const before = sink.mails.length;
    const replies: string[] = [];
    let expected = 0;
    for (const [index, end] of falseEnds.entries()) {
      const client = await Dialogue.greeted(t, port);
      await client.say('MAIL FROM:<a@example.org>');
      await client.say(`RCPT TO:<outer-${index}@example.net>`);
      await client.say('DATA');
      client.send(`Subject: outer\r\n\r\ntext${end}`);
      client.send(
        `MAIL FROM:<a@example.net>\r\nRCPT TO:<inner-${index}@example.com>\r\nDATA\r\nSubject: inner\r\n\r\ntext\r\n.\r\n`,
      );
      client.send('QUIT\r\n');
      const codes: number[] = [];
      for (let reply = await client.reply(); reply.code !== 0; reply = await client.reply())
        codes.push(reply.code);
      expected += codes.filter((code) => code === 250).length === 1 ? 1 : codes[0] === 250 ? 2 : 0;
      replies.push(codes.join(' '));
    }
    await sink.waitFor(before + expected);
    return replies;
  };
  const direct = await smuggle(postfix.port);
  const inner = sink.mails.filter((mail) => mail.to.some((to) => to.endsWith('@example.com')));
  assert.equal(inner.length, 4, direct.join('; '));

  const { port, events } = await startGuard(t, postfix.port);
  const guarded = await smuggle(port);
  assert.deepEqual(guarded, [...Array(8).fill('550 221'), '250 221']);
  assert.equal(events.filter((event) => event.rule === 'smtp-smuggling').length, 8);
  const normalizing = await startGuard(t, postfix.port, { normalizeFrom: 'everybody' });
  assert.deepEqual(await smuggle(normalizing.port), Array(9).fill('250 221'));
  const smuggled = sink.mails.filter((mail) => mail.to.some((to) => to.endsWith('@example.com')));
  assert.equal(smuggled.length, 4, 'those of Postfix alone, and no more');
});

test('every accepted spelling reaches the recipient it names, according to Postfix', {
  skip,
}, async (t) => {
  const sink = await mailSink(t);
  const postfix = await startPostfix(t, { deliverTo: sink.port });
  const { port } = await startGuard(t, postfix.port);
  const client = await Dialogue.greeted(t, port);
  let taken = 0;
  for (const [text, rule, effective] of recipients) {
    assert.equal(await client.code('MAIL FROM:<a@example.org>'), 250);
    const { code } = await client.say(`RCPT TO:${asBytes(text)}`);
    if (rule !== null) {
      assert.ok(code === 550 || code === 553, `${text}: ${code}`);
      assert.equal(await client.code('RSET'), 250);
      continue;
    }
    assert.equal(code, 250, text);
    assert.equal(await client.code('DATA'), 354);
    const queued = /queued as (\w+)/.exec((await client.say('.')).text)?.[1];
    await sink.waitFor(++taken);
    const logged = await postfix.waitForLog(new RegExp(`${queued}: to=<(.*?)>, (?:orig_to|relay)=`));
    const expected = effective.includes('@') ? effective : `${effective}@example.net`;
    assert.equal(logged[1], expected, text);
    assert.deepEqual(sink.mails[taken - 1]!.to, [expected]);
  }
  assert.ok(taken >= 15);
  assert.doesNotMatch(await postfix.log(), /to=<[^>]*@example\.com>/);
});

test('mail of a client that may relay goes to the recipient it names, even where Postfix would expand the address', {
  skip,
}, async (t) => {
  const sink = await mailSink(t);
  const postfix = await startPostfix(t, { deliverTo: sink.port });
  const { port } = await startGuard(t, postfix.port, { relayFrom: ['127.0.0.2'] });
  const client = await Dialogue.greeted(t, port, '127.0.0.2');
  for (const [index, [text, mailbox]] of relayed.entries()) {
    assert.equal(await client.code('MAIL FROM:<a@example.org>'), 250);
    assert.equal(await client.code(`RCPT TO:${asBytes(text)}`), 250, text);
    assert.equal(await client.code('DATA'), 354);
    const queued = /queued as (\w+)/.exec((await client.say('.')).text)?.[1];
    await sink.waitFor(index + 1);
    const logged = await postfix.waitForLog(new RegExp(`${queued}: to=<(.*?)>, relay=`));
    assert.equal(logged[1], mailbox, text);
    assert.deepEqual(sink.mails[index]!.to, [mailbox]);
  }
});

test('SMTPUTF8: a non-ASCII mailbox of ours is delivered with SMTPUTF8, and refused without it', {
  skip,
}, async (t) => {
  const sink = await mailSink(t);
  const postfix = await startPostfix(t, { deliverTo: sink.port, main: 'smtputf8_enable = yes' });
  const { port } = await startGuard(t, postfix.port);
  const client = await Dialogue.greeted(t, port);
  const to = asBytes('<m\u00fcller@b\u00fccher.example>');
  assert.equal(await client.code('MAIL FROM:<a@example.org>'), 250);
  assert.equal((await client.say(`RCPT TO:${to}`)).text, '553 5.6.7 Non-ASCII address without SMTPUTF8\r\n');
  assert.equal(await client.code('RSET'), 250);
  assert.equal(await client.code(`MAIL FROM:${asBytes('<\u4eba@example.org>')} SMTPUTF8`), 250);
  assert.equal(await client.code(`RCPT TO:${to}`), 250);
  assert.equal(await client.code(asBytes('RCPT TO:<m\u00fcller%example.com@b\u00fccher.example>')), 550);
  assert.equal(await client.code('DATA'), 354);
  assert.equal(await client.code('x\r\n.'), 250);
  await sink.waitFor(1);
  assert.deepEqual(sink.mails[0]!.to, [asBytes('m\u00fcller@b\u00fccher.example')]);
  assert.equal(sink.mails[0]!.from, asBytes('\u4eba@example.org'));
});

test('a message with a 20 MB attachment arrives byte for byte', {
  skip: without('postfix', 'swaks'),
}, async (t) => {
  const sink = await mailSink(t);
  const postfix = await startPostfix(t, { deliverTo: sink.port });
  const { port } = await startGuard(t, postfix.port);
  const folder = await tempDir(t);
  const attachment = randomBytes(20_000_000);
  await writeFile(join(folder, 'attachment.bin'), attachment);
  const sent = await runProcess(requirePeer('swaks'), [
    ...[
      '--server',
      `127.0.0.1:${port}`,
      '--from',
      'a@example.org',
      '--to',
      'user@example.net',
      '--suppress-data',
    ],
    ...['--attach-name', 'a.bin', '--attach', `@${join(folder, 'attachment.bin')}`],
  ]);
  assert.equal(sent.code, 0, sent.stdout.slice(-2000));
  await sink.waitFor(1);
  const data = sink.mails[0]!.data.toString('latin1');
  const encoded = data.slice(
    data.indexOf('\r\n\r\n', data.indexOf('name="a.bin"')),
    data.lastIndexOf('\r\n--'),
  );
  const hash = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');
  assert.equal(hash(Buffer.from(encoded, 'base64')), hash(attachment));
});

test("with XCLIENT and the PROXY protocol Postfix sees the client's address", { skip }, async (t) => {
  const sink = await mailSink(t);
  const xclient = await startPostfix(t, {
    deliverTo: sink.port,
    main: 'smtpd_authorized_xclient_hosts = 127.0.0.1',
  });
  const proxy = await startPostfix(t, {
    deliverTo: sink.port,
    main: 'smtpd_upstream_proxy_protocol = haproxy',
  });
  for (const [postfix, how] of [
    [xclient, { xclient: true }],
    [proxy, { proxyProtocol: 'v1' }],
  ] as const) {
    const { port } = await startGuard(t, postfix.port, { ...how, relayFrom: ['127.0.0.7'] });
    const client = await Dialogue.greeted(t, port, '127.0.0.7');
    await client.say('MAIL FROM:<a@example.org>');
    assert.equal(await client.code('RCPT TO:<user@example.com>'), 250);
    await client.say('DATA');
    assert.equal(await client.code('.'), 250);
    await postfix.waitForLog(/: client=\S*\[127\.0\.0\.7\]/);
  }
  await sink.waitFor(2);
  assert.deepEqual(sink.mails[0]!.to, ['user@example.com']);
});

test('Postfix is killed in mid-message: 4xx, and nothing was accepted', { skip }, async (t) => {
  const sink = await mailSink(t);
  const postfix = await startPostfix(t, { deliverTo: sink.port });
  const { port } = await startGuard(t, postfix.port);
  const client = await Dialogue.greeted(t, port);
  await client.say('MAIL FROM:<a@example.org>');
  await client.say('RCPT TO:<user@example.net>');
  assert.equal(await client.code('DATA'), 354);
  client.send('Subject: x\r\n\r\n');
  await postfix.process.stop(0);
  client.send('text\r\n.\r\n');
  assert.equal((await client.reply()).code, 451);
  assert.equal(await client.code('MAIL FROM:<a@example.org>'), 250);
  assert.equal(await client.code('RCPT TO:<user@example.net>'), 421);
  assert.equal(sink.mails.length, 0);
});

test('Postfix restarts in mid-message: 451, and the second try is delivered once', {
  skip,
}, async (t) => {
  const sink = await mailSink(t);
  const postfix = await startPostfix(t, { deliverTo: sink.port });
  const { port } = await startGuard(t, postfix.port);
  const client = await Dialogue.greeted(t, port);
  const begin = async (): Promise<void> => {
    assert.equal(await client.code('MAIL FROM:<a@example.org>'), 250);
    assert.equal(await client.code('RCPT TO:<user@example.net>'), 250);
    assert.equal(await client.code('DATA'), 354);
  };
  await begin();
  client.send('Subject: x\r\n\r\n');
  await postfix.process.stop(0);
  await postfix.start();
  assert.equal(await client.code('first try\r\n.'), 451);
  await begin();
  const taken = await client.say('Subject: x\r\n\r\nsecond try\r\n.');
  assert.equal(taken.code, 250);
  await postfix.waitForLog(new RegExp(`${/queued as (\w+)/.exec(taken.text)![1]}: to=<.*status=sent`));
  assert.deepEqual(
    sink.mails.map(({ data }) => /(\w+) try/.exec(data.toString())?.[1]),
    ['second'],
  );
});
