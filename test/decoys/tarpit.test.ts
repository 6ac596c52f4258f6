import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createConnection, type Socket } from 'node:net';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Tarpit } from '../../src/decoys/tarpit.ts';
import { startProcess } from '../support/process.ts';
import { startDecoy } from './support.ts';

test('a held sender gets a byte a second and is closed in the end', async (t) => {
  const { port, decoy } = await startDecoy(t, 'socks', { tarpit: { connections: 1, time: 60_000 } });
  const sender = createConnection({ port, host: '127.0.0.1' });
  t.after(() => sender.destroy());
  sender.write(Buffer.from([4, 1, 0, 25, 192, 0, 2, 1, 0]));
  const [first] = (await once(sender, 'data')) as [Buffer];
  assert.deepEqual([...first], [0]);
  assert.equal(decoy.held, 1);
  // The tarpit is full: the next one is answered at once.
  const second = createConnection({ port, host: '127.0.0.1' });
  second.write(Buffer.from([4, 1, 0, 25, 192, 0, 2, 1, 0]));
  assert.equal(((await once(second, 'data')) as [Buffer])[0][1], 0x5b);
  sender.destroy();
  second.destroy();
});

test('held connections end when their time is over', () => {
  let now = 0;
  const tarpit = new Tarpit({ connections: 2, time: 5000 }, () => now);
  const written: number[] = [];
  let destroyed = false;
  const socket = {
    once: () => {},
    pause: () => {},
    writableLength: 0,
    write: (bytes: Uint8Array) => written.push(...bytes),
    destroy: () => {
      destroyed = true;
    },
  } as unknown as Socket;
  assert.equal(tarpit.hold(socket, Buffer.from([1, 2, 3])), true);
  for (; now < 5000; now += 1000) tarpit.tick();
  assert.deepEqual(written, [1, 2, 3]);
  assert.equal(destroyed, false);
  tarpit.tick();
  assert.equal(destroyed, true);
  assert.equal(tarpit.size, 0);
});

test('10,000 held connections cost a process less than 150 MiB', async (t) => {
  const child = await startProcess(t, process.execPath, [
    fileURLToPath(new URL('held-memory.ts', import.meta.url)),
  ]);
  const port = Number((await child.waitForLine(/^port (\d+)$/))[1]);
  const sockets: Socket[] = [];
  t.after(() => {
    for (const socket of sockets) socket.destroy();
  });
  const request = Buffer.from([4, 1, 0, 25, 192, 0, 2, 1, 0]);
  for (let i = 0; i < 10_000; i += 500) {
    const batch = Array.from({ length: 500 }, () =>
      createConnection({ port, host: `127.0.0.${1 + ((i / 500) % 20)}` }),
    );
    sockets.push(...batch);
    await Promise.all(batch.map((socket) => once(socket, 'connect')));
    for (const socket of batch) socket.on('error', () => {}).write(request);
  }
  const [, megabytes] = await child.waitForLine(/^held 10000 in (\d+) MiB$/, 60_000);
  assert.ok(Number(megabytes) < 150, `${megabytes} MiB`);
});
