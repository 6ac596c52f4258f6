/** A MAIL that the mail server refused has no effect on the client's next message. */
import assert from 'node:assert/strict';
import type { Socket } from 'node:net';
import { test } from 'node:test';
import { without } from '../support/peers.ts';
import { Dialogue } from './dialogue.ts';
import { startExim } from './exim.ts';
import { startPostfix } from './postfix.ts';
import { mailSink, startGuard } from './support.ts';

const message = [
  ['MAIL FROM:<a@example.org>', 250],
  ['RCPT TO:<user@example.net>', 250],
  ['DATA', 354],
  ['Subject: Hi\r\n\r\nHi\r\n.', 250],
] as const;

async function delivers(client: Dialogue): Promise<void> {
  for (const [line, code] of message) assert.equal(await client.code(line), code, line);
}

test('Postfix refuses a SIZE at MAIL, and takes the next message', {
  skip: without('postfix'),
}, async (t) => {
  const sink = await mailSink(t);
  const postfix = await startPostfix(t, { deliverTo: sink.port, main: 'message_size_limit = 100000' });
  const { port } = await startGuard(t, postfix.port);
  const client = await Dialogue.greeted(t, port);
  const refused = await client.say('MAIL FROM:<a@example.org> SIZE=100001');
  assert.equal(refused.text, '552 5.3.4 Message size exceeds fixed limit\r\n');
  assert.equal(await client.code('RSET'), 250);
  await delivers(client);
  assert.equal(await client.code('MAIL FROM:<a@example.org> SIZE=100000'), 250);
  await sink.waitFor(1);
});

for (const pipelining of [true, false])
  test(`RSET reaches a mail server that refused MAIL and remembers it, with${pipelining ? '' : 'out'} PIPELINING`, async (t) => {
    let remembers = false;
    const sink = await mailSink(t, {
      offers: pipelining ? ['PIPELINING'] : [],
      reply: (line) => {
        if (line === 'RSET' || line.startsWith('EHLO')) remembers = false;
        if (line.startsWith('MAIL')) remembers ||= line.includes('<bad@');
        if (remembers && line.startsWith('RCPT')) return '503 5.5.1 No sender';
        return remembers && line.startsWith('MAIL') ? '553 5.1.8 Sender refused' : undefined;
      },
    });
    const { port } = await startGuard(t, sink.port);
    const client = await Dialogue.greeted(t, port);
    for (const next of ['RSET', 'EHLO client.example.org']) {
      assert.equal(await client.code('MAIL FROM:<bad@example.org>'), pipelining ? 250 : 553);
      assert.equal(await client.code('RCPT TO:<user@example.net>'), pipelining ? 553 : 503);
      assert.equal(await client.code(next), 250);
      await delivers(client);
    }
    // Nothing is open there any more.
    assert.equal(await client.code('RSET'), 250);
    assert.equal(sink.received[0]!.match(/^RSET\r$/gm)?.length, 1);
  });

for (const when of ['after it refused MAIL', 'at RSET'])
  test(`the mail server closes ${when}: RSET is answered, and the next message gets a new session`, async (t) => {
    const sockets: Socket[] = [];
    const closed = Promise.withResolvers<void>();
    const sink = await mailSink(t, {
      reply: (line) => {
        if (line.startsWith('MAIL FROM:<bad@'))
          sockets[0]!.write('550 5.7.1 Go away\r\n503 5.5.1 Not now\r\n');
        if (line === (when === 'at RSET' ? 'RSET' : 'RCPT TO:<bad@example.net>')) sockets[0]!.end();
        return line.includes('<bad@') || line === 'RSET' ? null : undefined;
      },
    });
    sink.server.on('connection', (socket: Socket) => {
      sockets.push(socket);
      socket.once('close', closed.resolve);
    });
    const { port } = await startGuard(t, sink.port);
    const client = await Dialogue.greeted(t, port);
    assert.equal(await client.code('MAIL FROM:<bad@example.org>'), 250);
    assert.equal(await client.code('RCPT TO:<bad@example.net>'), 550);
    if (when !== 'at RSET') await closed.promise;
    assert.equal(await client.code('RSET'), 250);
    await delivers(client);
    assert.equal(sink.received.length, 2);
  });

test('a SIZE above the one offered goes to the mail server at once, so that 552 is the reply to MAIL', async (t) => {
  const sink = await mailSink(t, {
    offers: ['PIPELINING', 'SIZE 1000'],
    reply: (line) => (line.endsWith('SIZE=1002') ? '552 5.3.4 Too big' : undefined),
  });
  const { port } = await startGuard(t, sink.port);
  const client = await Dialogue.greeted(t, port);
  assert.equal(await client.code('MAIL FROM:<a@example.org> SIZE=1000'), 250);
  assert.doesNotMatch(sink.received[0]!, /MAIL/, 'an ordinary one waits for its recipient');
  assert.equal(await client.code('RSET'), 250);
  assert.equal((await client.say('MAIL FROM:<a@example.org> SIZE=1002')).text, '552 5.3.4 Too big\r\n');
  assert.equal(await client.code('RCPT TO:<user@example.net>'), 503);
  // The server decides: it takes this one.
  assert.equal(await client.code('MAIL FROM:<a@example.org> SIZE=1001'), 250);
  assert.equal(await client.code('MAIL FROM:<a@example.org> SIZE=1001'), 250);
  assert.equal(await client.code('RCPT TO:<user@example.net>'), 250);
});

test('Exim drops the connection at MAIL: the client hears its 550, which is final', {
  skip: without('exim4'),
}, async (t) => {
  const sink = await mailSink(t);
  const exim = await startExim(t, {
    deliverTo: sink.port,
    main: 'acl_smtp_mail = check_mail',
    acl: 'check_mail:\n  drop senders = bad@example.org\n    message = Go away\n  accept\n',
  });
  const { port } = await startGuard(t, exim.port);
  const client = await Dialogue.greeted(t, port);
  for (let i = 0; i < 10; i++) {
    assert.equal(await client.code('MAIL FROM:<bad@example.org>'), 250);
    assert.equal((await client.say('RCPT TO:<user@example.net>')).text, '550 Go away\r\n', `message ${i}`);
    assert.equal(await client.code('RSET'), 250);
  }
  await delivers(client);
  await sink.waitFor(1);
});

test('Postfix refuses a client that XCLIENT named with 521 and closes: the client hears 521', {
  skip: without('postfix'),
}, async (t) => {
  const postfix = await startPostfix(t, {
    deliverTo: 1,
    main: `smtpd_authorized_xclient_hosts = 127.0.0.1
smtpd_delay_reject = no
smtpd_client_restrictions = check_client_access inline:{{127.0.0.2 = 521 5.7.1 Go away}}`,
  });
  const { port, logged } = await startGuard(t, postfix.port, { xclient: true });
  for (let i = 0; i < 2; i++) {
    assert.equal((await (await Dialogue.open(t, port)).reply()).code, 220);
    assert.match(
      (await (await Dialogue.open(t, port, '127.0.0.2')).reply()).text,
      /^521 5\.7\.1 .*Go away\r\n$/,
    );
  }
  assert.deepEqual(logged, [], 'the mail server is not at fault');
});
