/**
 * Part of `bench -- fleet`: the cost of a ban list with a million prefixes, in a gateway with one process and with several: start, reload
 * and memory with the list, against the same gateway without it.
 */
import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Pool } from 'undici';
import type { Owner } from '../test/support/owner.ts';
import { startProcess } from '../test/support/process.ts';
import { tempDir } from '../test/support/temp-dir.ts';
import { prefixOf } from './made-up-clients.ts';
import { type BenchOptions, median, print } from './options.ts';
import { treeOf } from './pinned.ts';

interface Figures {
  /** Seconds until it listens. */
  readonly start: number;
  /** Milliseconds of the longest request during a reload of the list; the median of several reloads. */
  readonly stall: number;
  /** MiB of all processes after the reloads, shared pages counted once. */
  readonly memory: number;
}

export async function listedPrefixes(owner: Owner, options: BenchOptions): Promise<void> {
  const prefixes = options.quick ? 100_000 : 1_000_000;
  const dir = await tempDir(owner, 'lists');
  const list = join(dir, 'list.txt');
  await writeFile(list, Array.from({ length: prefixes }, (_, i) => prefixOf(i)).join('\n'));
  for (const workers of [1, 4]) {
    const without = await one(join(dir, `without-${workers}.yaml`), workers, [], options);
    const withList = await one(join(dir, `with-${workers}.yaml`), workers, [list], options);
    const more = (what: keyof Figures): number => withList[what] - without[what];
    print(
      options,
      { bench: 'fleet', scene: 'lists', workers, prefixes, without, with: withList },
      `a list of ${prefixes} prefixes, ${workers === 1 ? 'one process' : `${workers} workers`}: start ${withList.start.toFixed(1)} s ` +
        `(${without.start.toFixed(1)} without), longest request during SIGHUP ${withList.stall.toFixed(0)} ms (${without.stall.toFixed(0)}), ` +
        `memory ${withList.memory.toFixed(0)} MiB (${more('memory').toFixed(0)} more)`,
    );
  }
}

async function one(
  config: string,
  workers: number,
  lists: readonly string[],
  options: BenchOptions,
): Promise<Figures> {
  const stops: (() => unknown)[] = [];
  await writeFile(
    config,
    `listen: ["127.0.0.1:0"]\nworkers: ${workers}\nsites: [{ hosts: [www.example.net], backend: welcome }]\n` +
      `bans: { lists: ${JSON.stringify(lists)} }\nrateLimit: false\nlog: { level: error }\n`,
  );
  const begun = performance.now();
  const owner: Owner = { after: (stop) => stops.unshift(stop) };
  try {
    const gateway = await startProcess(owner, process.execPath, ['src/cli.ts', 'start', '--config', config]);
    const [, port] = await gateway.waitForLine(/^listening http 127\.0\.0\.1:(\d+)$/m, 60_000);
    const start = (performance.now() - begun) / 1000;
    const pool = new Pool(`http://127.0.0.1:${port}`, { connections: workers * 4 });
    owner.after(() => pool.destroy());
    await longest(pool, workers, 1000);
    const stalls: number[] = [];
    for (let i = 0; i < (options.quick ? 1 : 5); i++) {
      gateway.signal('SIGHUP');
      stalls.push(await longest(pool, workers, options.quick ? 1000 : 3000));
    }
    return { start, stall: median(stalls), memory: memoryOf(gateway.pid) };
  } finally {
    for (const stop of stops) await stop();
  }
}

/** Milliseconds of the longest of many requests, on connections to every worker. */
async function longest(pool: Pool, workers: number, time: number): Promise<number> {
  const end = performance.now() + time;
  let most = 0;
  const lane = async (): Promise<void> => {
    while (performance.now() < end) {
      const start = performance.now();
      const { body } = await pool.request({ path: '/', method: 'GET', headers: { host: 'www.example.net' } });
      await body.dump();
      most = Math.max(most, performance.now() - start);
      await delay(5);
    }
  };
  await Promise.all(Array.from({ length: workers * 4 }, lane));
  return most;
}

/** Sum of the proportional set sizes of a process and its children, in MiB (proc_pid_smaps(5)). */
const memoryOf = (pid: number): number =>
  treeOf(pid)
    .map((one) => Number(/^Pss:\s+(\d+)/m.exec(readFileSync(`/proc/${one}/smaps_rollup`, 'utf8'))![1]) / 1024)
    .reduce((sum, mebibytes) => sum + mebibytes, 0);
