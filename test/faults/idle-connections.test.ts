/** Fifty thousand silent clients, or as many as the file limit allows here. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { root, startGatewayProcess } from '../support/gateway-process.ts';
import { startProcess } from '../support/process.ts';
import { exchange } from '../support/raw-client.ts';
import { recordingBackend } from '../support/recording-backend.ts';

const skip = process.platform === 'linux' ? false : 'reads /proc';
/** Node raises its soft limit to the hard one itself. */
const files = skip
  ? 0
  : Number(/Max open files\s+\d+\s+(\d+)/.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1]);
const processes = 4;
const count = Math.min(50_000, Math.floor((files - 500) / processes) * processes);
const get = 'GET / HTTP/1.1\r\nHost: www.example.net\r\n\r\n';
/** Resident memory, in bytes. */
const resident = (pid: number): number =>
  Number(/VmRSS:\s*(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))![1]) * 1024;

test(`${count} idle connections: others are served, and shutdown closes them`, {
  skip,
  timeout: 240_000,
}, async (t) => {
  const backend = await recordingBackend(t);
  const { port, process: gateway } = await startGatewayProcess(
    t,
    `sites: [{ hosts: [www.example.net], backend: "${backend.url}" }]\nbans: false\nrateLimit: false\njournal: false\nlog: { level: error }\nlimits: { requestHeaders: 150s, connectionsPerClient: 100000 }\n`,
    [],
    { timeout: 240_000 },
  );
  await exchange(port, get, { until: 1 });
  const before = resident(gateway.pid);
  const clients = await Promise.all(
    // One source address has fewer ports than needed.
    Array.from({ length: processes }, (_, i) =>
      startProcess(
        t,
        process.execPath,
        [
          join(import.meta.dirname, 'idle-clients.ts'),
          String(port),
          String(count / processes),
          `127.0.1.${i + 1}`,
        ],
        { cwd: root, timeout: 240_000 },
      ),
    ),
  );
  for (const client of clients) {
    const [, open] = await client.waitForLine(/^open (\d+)$/m, 140_000);
    assert.equal(Number(open), count / processes, 'all are open');
  }
  const each = (resident(gateway.pid) - before) / count;
  t.diagnostic(`${Math.round(each)} bytes each`);
  assert.ok(each < 16 * 1024, `${each} bytes each`);
  assert.equal((await exchange(port, get, { until: 1 })).responses[0]?.status, 200);
  const end = await gateway.stop(20_000);
  assert.deepEqual(end, { code: 0, signal: null });
  for (const client of clients) await client.waitForLine(/^all closed$/m, 30_000);
});
