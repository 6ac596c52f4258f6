/** MAIL goes to a mail server that offers PIPELINING together with the first recipient (RFC 2920). */
import assert from 'node:assert/strict';
import type { Socket } from 'node:net';
import { suite, test } from 'node:test';
import { Dialogue } from './dialogue.ts';
import { fakeServer, mailSink, type SinkSettings, startGuard } from './support.ts';

const sender = 'MAIL FROM:<a@example.org>';
const recipient = 'RCPT TO:<user@example.net>';

suite('MAIL and the first RCPT in one write', () => {
  test('a server that offers PIPELINING gets both in one packet, and the client each reply', async (t) => {
    const chunks: string[] = [];
    const sink = await mailSink(t);
    sink.server.on('connection', (socket: Socket) =>
      socket.on('data', (chunk: Buffer) => chunks.push(chunk.toString('latin1'))),
    );
    const { port } = await startGuard(t, sink.port);
    const client = await Dialogue.greeted(t, port);
    assert.equal(await client.code(sender), 250);
    assert.equal(await client.code(recipient), 250);
    assert.equal(await client.code('RCPT TO:<other@example.net>'), 250);
    assert.equal(await client.code('DATA'), 354);
    assert.equal(await client.code('Hi\r\n.'), 250);
    assert.deepEqual(chunks.slice(1, 3), [
      `${sender}\r\n${recipient}\r\n`,
      'RCPT TO:<other@example.net>\r\n',
    ]);
    assert.deepEqual(sink.mails[0]!.to, ['user@example.net', 'other@example.net']);
  });

  test('a server that does not offer it gets one command at a time', async (t) => {
    const sink = await mailSink(t, { offers: ['8BITMIME'] });
    const { port } = await startGuard(t, sink.port);
    const client = await Dialogue.greeted(t, port);
    await client.code(sender);
    assert.match(sink.received[0]!, /MAIL FROM:<a@example\.org>\r\n$/);
    assert.equal(await client.code(recipient), 250);
  });

  test('a client that is refused every recipient costs the mail server no command', async (t) => {
    const sink = await mailSink(t);
    const { port } = await startGuard(t, sink.port);
    const client = await Dialogue.greeted(t, port);
    assert.equal(await client.code(sender), 250);
    assert.equal(await client.code('RCPT TO:<user@example.com>'), 550);
    assert.equal(await client.code('RCPT TO:<user%example.com@example.net>'), 550);
    assert.equal(await client.code('DATA'), 554);
    assert.equal(await client.code('RSET'), 250);
    assert.equal(await client.code(sender), 250);
    assert.equal(await client.code(sender), 503);
    assert.equal(await client.code('RCPT TO:<user@example.com>'), 550);
    assert.equal(await client.code(recipient), 250);
    assert.equal(sink.received[0], `EHLO client.example.org\r\n${sender}\r\n${recipient}\r\n`);
  });

  for (const [name, rcptCode] of [
    ['with 503 for the recipient', '503 5.5.1 MAIL first'],
    ['though it accepts the recipient', '250 2.1.5 OK'],
  ] as const)
    test(`a sender that the mail server refuses, ${name}: each recipient gets that refusal, and nothing is delivered`, async (t) => {
      const settings: SinkSettings = {
        reply: (line) => {
          if (line === sender) return '550 5.1.8 Sender refused';
          return line.startsWith('RCPT') && sink.received.every((text) => !text.includes('<b@'))
            ? rcptCode
            : undefined;
        },
      };
      const sink = await mailSink(t, settings);
      const { port } = await startGuard(t, sink.port);
      const client = await Dialogue.greeted(t, port);
      assert.equal(await client.code(sender), 250);
      for (let i = 0; i < 2; i++)
        assert.equal((await client.say(recipient)).text, '550 5.1.8 Sender refused\r\n');
      assert.equal(await client.code('DATA'), 554);
      assert.equal(await client.code('RSET'), 250);
      assert.equal(await client.code('MAIL FROM:<b@example.org>'), 250);
      assert.equal(await client.code(recipient), 250);
      assert.equal(await client.code('DATA'), 354);
      assert.equal(await client.code('Hi\r\n.'), 250);
      assert.deepEqual(
        sink.mails.map(({ from, to }) => [from, to]),
        [['b@example.org', ['user@example.net']]],
      );
    });

  test('a mail server that closes between the two replies: 421, and the client keeps its mail', async (t) => {
    const server = await fakeServer(t, (socket) => {
      socket.write('220 mx.example.net\r\n');
      socket.on('data', (chunk: Buffer) => {
        const text = chunk.toString('latin1');
        if (text.startsWith('EHLO')) socket.write('250-mx.example.net\r\n250 PIPELINING\r\n');
        else socket.end('250 2.1.0 OK\r\n');
      });
    });
    const { port } = await startGuard(t, server.port);
    const client = await Dialogue.greeted(t, port);
    assert.equal(await client.code(sender), 250);
    assert.equal(await client.code(recipient), 421);
    await client.closed();
  });

  test('replies that come in one packet, or byte by byte, go to their commands', async (t) => {
    for (const bytewise of [false, true]) {
      const server = await fakeServer(t, (socket) => {
        const say = async (text: string): Promise<void> => {
          for (const part of bytewise ? text : [text]) {
            socket.write(part, 'latin1');
            await new Promise(setImmediate);
          }
        };
        void say('220 mx.example.net\r\n');
        socket.on('data', (chunk: Buffer) => {
          const text = chunk.toString('latin1');
          if (text.startsWith('EHLO')) void say('250-mx.example.net\r\n250 PIPELINING\r\n');
          else if (text.startsWith('MAIL')) void say('250 2.1.0 OK\r\n451 4.7.1 Greylisted\r\n');
          else void say('250 2.1.5 Known\r\n');
        });
      });
      const { port } = await startGuard(t, server.port);
      const client = await Dialogue.greeted(t, port);
      assert.equal(await client.code(sender), 250);
      assert.equal((await client.say(recipient)).text, '451 4.7.1 Greylisted\r\n');
      assert.equal((await client.say('RCPT TO:<b@example.net>')).text, '250 2.1.5 Known\r\n');
    }
  });
});
