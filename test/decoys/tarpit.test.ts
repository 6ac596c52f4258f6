import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createConnection, type Socket } from 'node:net';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Tarpit } from '../../src/decoys/tarpit.ts';
import type { Owner } from '../support/owner.ts';
import { startProcess } from '../support/process.ts';
import { startDecoy } from './support.ts';

test('a held sender gets a byte a second and is closed at the end', async (t) => {
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
    on: () => {},
    resume: () => {},
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

/** Starts the process that holds, and fills its tarpit. @returns MiB that it takes then */
async function memoryOfHolding(owner: Owner, count: number, request: Buffer): Promise<number> {
  const child = await startProcess(owner, process.execPath, [
    fileURLToPath(new URL('held-memory.ts', import.meta.url)),
    `${count}`,
  ]);
  const port = Number((await child.waitForLine(/^port (\d+)$/))[1]);
  const sockets: Socket[] = [];
  owner.after(() => {
    for (const socket of sockets) socket.destroy();
  });
  for (let i = 0; i < count; i += 500) {
    const batch = Array.from({ length: 500 }, () =>
      createConnection({ port, host: `127.0.0.${1 + ((i / 500) % 20)}` }),
    );
    sockets.push(...batch);
    await Promise.all(batch.map((socket) => once(socket, 'connect')));
    for (const socket of batch) socket.on('error', () => {}).write(request);
  }
  const held = new RegExp(`^held ${count} in (\\d+) MiB$`);
  return Number((await child.waitForLine(held, 60_000))[1]);
}

const request = Buffer.from([4, 1, 0, 25, 192, 0, 2, 1, 0]);

test('10,000 held connections cost a process less than 150 MiB', async (t) => {
  const megabytes = await memoryOfHolding(t, 10_000, request);
  t.diagnostic(`${megabytes} MiB`);
  assert.ok(megabytes < 150, `${megabytes} MiB`);
});

test('bytes from held senders are not stored', async (t) => {
  // Stored, they would take 630 MiB more. The latest garbage is not collected yet when the last connection is held.
  const megabytes = await memoryOfHolding(t, 10_000, Buffer.concat([request, Buffer.alloc(65_000)]));
  t.diagnostic(`${megabytes} MiB`);
  assert.ok(megabytes < 300, `${megabytes} MiB`);
});

test('a held sender that floods is closed', async (t) => {
  const { port, decoy } = await startDecoy(t, 'socks', { tarpit: { connections: 10, time: 60_000 } });
  const sender = createConnection({ port, host: '127.0.0.1' });
  // A sender in mid-write gets a reset, with which `once` would reject.
  const closed = new Promise((done) => sender.on('error', () => {}).on('close', done));
  sender.write(request);
  await once(sender, 'data');
  assert.equal(decoy.held, 1);
  sender.write(Buffer.alloc(1 << 20));
  await closed;
  assert.equal(decoy.held, 0);
});
