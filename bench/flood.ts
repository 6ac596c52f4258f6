/** `npm run -s bench -- flood`: ordinary requests through the gateway, alone and during a flood of 100,000 attackers per minute. */
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { Pool } from 'undici';
import type { Owner } from '../test/support/owner.ts';
import { startProcess } from '../test/support/process.ts';
import { tempDir } from '../test/support/temp-dir.ts';
import { type BenchOptions, median, print } from './options.ts';

/**
 * Alternates quiet and attacked rounds. Gateway, attackers and ordinary client each have a process or thread; with fewer than
 * three idle processors the attackers' own work is measured too.
 */
export async function run(options: BenchOptions): Promise<void> {
  const stops: (() => unknown)[] = [];
  const owner: Owner = { after: (stop) => stops.unshift(stop) };
  const file = join(await tempDir(owner, 'bench'), 'sekisho.yaml');
  await writeFile(
    file,
    `listen: ["127.0.0.1:0"]
sites: [{ hosts: [www.example.net], backend: welcome }]
trustedProxies: [127.0.0.2]
bans: { after: 1 }
rateLimit: { max: 1000000, timeWindow: 1h }
log: { level: error }
`,
  );
  const gateway = await startProcess(owner, process.execPath, ['src/cli.ts', 'start', '--config', file]);
  const [, port] = await gateway.waitForLine(/^listening http 127\.0\.0\.1:(\d+)$/, 60_000);
  const attackers = new Worker(new URL('./flood-thread.ts', import.meta.url), {
    workerData: { port: Number(port), from: '127.0.0.2', perMinute: 100_000 },
  });
  owner.after(() => attackers.terminate());
  const pool = new Pool(`http://127.0.0.1:${port}`, { connections: 1 });
  owner.after(() => pool.destroy());
  let number = 0;
  const round = async (attacked: boolean): Promise<number> => {
    attackers.postMessage(attacked);
    [number] = (await once(attackers, 'message')) as [number];
    const times: number[] = [];
    const end = performance.now() + (options.quick ? 500 : 4000);
    while (performance.now() < end) {
      const start = performance.now();
      const { body } = await pool.request({ path: '/', method: 'GET', headers: { host: 'www.example.net' } });
      await body.dump();
      times.push(performance.now() - start);
      await delay(1);
    }
    return times.sort((a, b) => a - b)[Math.floor(times.length * 0.99)]!;
  };
  await round(false);
  const ratios: number[] = [];
  const idle: number[] = [];
  for (let i = 0; i < (options.quick ? 1 : 7); i++) {
    const alone = await round(false);
    idle.push(alone);
    ratios.push((await round(true)) / alone);
  }
  await round(false);
  const resident =
    Number(/VmHWM:\s+(\d+)/.exec(await readFile(`/proc/${gateway.pid}/status`, 'utf8'))?.[1] ?? 0) / 1024;
  for (const stop of stops) await stop();
  const ratio = median(ratios);
  const alone = median(idle);
  print(
    options,
    {
      bench: 'bans',
      scene: 'flood',
      attackers: number,
      p99: Number(alone.toFixed(2)),
      ratio: Number(ratio.toFixed(2)),
      residentMebibytes: Math.round(resident),
      target: { ratio: 2 },
    },
    `flood of ${number} attackers: p99 of ordinary requests ${ratio.toFixed(2)} × that without it (${alone.toFixed(2)} ms), at most 2; ` +
      `the gateway used at most ${resident.toFixed(0)} MiB`,
  );
}
