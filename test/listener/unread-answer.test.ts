import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import { UnreadAnswer } from '../../src/listener/unread-answer.ts';

/** The accepted side of a connection whose client reads nothing, after it has written more than the kernel takes. */
async function unread(t: TestContext): Promise<Socket> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const client = connect((server.address() as AddressInfo).port, '127.0.0.1').pause();
  const [socket] = (await once(server, 'connection')) as [Socket];
  t.after(() => {
    client.destroy();
    socket.destroy();
    server.close();
  });
  socket.write(Buffer.alloc(32 * 1024 * 1024));
  // Until the kernel takes no more.
  let written = -1;
  while (written !== waiting(socket)) {
    written = waiting(socket);
    await new Promise((done) => setTimeout(done, 50));
  }
  return socket;
}

const waiting = (socket: Socket): number =>
  (socket as Socket & { _handle: { writeQueueSize: number } })._handle.writeQueueSize;

test('an answer of which nothing is read for as long as the limit stands still', async (t) => {
  const answer = new UnreadAnswer(await unread(t), 0);
  const seen = [0, 100, 200, 300, 400, 500].map((now) => answer.standsStill(now, 400));
  assert.deepEqual(seen, [false, false, false, false, true, true]);
});

test('a check that comes late counts as one in time: the client could not read while this process did not run', async (t) => {
  const answer = new UnreadAnswer(await unread(t), 0);
  const seen = [0, 100, 60_000, 60_100, 60_200].map((now) => answer.standsStill(now, 400));
  assert.deepEqual(seen, [false, false, false, false, true]);
});
