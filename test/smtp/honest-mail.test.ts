/** Odd but legal behaviour of honest clients and servers: the guard handles it as the mail server alone would. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { judgeRecipient } from '../../src/rules/smtp.ts';
import { mailPolicy } from '../../src/smtp/domains.ts';
import { parsePath } from '../../src/wire/smtp-path.ts';
import { eventually } from '../support/eventually.ts';
import { Dialogue } from './dialogue.ts';
import { asBytes } from './recipients.ts';
import { fakeServer, mailSink, startGuard } from './support.ts';

test('each delivered message resets the error count: 12 messages with 3 dead recipients each', async (t) => {
  const sink = await mailSink(t, {
    reply: (line) => (line.includes('<dead') ? '550 5.1.1 Unknown' : undefined),
  });
  const { port } = await startGuard(t, sink.port, { limits: { errors: 20 } });
  const client = await Dialogue.greeted(t, port);
  for (let i = 0; i < 12; i++) {
    assert.equal(await client.code('MAIL FROM:<a@example.org>'), 250, `message ${i}`);
    for (let dead = 0; dead < 3; dead++)
      assert.equal(await client.code(`RCPT TO:<dead${dead}@example.net>`), 550);
    assert.equal(await client.code('RCPT TO:<user@example.net>'), 250);
    assert.equal(await client.code('DATA'), 354);
    assert.equal(await client.code('x\r\n.'), 250);
  }
});

test('a late greeting: the guard tries the next mail server, and waits for the last one', async (t) => {
  const late = await fakeServer(t, (socket) => {
    setTimeout(() => socket.write('220 late.example.net ESMTP\r\n'), 4000);
  });
  const timeouts = { connect: 2000, greeting: 60_000 };
  const alone = await startGuard(t, late.port, { timeouts });
  assert.match((await (await Dialogue.open(t, alone.port)).reply()).text, /^220 late/);
  const sink = await mailSink(t);
  const backends = [`127.0.0.1:${late.port}`, `127.0.0.1:${sink.port}`];
  const two = await startGuard(t, late.port, { backends, timeouts });
  assert.match((await (await Dialogue.open(t, two.port)).reply()).text, /^220 sink/);
});

test('a client that leaves before the greeting frees its connection, and the mail server is not marked as failed', async (t) => {
  const silent = await fakeServer(t, () => {});
  const { port, guard, logged } = await startGuard(t, silent.port, { timeouts: { greeting: 300_000 } });
  const client = await Dialogue.open(t, port);
  await eventually(() => silent.received.length === 1, 'dialled');
  client.socket.destroy();
  await eventually(() => guard.sessions === 0, 'the session is over');
  assert.deepEqual(logged, []);
});

test('bareNewline: normalize accepts commands that end in a bare LF or CR, from everybody or from some networks only', async (t) => {
  const sink = await mailSink(t);
  const script = [
    ['EHLO printer\n', 250],
    ['MAIL FROM:<a@example.org>\rRCPT TO:<user@example.net>\n', 250, 250],
    ['RCPT TO:<user@example.com>\n', 550],
    ['DATA\n', 354],
    ['Subject: x\n\nline\rline\n.\r\n.\r\n', 250],
    ['QUIT\n', 221],
  ] as const;
  for (const [normalizeFrom, from, allowed] of [
    ['everybody', '127.0.0.3', true],
    [['127.0.0.3/32'], '127.0.0.3', true],
    [['127.0.0.3/32'], '127.0.0.4', false],
  ] as const) {
    const { port } = await startGuard(t, sink.port, { normalizeFrom });
    const client = await Dialogue.open(t, port, from);
    await client.reply();
    for (const [bytes, ...codes] of allowed ? script : [['EHLO printer\n', 500] as const]) {
      client.send(bytes);
      for (const code of codes) assert.equal((await client.reply()).code, code, `${from}: ${bytes}`);
    }
    await client.closed();
  }
  assert.equal(sink.mails.length, 2);
  assert.match(sink.mails[0]!.data.toString(), /\r\nSubject: x\r\n\r\nline\r\nline\r\n\.\r\n$/);
});

test('white space after a command is tolerated (RFC 5321 section 4.1.1)', async (t) => {
  const sink = await mailSink(t);
  const { port } = await startGuard(t, sink.port);
  const client = await Dialogue.open(t, port);
  await client.reply();
  for (const [line, code] of [
    ['EHLO client.example.org ', 250],
    ['NOOP\t', 250],
    ['MAIL FROM:<a@example.org> ', 250],
    ['RSET  ', 250],
    ['MAIL FROM:<a@example.org>\t ', 250],
    ['RCPT TO:<user@example.net>  ', 250],
    ['DATA ', 354],
    ['x\r\n.', 250],
    ['QUIT ', 221],
  ] as const)
    assert.equal(await client.code(line), code, JSON.stringify(line));
});

test('HELO names as Postfix reads them: the first word, with special characters replaced', async (t) => {
  const sink = await mailSink(t);
  const { port } = await startGuard(t, sink.port);
  const client = await Dialogue.open(t, port);
  await client.reply();
  for (const [line, sent] of [
    ["EHLO John's-iPhone", "EHLO John's-iPhone"],
    ['EHLO WIN_7 and more', 'EHLO WIN_7'],
    ['HELO *', 'HELO *'],
    ['EHLO [192.168.1.7]', 'EHLO [192.168.1.7]'],
    ['EHLO [IPv6:fe80::1]', 'EHLO [IPv6:fe80::1]'],
    ['HELO user@example.org', 'HELO user?example.org'],
    ['EHLO <a>;"b"', 'EHLO ?a???b?'],
    [`EHLO ${asBytes('b\u00fccher.example')}`, `EHLO ${asBytes('b\u00fccher.example')}`],
  ] as const) {
    assert.equal(await client.code(line), 250, line);
    const lines = sink.received[0]!.trimEnd().split('\r\n');
    assert.equal(lines.at(-1), sent);
  }
  for (const line of ['EHLO', 'HELO ', `EHLO ${'x'.repeat(256)}`]) assert.equal(await client.code(line), 501);
});

test('SMTPUTF8: a domain keeps its U-labels, and becomes A-labels if the client did not ask for SMTPUTF8', async (t) => {
  const sink = await mailSink(t);
  const { port } = await startGuard(t, sink.port);
  const client = await Dialogue.greeted(t, port);
  const to = asBytes('RCPT TO:<user@B\u00fccher.example.>');
  for (const parameter of [' SMTPUTF8', '']) {
    const from = asBytes('MAIL FROM:<a@m\u00fcnchen.example>');
    assert.equal(await client.code(from + parameter), 250);
    assert.equal(await client.code(to), 250);
    assert.equal(await client.code(asBytes('RCPT TO:<u@xn--bcher-kva.example>')), 250);
    assert.equal(await client.code('RSET'), 250);
  }
  assert.equal(
    sink.received[0],
    asBytes(
      'EHLO client.example.org\r\nMAIL FROM:<a@m\u00fcnchen.example> SMTPUTF8\r\n' +
        'RCPT TO:<user@B\u00fccher.example>\r\nRCPT TO:<u@xn--bcher-kva.example>\r\nRSET\r\n' +
        'MAIL FROM:<a@xn--mnchen-3ya.example>\r\nRCPT TO:<user@xn--bcher-kva.example>\r\nRCPT TO:<u@xn--bcher-kva.example>\r\nRSET\r\n',
    ),
  );
});

test('localParts: plain also refuses characters that no mail server expands', () => {
  const plain = mailPolicy(['example.net'], true);
  const any = mailPolicy(['example.net']);
  for (const local of ['SRS0=h/k+=TT=example.org=u', '"John Doe"', 'user:x', 'a|b', '"a,b"']) {
    const text = `<${local}@example.net>`;
    assert.deepEqual(parsePath(text).faults, []);
    assert.equal(judgeRecipient(text, any, 'outside').rule, null, local);
    assert.equal(judgeRecipient(text, plain, 'outside').rule, 'smtp-malformed-path', local);
  }
  assert.equal(judgeRecipient('<u+tag@example.net>', plain, 'outside').rule, null);
});

test('a refusal in mid-message reaches the client unchanged', async (t) => {
  for (const [said, expected] of [
    ['552 5.3.4 Message too big', '552 5.3.4 Message too big\r\n'],
    ['421 4.4.2 Too slow', '421 4.4.2 Too slow\r\n'],
    // 250 before the end of the message: not a reply to it.
    ['250 2.0.0 Taken', '451 4.3.0 Mail server lost, try again\r\n'],
  ] as const) {
    for (const closes of [true, false]) {
      let interrupt: () => void = () => {};
      const server = await fakeServer(t, (socket) => {
        socket.write('220 x ESMTP\r\n');
        socket.on('data', (chunk: Buffer) => {
          const line = chunk.toString('latin1');
          if (line.startsWith('Received')) return;
          socket.write(line === 'DATA\r\n' ? '354 Go on\r\n' : '250 OK\r\n');
        });
        interrupt = () => (closes ? socket.end(`${said}\r\n`) : socket.write(`${said}\r\n`));
      });
      const { port } = await startGuard(t, server.port);
      const client = await Dialogue.greeted(t, port);
      await client.say('MAIL FROM:<a@example.org>');
      await client.say('RCPT TO:<user@example.net>');
      assert.equal(await client.code('DATA'), 354);
      client.send('Subject: x\r\n');
      await eventually(() => server.received[0]!.endsWith('Subject: x\r\n'), 'the first line');
      interrupt();
      // By now the guard has the refusal: both run in this process.
      await new Promise((done) => setTimeout(done, 50));
      client.send('\r\nmore\r\n');
      assert.equal((await client.say('.')).text, expected, `${said}, closes: ${closes}`);
      client.socket.destroy();
    }
  }
});
