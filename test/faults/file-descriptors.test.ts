/** A process out of file descriptors: it sheds load and recovers. */
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { eventually } from '../support/eventually.ts';
import { startGatewayProcess } from '../support/gateway-process.ts';
import { without } from '../support/peers.ts';
import { runProcess } from '../support/process.ts';
import { exchange } from '../support/raw-client.ts';
import { rawConnection } from '../support/raw-connection.ts';
import { recordingBackend } from '../support/recording-backend.ts';

const get = 'GET / HTTP/1.1\r\nHost: www.example.net\r\n\r\n';

test('out of file descriptors: some clients are turned away, none hangs, and it recovers', {
  skip: without('prlimit'),
}, async (t) => {
  const backend = await recordingBackend(t);
  const { port, process } = await startGatewayProcess(
    t,
    `sites: [{ hosts: [www.example.net], backend: "${backend.url}" }]\nbans: false\nrateLimit: false\nlimits: { connectionsPerClient: 100000 }\nlog: { level: error }\n`,
  );
  const files = (): number[] => readdirSync(`/proc/${process.pid}/fd`).map(Number);
  // The limit is on the highest number, and some are in use: twelve are left.
  const taken = new Set(files());
  let limit = 0;
  for (let free = 0; free < 12; limit++) if (!taken.has(limit)) free++;
  const { code, stderr } = await runProcess('prlimit', ['--pid', String(process.pid), `--nofile=${limit}`]);
  assert.equal(code, 0, stderr);

  const idle = await Promise.all(Array.from({ length: 40 }, () => rawConnection(t, port)));
  await delay(300);
  const more = files().length - taken.size;
  assert.ok(more >= 10 && more <= 12, `${more} more are open`);
  // A client that is turned away learns so at once, by an answer or a closed connection.
  const replies = await Promise.all(
    Array.from({ length: 10 }, () => exchange(port, get, { until: 1, timeout: 20_000 }).catch(() => null)),
  );
  for (const reply of replies) {
    assert.notEqual(reply?.ended, 'timeout');
    assert.ok([undefined, 200, 502, 503].includes(reply?.responses[0]?.status));
  }
  for (const { socket } of idle) socket.destroy();
  await eventually(async () => {
    const { responses } = await exchange(port, get, { until: 1, timeout: 1000 });
    return responses[0]?.status === 200;
  }, 'it serves again');
  const after = await Promise.all(Array.from({ length: 5 }, () => exchange(port, get, { until: 1 })));
  assert.deepEqual(
    after.map(({ responses }) => responses[0]?.status),
    Array(5).fill(200),
  );
});
