/** A check that fails denies: the address is refused, the session goes on, and the mail server gets nothing of it. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { test } from 'node:test';
import { Accounts } from '../../src/smtp/accounts.ts';
import { Backends } from '../../src/smtp/backends.ts';
import { Session } from '../../src/smtp/session.ts';
import { Dialogue } from './dialogue.ts';
import { guardOptions, mailSink } from './support.ts';

test('a check that throws refuses the recipient and the sender', async (t) => {
  const sink = await mailSink(t);
  const options = guardOptions(sink.port);
  const logged: string[] = [];
  const log = (_: object, message: string): void => void logged.push(message);
  const server = createServer((socket) => {
    const ends = { address: '192.0.2.7', port: 1, localAddress: '192.0.2.1', localPort: 25, session: 's-1' };
    void new Session(socket, {
      options,
      policy: {
        owns: (domain) => {
          if (domain.startsWith('broken.')) throw new Error('broken');
          return domain === 'example.net';
        },
      },
      backends: new Backends({ ...options, backends: options.listen[0]!.backends }, () => {}),
      listener: options.listen[0]!,
      certificates: null,
      ends,
      mayRelay: true,
      normalizes: false,
      onEvent: () => {},
      prefix: '192.0.2.7/32',
      accounts: new Accounts(Date.now, () => {}),
      isBanned: () => false,
      onOffence: () => {},
      onDelivered: () => {},
      log: { info: log, warn: log, error: log },
    }).run();
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  t.after(() => server.close());
  const client = await Dialogue.greeted(t, (server.address() as AddressInfo).port);
  assert.equal(await client.code('MAIL FROM:<a%b@broken.example.net>'), 554);
  assert.equal(await client.code('MAIL FROM:<a@example.org>'), 250);
  assert.equal(await client.code('RCPT TO:<user@broken.example.net>'), 554);
  assert.equal(await client.code('RCPT TO:<user@example.net>'), 250);
  assert.deepEqual(logged, Array(2).fill('smtp: a check failed; the address was refused'));
  assert.doesNotMatch(sink.received[0]!, /broken/);
  client.socket.destroy();
});
