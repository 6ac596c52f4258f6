/** Bodies larger than memory pass through the program, both ways, in bounded memory. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import { suite, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { type GatewayProcess, startGatewayProcess } from '../support/gateway-process.ts';
import type { Owner } from '../support/owner.ts';
import { rawBackend } from '../support/raw-backend.ts';
import { exchange } from '../support/raw-client.ts';
import { rawConnection } from '../support/raw-connection.ts';

/** More than 31 bits can count. */
const gibs = 4 * 1024 ** 3;
const mib = 1024 ** 2;
const hostLine = 'Host: www.example.net\r\n';
const piece = Buffer.alloc(mib, 'x');

/** Peak resident memory of a process, in bytes. */
const peak = ({ process }: GatewayProcess): number =>
  Number(/VmHWM:\s*(\d+) kB/.exec(readFileSync(`/proc/${process.pid}/status`, 'utf8'))?.[1]) * 1024;

async function behind(owner: Owner, serve: Parameters<typeof rawBackend>[1]): Promise<GatewayProcess> {
  const { url } = await rawBackend(owner, serve);
  const gateway = await startGatewayProcess(
    owner,
    `sites: [{ hosts: [www.example.net], backend: "${url}" }]\nbans: false\nrateLimit: false\nlog: { level: error }\n`,
  );
  // Warm-up, so that only the growth of the body is measured.
  await exchange(gateway.port, `GET /warm HTTP/1.1\r\n${hostLine}\r\n`, { until: 1, timeout: 500 });
  return gateway;
}

/** Writes `total` bytes as fast as the socket takes them, or until it closes. */
async function pour(socket: Socket, total: number, frame = (data: Buffer): Buffer => data): Promise<void> {
  const framed = frame(piece);
  let go = (): void => {};
  socket.on('drain', () => go()).once('close', () => go());
  for (let left = total; left > 0 && !socket.destroyed; left -= piece.length) {
    if (!socket.write(framed)) {
      await new Promise<void>((done) => {
        go = done;
      });
    }
  }
}

/** Counts bytes and keeps none. */
function counted(socket: Socket): { bytes: number } {
  const count = { bytes: 0 };
  socket.removeAllListeners('data');
  socket.on('data', (chunk: Buffer) => {
    count.bytes += chunk.length;
  });
  return count;
}

/** Waits until a number stops changing: no event marks that nothing more happens. */
async function still(read: () => number): Promise<number> {
  for (let last = -1, quiet = 0; quiet < 10; await delay(50)) {
    const now = read();
    quiet = now === last ? quiet + 1 : 0;
    last = now;
  }
  return read();
}

const skip = process.platform === 'linux' ? false : 'reads /proc';

suite('bodies of several GiB', { skip }, () => {
  test('up, with a Content-Length', async (t) => {
    const upload = Promise.withResolvers<void>();
    const gateway = await behind(t, async ({ socket, until }) => {
      if (!(await until(/\r\n\r\n/)).startsWith('POST')) return socket.end('HTTP/1.1 204 No Content\r\n\r\n');
      let left = gibs;
      socket.removeAllListeners('data');
      socket.on('data', (chunk: Buffer) => {
        left -= chunk.length;
        // The first bytes of the body may have come with the head.
        if (left > 128 * 1024) return;
        socket.write('HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ndone');
        left = Infinity;
        upload.resolve();
      });
    });
    const before = peak(gateway);
    const client = await rawConnection(t, gateway.port);
    client.socket.write(`POST / HTTP/1.1\r\n${hostLine}Content-Length: ${gibs}\r\n\r\n`);
    await pour(client.socket, gibs);
    await upload.promise;
    await client.until(/200 OK[\s\S]*done$/);
    assert.ok(peak(gateway) - before < 64 * mib, `${(peak(gateway) - before) / mib} MiB more`);
  });

  test('down, chunked', async (t) => {
    const gateway = await behind(t, async ({ socket, until }) => {
      if ((await until(/\r\n\r\n/)).includes('/warm')) return socket.end('HTTP/1.1 204 No Content\r\n\r\n');
      socket.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n');
      const size = Buffer.from(`${piece.length.toString(16)}\r\n`);
      await pour(socket, gibs, (data) => Buffer.concat([size, data, Buffer.from('\r\n')]));
      socket.write('0\r\n\r\n');
    });
    const before = peak(gateway);
    const client = await rawConnection(t, gateway.port);
    client.socket.write(`GET / HTTP/1.1\r\n${hostLine}Connection: close\r\n\r\n`);
    await client.until(/\r\n\r\n/);
    const count = counted(client.socket);
    await client.ended;
    assert.ok(count.bytes > gibs - mib, String(count.bytes));
    assert.ok(peak(gateway) - before < 64 * mib, `${(peak(gateway) - before) / mib} MiB more`);
  });
});

suite('back-pressure', { skip }, () => {
  test('a client that does not read pauses the backend', async (t) => {
    let upstream: Socket | undefined;
    const gateway = await behind(t, async ({ socket, until }) => {
      if ((await until(/\r\n\r\n/)).includes('/warm')) return socket.end('HTTP/1.1 204 No Content\r\n\r\n');
      upstream = socket;
      socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${gibs}\r\n\r\n`);
      await pour(socket, gibs);
    });
    const before = peak(gateway);
    const client = await rawConnection(t, gateway.port);
    client.socket.write(`GET / HTTP/1.1\r\n${hostLine}\r\n`);
    await client.until(/\r\n\r\n/);
    client.socket.pause();
    const sent = await still(() => upstream!.bytesWritten - upstream!.writableLength);
    assert.ok(sent < 64 * mib, `${sent / mib} MiB were taken for a client that takes nothing`);
    assert.ok(peak(gateway) - before < 64 * mib, `${(peak(gateway) - before) / mib} MiB more`);
  });

  test('a backend that does not read pauses the client', async (t) => {
    const gateway = await behind(t, async ({ socket, until }) => {
      if ((await until(/\r\n\r\n/)).includes('/warm')) return socket.end('HTTP/1.1 204 No Content\r\n\r\n');
      socket.pause();
    });
    const before = peak(gateway);
    const { socket } = await rawConnection(t, gateway.port);
    socket.write(`POST / HTTP/1.1\r\n${hostLine}Content-Length: ${gibs}\r\n\r\n`);
    void pour(socket, gibs);
    const sent = await still(() => socket.bytesWritten - socket.writableLength);
    assert.ok(sent < 64 * mib, `${sent / mib} MiB were taken for a backend that takes nothing`);
    assert.ok(peak(gateway) - before < 64 * mib, `${(peak(gateway) - before) / mib} MiB more`);
  });
});
