/** Many connections at once: several are accepted per event-loop turn. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { suite, test } from 'node:test';
import { Listener } from '../../src/listener/listener.ts';

const ignore = (): void => {};

const listenerAt = (port: number, sharing: 'none' | 'own', take: () => void): Listener => {
  const front = { take, close: ignore, stop: ignore };
  return new Listener({
    host: '127.0.0.1',
    port,
    inherited: null,
    sharing,
    tls: null,
    clients: null,
    proofOf: null,
    proxyPeers: null,
    headerTime: 1000,
    http1: front,
    plain: front,
    http2: front,
    mayConnect: () => true,
    onClient: ignore,
    onName: ignore,
    onCertificate: ignore,
    onError: ignore,
  });
};

async function takenPerTurn(sharing: 'none' | 'own', clients: number): Promise<number[]> {
  const turns: number[] = [0];
  const listener = listenerAt(0, sharing, () => turns.push(turns.pop()! + 1));
  await listener.listen();
  const port = Number(listener.name.split(':').at(-1));
  const sockets: Socket[] = [];
  for (let i = 0; i < clients; i++) sockets.push(connect(port, '127.0.0.1').on('error', ignore));
  const sum = () => turns.reduce((all, one) => all + one, 0);
  for (let turn = 0; turn < 20_000 && sum() < clients; turn++) {
    await new Promise<void>((done) => setImmediate(done));
    turns.push(0);
  }
  for (const socket of sockets) socket.destroy();
  await listener.close(0);
  return turns.filter((taken) => taken > 0);
}

suite('simultaneous connections', {
  skip: process.platform !== 'linux' && 'needs SO_REUSEPORT of Linux',
}, () => {
  test('are all accepted, several per turn', async () => {
    const turns = await takenPerTurn('own', 320);
    assert.equal(
      turns.reduce((all, one) => all + one, 0),
      320,
    );
    assert.ok(turns.length < 160, `${turns.length} turns`);
  });

  test('are all accepted through a single socket', async () => {
    const turns = await takenPerTurn('none', 40);
    assert.equal(
      turns.reduce((all, one) => all + one, 0),
      40,
    );
  });

  test('a taken port is an error, although sockets could share it', async () => {
    const other = createServer().listen({ port: 0, host: '127.0.0.1', reusePort: true });
    await once(other, 'listening');
    const { port } = other.address() as { port: number };
    const listener = listenerAt(port, 'own', ignore);
    await assert.rejects(listener.listen(), /the port is taken/);
    await listener.close(0);
    other.close();
  });
});
