import assert from 'node:assert/strict';
import type { Socket } from 'node:net';
import { suite, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { eventually } from '../support/eventually.ts';
import type { Owner } from '../support/owner.ts';
import { without } from '../support/peers.ts';
import { certificate } from './certificate.ts';
import { Dialogue } from './dialogue.ts';
import { startExim } from './exim.ts';
import { startPostfix } from './postfix.ts';
import { type GuardSettings, mailSink, type Sink, type SinkSettings, startGuard } from './support.ts';

/** A guard in front of a mail server that counts its connections. */
async function guarded(
  owner: Owner,
  settings: GuardSettings = {},
  sinkSettings: SinkSettings = {},
): Promise<{ sink: Sink; port: number }> {
  const sink = await mailSink(owner, sinkSettings);
  const { port } = await startGuard(owner, sink.port, settings);
  return { sink, port };
}

/** A client connects, delivers a message and quits. @param from its address */
async function deliver(
  owner: Owner,
  port: number,
  helo = 'client.example.org',
  from?: string,
): Promise<void> {
  const client = await Dialogue.open(owner, port, from);
  assert.equal((await client.reply()).code, 220);
  assert.equal(await client.code(`EHLO ${helo}`), 250);
  await send(client, `Subject: from ${helo}\r\n\r\nHi`);
  await leave(client);
}

async function send(client: Dialogue, message: string): Promise<void> {
  assert.equal(await client.code('MAIL FROM:<a@example.org>'), 250);
  assert.equal(await client.code('RCPT TO:<user@example.net>'), 250);
  assert.equal(await client.code('DATA'), 354);
  assert.equal(await client.code(`${message}\r\n.`), 250);
}

async function leave(client: Dialogue): Promise<void> {
  assert.equal(await client.code('QUIT'), 221);
  await client.closed();
  client.socket.destroy();
}

suite('reuse of sessions with the mail server', () => {
  test('the next client gets the session that ended well, with its own EHLO', async (t) => {
    const { sink, port } = await guarded(t);
    await deliver(t, port, 'one.example.org');
    await deliver(t, port, 'two.example.org');
    assert.equal(sink.received.length, 1);
    assert.deepEqual(
      sink.mails.map(({ helo }) => helo),
      ['one.example.org', 'two.example.org'],
    );
    assert.doesNotMatch(sink.received[0]!, /QUIT/);
  });

  test('two clients at a time never share one', async (t) => {
    const { sink, port } = await guarded(t);
    await deliver(t, port);
    await Dialogue.greeted(t, port);
    await deliver(t, port);
    assert.equal(sink.received.length, 2);
  });

  test('no reuse with reuse: false', async (t) => {
    const { sink, port } = await guarded(t, { reuse: false });
    await deliver(t, port);
    await deliver(t, port);
    assert.equal(sink.received.length, 2);
  });

  for (const [what, settings, command] of [
    ['a PROXY header', { proxyProtocol: 'v1' }, 'PROXY'],
    ['XCLIENT', { xclient: true }, 'XCLIENT'],
  ] as const) {
    test(`after ${what} the same address alone gets the session`, async (t) => {
      const { sink, port } = await guarded(t, settings, {
        offers: ['XCLIENT ADDR PORT'],
        reply: (line) => {
          if (line.startsWith('XCLIENT ')) return '220 sink.example.net ESMTP';
          return line.startsWith('PROXY ') ? null : undefined;
        },
      });
      for (const [from, helo] of [
        ['127.0.0.2', 'one'],
        ['127.0.0.3', 'two'],
        ['127.0.0.2', 'three'],
        ['127.0.0.3', 'four'],
      ] as const)
        await deliver(t, port, `${helo}.example.org`, from);
      const told = sink.received.map((text) => [
        [...text.matchAll(/127\.0\.0\.[23]/g)].join(),
        [...text.matchAll(/^EHLO (\w+)\.example\.org/gm)].map(([, helo]) => helo).join(),
      ]);
      assert.deepEqual(told, [
        ['127.0.0.2', 'one,three'],
        ['127.0.0.3', 'two,four'],
      ]);
      assert.equal(sink.received.filter((text) => text.includes(command)).length, 2);
    });
  }

  test('after a PROXY header of version 2 a client in the clear does not get the session of one under TLS', async (t) => {
    const { sink, port } = await guarded(
      t,
      { proxyProtocol: 'v2', tls: await certificate(t) },
      {
        // The signature of the binary header has line ends and a QUIT; EHLO follows in its last line.
        reply: (line) => {
          if (line === '' || line === '\0' || line === 'QUIT') return null;
          return line.includes('EHLO') ? '250 sink.example.net' : undefined;
        },
      },
    );
    const client = await Dialogue.greeted(t, port);
    await client.say('STARTTLS');
    await client.startTls();
    assert.equal(await client.code('EHLO client.example.org'), 250);
    await send(client, 'Hi');
    await leave(client);
    await deliver(t, port);
    const messages = sink.received.filter((text) => text.includes('MAIL FROM'));
    assert.equal(messages.length, 2);
  });

  test('idle sessions are bounded: the oldest is ended', async (t) => {
    const { sink, port } = await guarded(
      t,
      { proxyProtocol: 'v1' },
      {
        reply: (line) => (line.startsWith('PROXY ') ? null : undefined),
      },
    );
    for (let i = 2; i < 24; i++) await deliver(t, port, 'client.example.org', `127.0.0.${i}`);
    const ended = sink.received.flatMap((text, i) => (text.includes('QUIT') ? [i] : []));
    assert.deepEqual(ended, [0, 1]);
  });

  for (const refusal of [550, 450])
    test(`no reuse after the mail server said ${refusal}`, async (t) => {
      const { sink, port } = await guarded(
        t,
        {},
        { reply: (line) => (line.includes('<nobody@') ? `${refusal} No such user` : undefined) },
      );
      const client = await Dialogue.greeted(t, port);
      assert.equal(await client.code('MAIL FROM:<a@example.org>'), 250);
      assert.equal(await client.code('RCPT TO:<nobody@example.net>'), refusal);
      assert.equal(await client.code('RCPT TO:<user@example.net>'), 250);
      assert.equal(await client.code('DATA'), 354);
      assert.equal(await client.code('Hi\r\n.'), 250);
      await leave(client);
      await deliver(t, port);
      assert.equal(sink.received.length, 2);
    });

  test('no reuse of a session without mail, or with an open message', async (t) => {
    const { sink, port } = await guarded(t);
    await leave(await Dialogue.greeted(t, port));
    const client = await Dialogue.greeted(t, port);
    await send(client, 'Hi');
    assert.equal(await client.code('MAIL FROM:<b@example.org>'), 250);
    assert.equal(await client.code('RCPT TO:<user@example.net>'), 250);
    await leave(client);
    await deliver(t, port);
    assert.equal(sink.received.length, 3);
  });

  test("no reuse for a client without EHLO: the previous client's name would be taken for its own", async (t) => {
    const { sink, port } = await guarded(t);
    await deliver(t, port, 'one.example.org');
    const client = await Dialogue.open(t, port);
    await client.reply();
    await send(client, 'Hi');
    assert.equal(sink.received.length, 2);
    assert.deepEqual(
      sink.mails.map(({ helo }) => helo),
      ['one.example.org', ''],
    );
  });

  test('an EHLO the previous client sent is not repeated', async (t) => {
    const { sink, port } = await guarded(t);
    for (const helo of ['one', 'one', 'two', 'two', 'one']) await deliver(t, port, `${helo}.example.org`);
    const client = await Dialogue.open(t, port);
    await client.reply();
    assert.equal(await client.code('HELO one.example.org'), 250);
    assert.equal(await client.code('MAIL FROM:<a@example.org>'), 250);
    assert.deepEqual(sink.received[0]!.match(/^(?:EHLO|HELO) .*(?=\r)/gm), [
      'EHLO one.example.org',
      'EHLO two.example.org',
      'EHLO one.example.org',
      'HELO one.example.org',
    ]);
    assert.equal(sink.received.length, 1);
    assert.equal(sink.mails.length, 5);
  });

  test('a session the mail server closed while idle is replaced', async (t) => {
    const sockets: Socket[] = [];
    const { sink, port } = await guarded(t);
    sink.server.on('connection', (socket: Socket) => sockets.push(socket));
    await deliver(t, port);
    for (const helo of ['client.example.org', 'other.example.org']) {
      sockets.at(-1)!.destroy();
      await deliver(t, port, helo);
      sockets.at(-1)!.write('421 4.4.2 Idle for too long\r\n');
      await delay(50);
      await deliver(t, port, helo);
    }
    assert.equal(sink.received.length, 5);
    assert.equal(sink.mails.length, 5);
  });

  for (const verb of ['EHLO', 'MAIL'])
    for (const how of ['closes', 'says 421'])
      test(`a session in which the mail server ${how} at the first command, ${verb}, is replaced`, async (t) => {
        const sockets: Socket[] = [];
        let ends = false;
        const { sink, port } = await guarded(
          t,
          {},
          {
            reply: (line) => {
              if (!ends || !line.startsWith(verb)) return undefined;
              ends = false;
              if (how === 'says 421') return '421 4.3.2 Shutting down';
              sockets[0]!.destroy();
              return null;
            },
          },
        );
        sink.server.on('connection', (socket: Socket) => sockets.push(socket));
        await deliver(t, port, 'one.example.org');
        ends = true;
        const helo = verb === 'EHLO' ? 'two.example.org' : 'one.example.org';
        await deliver(t, port, helo);
        assert.equal(sink.received.length, 2);
        assert.deepEqual([sink.mails.length, sink.mails[1]!.helo], [2, helo]);
      });

  test('a session is idle for two seconds at most, then ends with QUIT', async (t) => {
    const { sink, port } = await guarded(t);
    await deliver(t, port);
    await delay(1000);
    assert.doesNotMatch(sink.received[0]!, /QUIT/);
    await eventually(() => sink.received[0]!.endsWith('QUIT\r\n'), 'QUIT');
    await deliver(t, port);
    assert.equal(sink.received.length, 2);
  });

  test('a session serves a hundred clients', async (t) => {
    const { sink, port } = await guarded(t);
    for (let i = 0; i < 101; i++) await deliver(t, port);
    assert.deepEqual(
      sink.received.map((text) => text.split('MAIL FROM').length - 1),
      [100, 1],
    );
    assert.match(sink.received[0]!, /QUIT\r\n$/);
  });

  test('shutdown ends idle sessions', async (t) => {
    const sink = await mailSink(t);
    const { port, guard } = await startGuard(t, sink.port);
    await deliver(t, port);
    await guard.close();
    await eventually(() => sink.received[0]!.endsWith('QUIT\r\n'), 'QUIT');
  });
});

test('a real Postfix serves thirty clients in one session, each under its own name', {
  skip: without('postfix'),
}, async (t) => {
  const sink = await mailSink(t, { keepData: true });
  const postfix = await startPostfix(t, { deliverTo: sink.port });
  const { port } = await startGuard(t, postfix.port);
  for (let i = 0; i < 30; i++) await deliver(t, port, `client${i}.example.org`);
  await sink.waitFor(30);
  const names = sink.mails.map(({ data }) => {
    const text = data.toString('latin1');
    const received = /^Received: from (\S+)/m.exec(text)?.[1];
    assert.equal(/^Subject: from (\S+)/m.exec(text)?.[1], received);
    return received;
  });
  assert.equal(new Set(names).size, 30);
  await postfix.waitForLog(/disconnect from \S+ ehlo=30 mail=30 rcpt=30 data=30 quit=1 /);
});

test('a real Exim serves thirty clients in one session', { skip: without('exim4') }, async (t) => {
  const sink = await mailSink(t, { keepData: true });
  const exim = await startExim(t, { deliverTo: sink.port });
  const { port } = await startGuard(t, exim.port);
  for (let i = 0; i < 30; i++) await deliver(t, port, `client${i}.example.org`);
  await sink.waitFor(30);
  const arrived = [
    ...(await exim.log()).matchAll(/ <= .* H=\((client\d+)\.example\.org\) \[127\.0\.0\.1\](:\d+) /g),
  ];
  assert.equal(new Set(arrived.map(([, name]) => name)).size, 30);
  assert.equal(new Set(arrived.map(([, , from]) => from)).size, 1);
});
