import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { test } from 'node:test';
import { post } from '../../src/smtp/coalesced-writes.ts';
import { scriptedServer } from '../support/scripted-server.ts';

/** The two ends of a connection; the near one reads nothing. */
async function pair(t: { after(stop: () => unknown): void }): Promise<[near: Socket, far: Socket]> {
  const accepted = Promise.withResolvers<Socket>();
  const port = await scriptedServer(t, accepted.resolve);
  const near = connect(port, '127.0.0.1').pause();
  t.after(() => near.destroy());
  await once(near, 'connect');
  return [near, await accepted.promise];
}

test('a last text closes the connection, also of a peer that does not read', async (t) => {
  for (const unread of [0, 64 * 1024 * 1024]) {
    const [, far] = await pair(t);
    if (unread > 0) far.write(Buffer.alloc(unread));
    assert.equal(far.writableLength > 0, unread > 0);
    post(far, '221 2.0.0 Bye\r\n', true);
    await once(far, 'close', { signal: AbortSignal.timeout(30_000) });
  }
});

test('texts of one turn arrive together and in order, the last one before the end', async (t) => {
  const [near, far] = await pair(t);
  for (const text of ['250 one\r\n', '250 two\r\n']) post(far, text);
  post(far, '221 Bye\r\n', true);
  let read = '';
  near.on('data', (bytes: Buffer) => {
    read += bytes.toString('latin1');
  });
  near.resume();
  await once(near, 'end', { signal: AbortSignal.timeout(30_000) });
  assert.equal(read, '250 one\r\n250 two\r\n221 Bye\r\n');
});
