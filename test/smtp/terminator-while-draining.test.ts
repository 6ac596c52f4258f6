/**
 * The end of a message may come while the mail server is not taking any more of it. Whoever then waits for it to drain,
 * and for nothing else, waits for ever: the end is there already.
 */
import assert from 'node:assert/strict';
import type { Socket } from 'node:net';
import { test } from 'node:test';
import { Dialogue } from './dialogue.ts';
import { fakeServer, startGuard } from './support.ts';

/** A mail server that reads nothing of a message until it is let. */
async function stallingServer(t: { after(stop: () => unknown): void }) {
  let release: () => void = () => {};
  const stalled: (() => void)[] = [];
  const server = await fakeServer(t, (socket: Socket) => {
    let tail = '';
    let inData = false;
    socket.write('220 fake ESMTP\r\n');
    socket.on('data', (chunk: Buffer) => {
      if (inData) {
        tail = (tail + chunk.toString('latin1')).slice(-5);
        if (tail !== '\r\n.\r\n') return;
        inData = false;
        socket.write('250 Taken\r\n');
        return;
      }
      const isData = chunk.toString('latin1').startsWith('DATA');
      socket.write(isData ? '354 Go on\r\n' : '250 OK\r\n');
      if (!isData) return;
      inData = true;
      tail = '';
      socket.pause();
      release = () => socket.resume();
      stalled.shift()?.();
    });
  });
  return {
    port: server.port,
    stalled: () => new Promise<void>((done) => stalled.push(done)),
    release: () => release(),
  };
}

const line = `${'x'.repeat(76)}\r\n`;

test('the end of a message that comes before the mail server drains, 100 times', async (t) => {
  const server = await stallingServer(t);
  const { port } = await startGuard(t, server.port);
  const client = await Dialogue.greeted(t, port);
  // From far below what the sockets between hold to far above, so that the end meets every state of them.
  for (let round = 0; round < 100; round++) {
    assert.equal(await client.code('MAIL FROM:<a@example.org>'), 250);
    assert.equal(await client.code('RCPT TO:<user@example.net>'), 250);
    const stalled = server.stalled();
    assert.equal(await client.code('DATA'), 354);
    await stalled;
    const sent = new Promise((done) =>
      client.socket.write(line.repeat(1 + (round % 20) * 2500) + '.\r\nNOOP\r\n', 'latin1', done),
    );
    if (round % 2 === 0) setImmediate(server.release);
    else {
      // As far as it goes: everything is sent, or all that lies between is full.
      await Promise.race([sent, stuck(client.socket)]);
      server.release();
    }
    assert.equal((await client.reply()).text, '250 Taken\r\n', `round ${round}`);
    assert.equal((await client.reply()).code, 250);
  }
});

/** Settles once nothing has left the socket for two looks in a row. */
async function stuck(socket: Socket): Promise<void> {
  for (let before = -1; before !== socket.bytesWritten - socket.writableLength; ) {
    before = socket.bytesWritten - socket.writableLength;
    await new Promise((done) => setTimeout(done, 10));
  }
}
