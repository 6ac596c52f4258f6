/** The log of a real mail server that relays shows which mails were relayed. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { test } from 'node:test';
import { startExim } from '../smtp/exim.ts';
import { eventually } from '../support/eventually.ts';
import type { Owner } from '../support/owner.ts';
import { needs } from '../support/peers.ts';
import { exchange } from '../support/raw-client.ts';
import { scannedText } from './scanned.ts';

/** A mail server that accepts every mail. */
async function startSink(owner: Owner): Promise<number> {
  const server = createServer((socket) => {
    socket.on('error', () => {});
    socket.write('220 sink\r\n');
    let data = false;
    let held = '';
    socket.on('data', (chunk) => {
      const lines = (held + chunk.toString('latin1')).split('\r\n');
      held = lines.pop()!;
      for (const line of lines) {
        if (data && line !== '.') continue;
        data = /^DATA/i.test(line);
        socket.write(data ? '354 go on\r\n' : '250 2.0.0 Ok\r\n');
        if (/^QUIT/i.test(line)) socket.end();
      }
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  owner.after(() => server.close());
  return (server.address() as { port: number }).port;
}

test('Exim: one refused recipient and two relayed ones', async (t) => {
  if (!needs(t, 'exim4')) return;
  const exim = await startExim(t, {
    deliverTo: await startSink(t),
    main: [
      'hosts_proxy = 127.0.0.1',
      `acl_smtp_rcpt = \${if eq{$domain}{refused.example}{deny message = relay not permitted}{accept}}`,
    ].join('\n'),
  });
  const session = [
    'PROXY TCP4 198.51.100.7 192.0.2.1 5555 25',
    'EHLO client.example',
    'MAIL FROM:<spam@example.org>',
    'RCPT TO:<a@refused.example>',
    'RCPT TO:<b@victim.example>',
    'RCPT TO:<c@victim.example>',
    'DATA',
    'Subject: test\r\n\r\nbody\r\n.',
    'QUIT',
  ];
  await exchange(
    exim.port,
    session.map((line) => `${line}\r\n`),
    { gap: 50 },
  );
  await eventually(async () => (await exim.log()).includes(' Completed\n'), 'the mail is delivered');
  // The test's next server is on loopback, which would count as the own network: give it a public address.
  const log = (await exim.log()).replaceAll('H=127.0.0.1 [127.0.0.1]', 'H=mx.victim.example [203.0.113.9]');
  const { files, findings } = await scannedText(log, { hosts: ['own.example'] });
  assert.equal(files[0]!.format, 'Exim main log');
  assert.equal(files[0]!.broken, 0);
  assert.deepEqual(
    findings.map((f) => `${f.target} ${f.outcome} ${f.client} ${f.status}`),
    [
      'a@refused.example refused 198.51.100.7 550',
      'b@victim.example likely-relayed 198.51.100.7 250',
      'c@victim.example likely-relayed 198.51.100.7 250',
    ],
  );
});
