/** Part of `bench -- fleet`: the time from when a real gateway joins a fleet with many bans until each of its workers has all of them. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ValkeyStore } from '../src/fleet/valkey-store.ts';
import type { Owner } from '../test/support/owner.ts';
import { startProcess } from '../test/support/process.ts';
import { exchange } from '../test/support/raw-client.ts';
import { eventually, startRedis } from '../test/support/redis.ts';
import { tempDir } from '../test/support/temp-dir.ts';
import { ban } from './lookup.ts';
import { prefixOf } from './made-up-clients.ts';
import { type BenchOptions, print } from './options.ts';

const get = 'GET / HTTP/1.1\r\nHost: www.example.net\r\nConnection: close\r\n\r\n';
/** The last ban, of the client that this bench asks with. */
const last = '127.0.9.9';

export async function joining(owner: Owner, options: BenchOptions): Promise<void> {
  const bans = options.quick ? 30_000 : 300_000;
  const workers = 4;
  const redis = await startRedis(owner);
  const store = new ValkeyStore({ url: redis.url, remember: 86_400_000, onError: () => {} });
  owner.after(() => store.close());
  await eventually(() => store.connected, 'connected');
  const operator = (prefix: string) => ({ ...ban(prefix, Date.now()), by: 'operator' as const });
  for (let at = 0; at < bans; at += 5000)
    await store.putBans(
      Array.from({ length: Math.min(5000, bans - at) }, (_, i) => operator(prefixOf(at + i))),
      true,
    );
  await store.putBans([operator(`${last}/32`)], true);
  const config = join(await tempDir(owner, 'joining'), 'sekisho.yaml');
  await writeFile(
    config,
    `listen: ["127.0.0.1:0"]\nworkers: ${workers}\nsites: [{ hosts: [www.example.net], backend: welcome }]\n` +
      `fleet: { valkey: "${redis.url}" }\n`,
  );
  const gateway = await startProcess(owner, process.execPath, ['src/cli.ts', 'start', '--config', config]);
  const [, port] = await gateway.waitForLine(/^listening http 127\.0\.0\.1:(\d+)$/m, 60_000);
  const start = performance.now();
  await gateway.waitForLine(/fleet: connected/, 60_000);
  await eventually(
    async () => {
      const answers = await Promise.all(
        Array.from({ length: workers * 8 }, () => exchange(Number(port), get, { from: last })),
      );
      return answers.every(({ responses }) => responses[0]?.status === 403);
    },
    'every worker has the last ban',
    60_000,
  );
  const took = performance.now() - start;
  print(
    options,
    { bench: 'fleet', scene: 'joining', workers, bans, took, target: { took: 5000 } },
    `a gateway with ${workers} workers joins a fleet with ${bans} bans: each worker has all ${(took / 1000).toFixed(1)} s after it listens (at most 5)`,
  );
}
