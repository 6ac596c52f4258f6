/**
 * The end of a message may come while the mail server is not reading. Waiting for the drain event alone would then hang for ever: nothing
 * more will be written.
 */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, createConnection, createServer, type Socket } from 'node:net';
import { test } from 'node:test';
import { ClientChannel } from '../../src/smtp/client-channel.ts';
import { StrictScanner } from '../../src/smtp/data-scanner.ts';
import { transfer } from '../../src/smtp/data-transfer.ts';
import { Upstream } from '../../src/smtp/upstream.ts';
import { Dialogue } from './dialogue.ts';
import { fakeServer, startGuard } from './support.ts';

/** A mail server that reads a message only once the test allows it. */
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

test('the end of a message comes while waiting for drain: forced 100 times', async (t) => {
  const server = await fakeServer(t, (socket) => {
    socket.on('data', (chunk: Buffer) => {
      if (chunk.toString('latin1').endsWith('.\r\n')) socket.write('250 Taken\r\n');
    });
  });
  const listener = createServer({ allowHalfOpen: true });
  listener.listen(0, '127.0.0.1');
  await once(listener, 'listening');
  t.after(() => listener.close());
  for (let round = 0; round < 100; round++) {
    const sender = createConnection({
      port: (listener.address() as AddressInfo).port,
      host: '127.0.0.1',
      noDelay: true,
    });
    const [accepted] = (await once(listener, 'connection')) as [Socket];
    const client = new ClientChannel(accepted);
    const upstream = await Upstream.connect({ host: '127.0.0.1', port: server.port }, 5000);
    const write = upstream.socket.write.bind(upstream.socket);
    // Reports full at every write; emits drain after all writes but the last.
    upstream.socket.write = (chunk: Uint8Array): boolean => {
      write(chunk);
      const isLast = Buffer.from(chunk).toString('latin1').endsWith('.\r\n');
      if (!isLast) setImmediate(() => upstream.socket.emit('drain'));
      return false;
    };
    const done = transfer({
      client,
      upstream,
      scanner: new StrictScanner(),
      before: '',
      largest: null,
      timeout: 10_000,
    });
    const text = `${'x'.repeat(round)}\r\n.\r\n`;
    const at = round % text.length;
    sender.write(text.slice(0, at));
    setImmediate(() => sender.write(`${text.slice(at)}NOOP\r\n`));
    assert.equal((await done).end, 'sent');
    assert.equal((await upstream.reply(10_000)).code, 250);
    assert.deepEqual(await client.line(100, 10_000), { text: 'NOOP' });
    upstream.drop();
    sender.destroy();
    accepted.destroy();
  }
});

const line = `${'x'.repeat(76)}\r\n`;

test('the end of a message comes while the mail server stalls: 20 sizes', async (t) => {
  const server = await stallingServer(t);
  const { port } = await startGuard(t, server.port);
  const client = await Dialogue.greeted(t, port);
  // Sizes from far below to far above the socket buffers, so that the end meets every state of them.
  for (let round = 0; round < 20; round++) {
    assert.equal(await client.code('MAIL FROM:<a@example.org>'), 250);
    assert.equal(await client.code('RCPT TO:<user@example.net>'), 250);
    const stalled = server.stalled();
    assert.equal(await client.code('DATA'), 354);
    await stalled;
    const sent = new Promise((done) =>
      client.socket.write(line.repeat(1 + round * 2500) + '.\r\nNOOP\r\n', 'latin1', done),
    );
    if (round % 2 === 0) setImmediate(server.release);
    else {
      // Until everything is sent, or all buffers are full.
      await Promise.race([sent, stuck(client.socket)]);
      server.release();
    }
    assert.equal((await client.reply()).text, '250 Taken\r\n', `round ${round}`);
    assert.equal((await client.reply()).code, 250);
  }
});

/** Waits until two looks in a row show no progress of the socket. */
async function stuck(socket: Socket): Promise<void> {
  for (let before = -1; before !== socket.bytesWritten - socket.writableLength; ) {
    before = socket.bytesWritten - socket.writableLength;
    await new Promise((done) => setTimeout(done, 10));
  }
}
