/** A ban denies service, and a decoy gives none: probes of banned clients are still recorded. */
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { root } from '../support/gateway-process.ts';
import { startProcess } from '../support/process.ts';
import { exchange } from '../support/raw-client.ts';
import { eventually } from '../support/redis.ts';
import { tempDir } from '../support/temp-dir.ts';

test('ten CONNECTs at a decoy make ten journal rows, ten refusals and one ban', async (t) => {
  const config = join(await tempDir(t, 'banned'), 'sekisho.yaml');
  const token = 'a-token-of-the-tests-0123456789';
  await writeFile(
    config,
    `admin: { listen: "127.0.0.1:0", token: ${token} }\nbans: { after: 5, for: [10m] }\ndecoys: [{ listen: "127.0.0.1:0", speaks: http-proxy }]\n`,
  );
  const child = await startProcess(t, process.execPath, ['src/cli.ts', 'start', '--config', config], {
    cwd: root,
  });
  const [, port] = await child.waitForLine(/^listening decoy http-proxy 127\.0\.0\.1:(\d+)$/, 30_000);
  const [, admin] = await child.waitForLine(/^listening admin (http:\S+)$/, 30_000);
  const api = async (path: string) =>
    (await fetch(`${admin}${path}`, { headers: { Authorization: `Bearer ${token}` } })).json() as Promise<{
      events: { count: number; answer: number; rule: string }[];
      bans: { prefix: string; level: number }[];
    }>;
  for (let i = 0; i < 10; i++) {
    const { responses } = await exchange(Number(port), 'CONNECT mail.example.com:25 HTTP/1.1\r\n\r\n', {
      from: '127.0.0.9',
    });
    assert.equal(responses[0]?.status, 405);
  }
  const seen = async () => (await api('/api/events')).events;
  await eventually(
    async () => (await seen()).reduce((sum, { count }) => sum + count, 0) === 10,
    'ten are kept',
  );
  assert.ok((await seen()).every(({ rule, answer }) => rule === 'connect' && answer === 405));
  const { bans } = await api('/api/bans');
  assert.deepEqual(
    bans.map(({ prefix, level }) => [prefix, level]),
    [['127.0.0.9/32', 1]],
  );
});
