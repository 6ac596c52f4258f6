/** Fifty thousand clients that say nothing. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { root, startGatewayProcess } from '../support/gateway-process.ts';
import { startProcess } from '../support/process.ts';
import { exchange } from '../support/raw-client.ts';
import { recordingBackend } from '../support/recording-backend.ts';

const count = 50_000;
/** A process may have some 20,000 files open on an ordinary machine, so each side is several. */
const processes = 4;
const mib = 1024 ** 2;
const get = 'GET / HTTP/1.1\r\nHost: www.example.net\r\n\r\n';
const skip = process.platform === 'linux' ? false : 'reads /proc';

/** Resident memory of a process and its children, in bytes. */
function resident(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean);
  return (
    Number(/VmRSS:\s*(\d+) kB/.exec(status)![1]) * 1024 +
    children.reduce((sum, child) => sum + resident(Number(child)), 0)
  );
}

test('50,000 idle connections: others are served meanwhile, and the end of the gateway is theirs', {
  skip,
  timeout: 180_000,
}, async (t) => {
  const backend = await recordingBackend(t);
  const { port, process: gateway } = await startGatewayProcess(
    t,
    `workers: ${processes}\nsites: [{ hosts: [www.example.net], backend: "${backend.url}" }]\nbans: false\nrateLimit: false\njournal: false\nlog: { level: error }\nlimits: { requestHeaders: 150s }\n`,
    [],
    { timeout: 180_000 },
  );
  await exchange(port, get, { until: 1 });
  const clients = await Promise.all(
    // From one address there are fewer ports than connections.
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
        { cwd: root, timeout: 180_000 },
      ),
    ),
  );
  for (const client of clients) {
    const [, open] = await client.waitForLine(/^open (\d+)$/m, 60_000);
    assert.equal(Number(open), count / processes, 'all are open');
  }
  const memory = resident(gateway.pid) / mib;
  t.diagnostic(`${Math.round(memory)} MiB in all`);
  assert.ok(memory < 1500, `${memory} MiB`);
  assert.equal((await exchange(port, get, { until: 1 })).responses[0]?.status, 200);
  const end = await gateway.stop(20_000);
  assert.deepEqual(end, { code: 0, signal: null });
  for (const client of clients) await client.waitForLine(/^all closed$/m, 30_000);
});
