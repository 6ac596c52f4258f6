/** WebSockets opened and closed ten thousand times: nothing leaks. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { suite, test } from 'node:test';
import { eventually } from '../support/eventually.ts';
import { type GatewayProcess, startGatewayProcess } from '../support/gateway-process.ts';
import { rawBackend } from '../support/raw-backend.ts';
import { rawConnection } from '../support/raw-connection.ts';

const cycles = 10_000;
/** Warm-up before memory is measured. */
const warmUp = 3000;
const atOnce = 20;
const mib = 1024 ** 2;
/** A small heap: only leaks can fill it. 7,000 leaked upgrades of 8 KiB would crash the process. */
const heap = ['--max-old-space-size=64'];

const handshake =
  'GET /chat HTTP/1.1\r\nHost: www.example.net\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n' +
  'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n';
const switching =
  'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n';

const sockets = ({ process: { pid } }: GatewayProcess): number => readdirSync(`/proc/${pid}/fd`).length;
const resident = ({ process: { pid } }: GatewayProcess): number =>
  Number(/VmRSS:\s*(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) * 1024;

const skip = process.platform === 'linux' ? false : 'reads /proc';

suite('WebSockets opened and closed', { skip }, () => {
  test('leak neither sockets nor memory', async (t) => {
    const backend = await rawBackend(t, async ({ socket, until }) => {
      await until(/\r\n\r\n/);
      socket.write(switching);
      socket.on('data', (bytes) => socket.write(bytes));
      // The backend closes after a close frame; the gateway must close connections that the client resets.
      socket.on('data', (bytes) => {
        if (bytes.includes('bye')) socket.end();
      });
    });
    const gateway = await startGatewayProcess(
      t,
      `sites: [{ hosts: [www.example.net], backend: "${backend.url}", websocket: true }]\nbans: false\nrateLimit: false\nlog: { level: error }\n`,
      heap,
      { timeout: 400_000 },
    );
    const idle = sockets(gateway);
    let echoed = 0;
    // Every second one is reset by the client, as a closed browser does.
    const cycle = async (number: number): Promise<void> => {
      const { socket, until, ended } = await rawConnection(t, gateway.port);
      socket.write(handshake);
      await until(/\r\n\r\n/);
      socket.write('ping');
      await until(/ping$/);
      echoed++;
      if (number % 2 === 1) {
        socket.resetAndDestroy();
        return;
      }
      socket.end('bye');
      await ended;
    };
    const run = async (count: number): Promise<void> => {
      let left = count;
      const one = async (): Promise<void> => {
        while (left > 0) await cycle(left--);
      };
      await Promise.all(Array.from({ length: atOnce }, one));
      await eventually(() => sockets(gateway) <= idle + 2, `only ${idle} files open, as before`);
    };
    await run(warmUp);
    const before = resident(gateway);
    await run(cycles - warmUp);
    assert.equal(echoed, cycles);
    const grown = (resident(gateway) - before) / mib;
    assert.ok(grown < 32, `${grown} MiB more`);
  });
});
