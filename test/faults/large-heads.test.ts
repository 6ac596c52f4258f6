/** Endless request heads. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { startGatewayProcess } from '../support/gateway-process.ts';
import { exchange } from '../support/raw-client.ts';
import { rawConnection } from '../support/raw-connection.ts';
import { recordingBackend } from '../support/recording-backend.ts';

const mib = 1024 ** 2;
const skip = process.platform === 'linux' ? false : 'reads /proc';

test('fifty clients with endless heads are cut off, without memory growth', { skip }, async (t) => {
  const backend = await recordingBackend(t);
  const { port, process } = await startGatewayProcess(
    t,
    `sites: [{ hosts: [www.example.net], backend: "${backend.url}" }]\nbans: false\nrateLimit: false\nlog: { level: error }\n`,
  );
  const get = 'GET / HTTP/1.1\r\nHost: www.example.net\r\n\r\n';
  const peak = (): number =>
    Number(/VmHWM:\s*(\d+) kB/.exec(readFileSync(`/proc/${process.pid}/status`, 'utf8'))![1]) * 1024;
  await exchange(port, get, { until: 1 });
  const before = peak();
  const line = Buffer.from(`X-Long: ${'a'.repeat(mib)}\r\n`);
  const sent = await Promise.all(
    Array.from({ length: 50 }, async (_, i) => {
      const { socket, closed } = await rawConnection(t, port);
      socket.write(
        i % 2 === 0 ? 'GET / HTTP/1.1\r\nHost: www.example.net\r\n' : `GET /${'a'.repeat(20_000)}`,
      );
      let gone = false;
      void closed.then(() => {
        gone = true;
      });
      // 64 MiB each, or as much as the gateway reads.
      for (let n = 0; n < 64 && !gone; n++) {
        if (!socket.write(line)) {
          await Promise.race([closed, new Promise((done) => socket.once('drain', done))]);
        }
      }
      await closed;
      return socket.bytesWritten;
    }),
  );
  assert.ok(Math.max(...sent) < 16 * mib, `${Math.max(...sent) / mib} MiB were taken of one`);
  assert.ok(peak() - before < 64 * mib, `${(peak() - before) / mib} MiB more`);
  assert.equal((await exchange(port, get, { until: 1 })).responses[0]?.status, 200);
  assert.equal(backend.requests.length, 2);
});
