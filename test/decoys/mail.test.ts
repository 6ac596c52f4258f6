/** The mail decoy: plays along up to a recipient or a sign-in. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { suite, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { nmap } from '../support/nmap.ts';
import { watchDials } from '../support/no-dial.ts';
import { requirePeer, without } from '../support/peers.ts';
import { runProcess } from '../support/process.ts';
import { exchange } from '../support/raw-client.ts';
import { startDecoy } from './support.ts';

const codes = (text: string): string[] =>
  text.split('\r\n').flatMap((line) => /^\d{3}(?= )/.exec(line) ?? []);

suite('the mail decoy', () => {
  test('answers like a mail server, and accepts no recipient', async (t) => {
    const { port, events } = await startDecoy(t, 'smtp');
    const reply = await exchange(port, [
      'EHLO x\r\nMAIL FROM:<a@example.org>\r\nRCPT TO: user@example.com\r\nRCPT TO: @example.net:user@example.com\r\n',
      'RCPT TO: example.com!user\r\nRCPT TO: user%example.com@example.net\r\nRCPT TO:<user%example.com@example.net>\r\n',
      'DATA\r\nSubject: x\r\n.\r\nRSET\r\nNOOP\r\nVRFY root\r\nEXPN all\r\nSTARTTLS\r\nHELP\r\nQUIT\r\n',
    ]);
    assert.deepEqual(codes(reply.text), [
      ...['220', '250', '250', '554', '554', '554', '554', '554', '554'],
      ...['502', '502', '250', '250', '502', '502', '502', '502', '221'],
    ]);
    assert.match(reply.text, /^220 \[127\.0\.0\.1\] ESMTP\r\n250-\[127\.0\.0\.1\]\r\n/);
    assert.deepEqual(
      events.map(({ rule, destination, intent, answer, protocol }) => [
        ...[rule, destination, intent, answer, protocol],
      ]),
      [
        ['smtp-foreign-recipient', 'user@example.com', 'mail-relay', 554, 'smtp'],
        ['smtp-source-route', 'user@example.com', 'mail-relay', 554, 'smtp'],
        ['smtp-bang-path', 'user@example.com', 'mail-relay', 554, 'smtp'],
        ['smtp-percent-hack', 'user@example.com', 'mail-relay', 554, 'smtp'],
        ['smtp-percent-hack', 'user@example.com', 'mail-relay', 554, 'smtp'],
      ],
    );
    assert.equal(new Set(events.map(({ session }) => session)).size, 1);
    assert.match(events[0]!.bytes, /^EHLO x\\r\\nMAIL FROM:<a@example.org>\\r\\nRCPT TO: user@example.com$/);
  });

  test('reads a sign-in to its end and refuses it', async (t) => {
    const { port, events } = await startDecoy(t, 'smtp');
    const reply = await exchange(port, [
      'EHLO x\r\n',
      'AUTH LOGIN\r\n',
      'dXNlcg==\r\n',
      'c2VjcmV0\r\n',
      'AUTH CRAM-MD5\r\nAUTH PLAIN\r\n*\r\nAUTH\r\nQUIT\r\n',
    ]);
    assert.deepEqual(codes(reply.text), [
      ...['220', '250', '334', '334', '535', '504', '334', '501', '501', '221'],
    ]);
    assert.deepEqual(
      events.map(({ rule, answer, request }) => [rule, answer, request]),
      [['smtp-auth-failed', 535, 'AUTH LOGIN [credentials]']],
    );
  });

  test('ends endless sessions', async (t) => {
    const { port, events } = await startDecoy(t, 'smtp');
    const many = await exchange(port, `EHLO x\r\n${'RCPT TO:<a@example.com>\r\n'.repeat(500)}`);
    assert.match(many.text, /421 4\.7\.0 Too many commands\r\n$/);
    assert.equal(events.length, 49);
    const long = await exchange(port, `RCPT TO:<${'a'.repeat(100_000)}@example.com>\r\n`);
    assert.equal(long.ended, 'closed');
    assert.equal(events.length, 50);
  });

  test('records another protocol by its own rule, and reads a last line without a line end', async (t) => {
    const { port, events } = await startDecoy(t, 'smtp', { messageTime: 100 });
    for (const [bytes, rule, destination, answer] of [
      [
        'GET http://www.example.com/ HTTP/1.0\r\n\r\n',
        'absolute-form-foreign',
        'http://www.example.com/',
        500,
      ],
      ['\x04\x01\x00\x19\xc0\x00\x02\x01\x00', 'socks4', '192.0.2.1:25', 500],
      ['RCPT TO:<user@example.com>', 'smtp-foreign-recipient', 'user@example.com', 554],
    ] as const) {
      const { text } = await exchange(port, bytes);
      assert.equal(codes(text).at(-1), String(answer));
      assert.deepEqual(
        [events.at(-1)?.rule, events.at(-1)?.destination, events.at(-1)?.answer],
        [rule, destination, answer],
      );
    }
  });

  test('records a session without a recipient or a sign-in once, at its end, with the last reply', async (t) => {
    const { port, events } = await startDecoy(t, 'smtp', { messageTime: 200 });
    for (const [bytes, answer, intent, recorded] of [
      ['EHLO x\r\n', 250, 'mail-relay', 'EHLO x\\r\\n'],
      ['EHLO x\r\nQUIT\r\n', 221, 'mail-relay', 'EHLO x\\r\\nQUIT\\r\\n'],
      ['VRFY root\r\nEXPN all\r\n', 502, 'mail-relay', 'VRFY root\\r\\nEXPN all\\r\\n'],
      [
        'HELO x\r\nMAIL FROM:<a@example.org>\r\n',
        250,
        'mail-relay',
        'HELO x\\r\\nMAIL FROM:<a@example.org>\\r\\n',
      ],
      ['EHLO x\r\nSTARTTLS\r\n', 502, 'mail-relay', 'EHLO x\\r\\nSTARTTLS\\r\\n'],
      ['QUIT', 221, 'mail-relay', 'QUIT\\r\\n'],
      ['hello\r\n', 502, 'web', 'hello\\r\\n'],
      ['\r\n', 502, 'web', '\\r\\n'],
      ['G', 502, 'web', 'G\\r\\n'],
      [`${'NOOP\r\n'.repeat(60)}`, 421, 'mail-relay', 'NOOP\\r\\n'.repeat(50)],
    ] as const) {
      const before = events.length;
      const { text } = await exchange(port, bytes);
      assert.equal(codes(text).at(-1), String(answer), bytes);
      assert.equal(events.length, before + 1, bytes);
      const { rule, counts, clientPort, localPort, session, ...event } = events.at(-1)!;
      assert.deepEqual(
        [rule, event.answer, event.intent, counts, event.bytes],
        ['not-http', answer, intent, false, recorded],
      );
      assert.ok(clientPort! > 0 && localPort === port && session != null, 'its connection');
    }
    const { length } = events;
    const silent = await exchange(port, '');
    assert.deepEqual(codes(silent.text), ['220']);
    assert.equal(events.length, length, 'a client that sends nothing is not recorded');
    const plain = await exchange(port, 'GET / HTTP/1.0\r\n\r\n');
    assert.deepEqual(codes(plain.text), ['220', '500']);
    assert.deepEqual([events.length, events.at(-1)!.rule], [length + 1, 'host-missing']);
  });

  test('records a client that resets the connection at once', async (t) => {
    const { port, events } = await startDecoy(t, 'smtp');
    const socket = connect(port, '127.0.0.1');
    await once(socket, 'data');
    socket.write('EHLO x\r\n');
    await once(socket, 'data');
    socket.resetAndDestroy();
    for (let i = 0; i < 100 && events.length === 0; i++) await delay(20);
    assert.deepEqual(
      events.map(({ rule, answer, request }) => [rule, answer, request]),
      [['not-http', 'drop', 'EHLO x']],
    );
  });

  test('never stores credentials of a sign-in that was not finished', async (t) => {
    const { port, events } = await startDecoy(t, 'smtp', { messageTime: 200 });
    for (const [bytes, recorded] of [
      ['AUTH LOGIN c2Nhbm5lcg==\r\n', 'AUTH LOGIN [credentials]\\r\\n'],
      ['AUTH LOGIN\r\nc2Nhbm5lcg==\r\n', 'AUTH LOGIN\\r\\n[credentials]\\r\\n'],
      ['AUTH LOGIN\r\nc2Nhbm5lcg==\r\n*\r\n', 'AUTH LOGIN\\r\\n[credentials]\\r\\n[credentials]\\r\\n'],
      ['AUTH XOAUTH2 c2Nhbm5lcg==\r\nQUIT\r\n', 'AUTH XOAUTH2 [credentials]\\r\\nQUIT\\r\\n'],
      [
        'AUTH XOAUTH2\r\nc2Nhbm5lcg==\r\nc2Nhbm5lcg==\r\n',
        'AUTH XOAUTH2\\r\\n[credentials]\\r\\n[credentials]\\r\\n',
      ],
    ] as const) {
      await exchange(port, bytes);
      assert.equal(events.at(-1)!.bytes, recorded);
      assert.equal(events.at(-1)!.rule, 'not-http');
    }
    assert.equal(events.length, 5);
    assert.match(events[0]!.credentialHash!, /^[0-9a-f]{32}$/);
    assert.equal(events[1]!.credentialHash, events[0]!.credentialHash, 'the same name');
    assert.doesNotMatch(JSON.stringify(events), /c2Nhbm5l|scanner/);
  });

  test('swaks gets as far as its recipient or its password, and both are recorded', {
    skip: without('swaks'),
  }, async (t) => {
    const { port, events } = await startDecoy(t, 'smtp');
    const swaks = (...args: string[]) =>
      runProcess(requirePeer('swaks'), [
        ...['--server', `127.0.0.1:${port}`, '--from', 'a@example.org', '--to', 'user@example.com'],
        ...args,
      ]);
    const plain = await swaks();
    assert.notEqual(plain.code, 0);
    assert.match(plain.stdout, /<\*\* 554 5\.7\.1 Relay access denied/);
    for (const mechanism of ['PLAIN', 'LOGIN']) {
      const signed = await swaks('--auth', mechanism, '--auth-user', 'admin', '--auth-password', 'hunter2');
      assert.notEqual(signed.code, 0);
      assert.match(signed.stdout, /<\*\* 535 5\.7\.8/, mechanism);
    }
    assert.deepEqual(
      events.map(({ rule, destination }) => [rule, destination]),
      [
        ['smtp-foreign-recipient', 'user@example.com'],
        ['smtp-auth-failed', null],
        ['smtp-auth-failed', null],
      ],
    );
    assert.equal(events[1]!.credentialHash, events[2]!.credentialHash);
    assert.doesNotMatch(JSON.stringify(events), /hunter2/);
    // Only as far as a command: no recipient and no password.
    for (const last of ['CONNECT', 'EHLO', 'MAIL']) await swaks('--quit-after', last);
    assert.deepEqual(
      events.slice(3).map(({ rule, answer, request }) => [rule, answer, request.slice(0, 5)]),
      [
        ['not-http', 221, 'QUIT'],
        ['not-http', 221, 'EHLO '],
        ['not-http', 221, 'EHLO '],
      ],
    );
  });

  test('nmap finds no open relay and no users, and its recipients are recorded', {
    skip: without('nmap'),
  }, async (t) => {
    const watch = watchDials(t);
    const { port, events } = await startDecoy(t, 'smtp');
    const relay = await nmap({ port, script: 'smtp-open-relay' });
    assert.doesNotMatch(relay.scripts.get('smtp-open-relay') ?? '', /is an open relay/i);
    const recipients = events.filter(({ rule }) => rule.startsWith('smtp-'));
    assert.ok(recipients.length >= 10, `${recipients.length} recipients`);
    assert.ok(recipients.every(({ intent, answer }) => intent === 'mail-relay' && answer === 554));
    const before = events.length;
    const users = await nmap({ port, script: 'smtp-enum-users' });
    assert.doesNotMatch(users.scripts.get('smtp-enum-users') ?? '', /^\s*(?:root|admin)\s*$/m);
    assert.ok(events.length > before, 'a search for users is recorded too');
    assert.deepEqual(watch.others(), []);
  });

  test('in a tarpit sends the refusal of the first recipient a byte a second', async (t) => {
    const { port, decoy, events } = await startDecoy(t, 'smtp', { tarpit: { connections: 1, time: 1500 } });
    const { text } = await exchange(port, 'EHLO x\r\nMAIL FROM:<>\r\nRCPT TO:<a@example.com>\r\nQUIT\r\n', {
      timeout: 10_000,
    });
    assert.match(text, /^220 \[127\.0\.0\.1\] ESMTP\r\n2?/);
    assert.ok(text.length < 40, text);
    assert.equal(events.length, 1);
    assert.equal(decoy.held, 0);
  });
});
