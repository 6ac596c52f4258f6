/**
 * `npm run -s bench -- attacks`: the latency of ordinary requests under each attack, against the latency in quiet. Medians of
 * alternating rounds: quiet, attacked, quiet …
 */
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { Pool } from 'undici';
import { certificate } from '../test/support/certificate.ts';
import { freePort } from '../test/support/free-port.ts';
import type { Owner } from '../test/support/owner.ts';
import { startProcess } from '../test/support/process.ts';
import { tempDir } from '../test/support/temp-dir.ts';
import { attacks } from './attacks/kinds.ts';
import { type Ports, proxy } from './attacks/senders.ts';
import { type BenchOptions, median, print } from './options.ts';
import { processorSeconds } from './processor-time.ts';

/** Token of the admin listener. */
export const token = 'a-token-for-a-benchmark-0123456789';
/** The highest allowed ratio of the median under an attack to the median in quiet. */
const maxRatio = 2;

interface Round {
  readonly median: number;
  readonly p99: number;
  /** Share of one core that the gateway's process used. */
  readonly processor: number;
}

export async function run(options: BenchOptions): Promise<void> {
  const stops: (() => unknown)[] = [];
  try {
    await measure({ after: (stop) => stops.unshift(stop) }, options);
  } finally {
    for (const stop of stops) await stop();
  }
}

async function measure(owner: Owner, options: BenchOptions): Promise<void> {
  const { ports, pid } = await startAttacked(owner);
  const attackers = new Worker(new URL('./attacks/attacker.ts', import.meta.url), { workerData: ports });
  owner.after(() => attackers.terminate());
  const pool = new Pool(`http://127.0.0.1:${ports.http}`, { connections: 1 });
  owner.after(() => pool.destroy());
  const attack = async (name: string): Promise<void> => {
    attackers.postMessage(name);
    await once(attackers, 'message');
  };
  const round = (time: number) => ask(pool, time, pid);
  // Warm-up: lets the JIT compile.
  await round(options.quick ? 500 : 3000);
  const [rounds, time] = options.quick ? [1, 500] : [3, 1000];
  for (const { name } of attacks) {
    const pairs: [Round, Round][] = [];
    for (let i = 0; i < rounds; i++) {
      const quiet = await round(time);
      await attack(name);
      // Until the attack has reached its rate and the bans that follow from it are in force.
      await delay(options.quick ? 200 : 500);
      const attacked = await round(time);
      await attack('');
      await delay(options.quick ? 100 : 300);
      pairs.push([quiet, attacked]);
    }
    report(options, name, pairs);
  }
}

function report(options: BenchOptions, attack: string, pairs: readonly [Round, Round][]): void {
  const of = (which: 0 | 1, what: keyof Round): number => median(pairs.map((pair) => pair[which][what]));
  const ratio = (what: 'median' | 'p99'): number =>
    median(pairs.map(([quiet, attacked]) => attacked[what] / quiet[what]));
  const figures = {
    quiet: of(0, 'median'),
    attacked: of(1, 'median'),
    ratio: ratio('median'),
    p99Quiet: of(0, 'p99'),
    p99Attacked: of(1, 'p99'),
    p99Ratio: ratio('p99'),
    processor: of(1, 'processor') - of(0, 'processor'),
  };
  print(
    options,
    { bench: 'attacks', attack, ...figures, target: { ratio: maxRatio } },
    `${figures.ratio > maxRatio ? 'TOO SLOW ' : ''}${attack}: median ${figures.ratio.toFixed(2)} × (${figures.quiet.toFixed(2)} → ${figures.attacked.toFixed(2)} ms, ` +
      `at most ${maxRatio}), p99 ${figures.p99Ratio.toFixed(2)} × (${figures.p99Quiet.toFixed(1)} → ${figures.p99Attacked.toFixed(1)} ms), ` +
      `${(figures.processor * 100).toFixed(0)} % more of a core`,
  );
}

/** An ordinary client: sends one request after the other for so many milliseconds. */
async function ask(pool: Pool, time: number, pid: number): Promise<Round> {
  const times: number[] = [];
  const [start, used] = [performance.now(), processorSeconds(pid)];
  while (performance.now() - start < time) {
    const asked = performance.now();
    const { statusCode, body } = await pool.request({
      path: '/',
      method: 'GET',
      headers: { host: 'www.example.net' },
    });
    await body.dump();
    if (statusCode !== 200) throw new Error(`an ordinary request got ${statusCode}`);
    times.push(performance.now() - asked);
    await delay(2);
  }
  const elapsed = (performance.now() - start) / 1000;
  times.sort((a, b) => a - b);
  return {
    median: median(times),
    p99: times[Math.floor(times.length * 0.99)]!,
    processor: (processorSeconds(pid) - used) / elapsed,
  };
}

/** The gateway under attack, with every kind of listener, and a web server behind it. */
export async function startAttacked(owner: Owner): Promise<{ ports: Ports; pid: number; log: string }> {
  const dir = await tempDir(owner, 'attacks');
  const { cert, key } = await certificate(owner, ['www.example.net'], dir);
  const backend = new Worker(new URL('./attacks/backend.ts', import.meta.url));
  owner.after(() => backend.terminate());
  const [behind] = (await once(backend, 'message')) as [{ web: number; mail: number }];
  const [smtp, decoy, admin] = [await freePort(), await freePort(), await freePort()];
  const config = join(dir, 'sekisho.yaml');
  const log = join(dir, 'sekisho.log');
  await writeFile(
    config,
    `listen:
  - 127.0.0.1:0
  - { address: "127.0.0.1:0", tls: { cert: "${cert}", key: "${key}" } }
sites:
  - { hosts: [www.example.net], backend: "http://127.0.0.1:${behind.web}", websocket: true }
  - { hosts: [few.example.net], backend: welcome, rateLimit: { max: 1, timeWindow: 1h } }
trustedProxies: [${proxy}]
rateLimit: { max: 100000000, timeWindow: 1h }
limits: { connectionsPerClient: 100000 }
smtp: { listen: "127.0.0.1:${smtp}", backend: "127.0.0.1:${behind.mail}", domains: [example.net] }
decoys: [{ listen: "127.0.0.1:${decoy}", speaks: http-proxy }]
admin: { listen: "127.0.0.1:${admin}", token: ${token} }
journal: { path: "${join(dir, 'sekisho.db')}" }
log: { file: "${log}" }
`,
  );
  const gateway = await startProcess(owner, process.execPath, ['src/cli.ts', 'start', '--config', config], {
    timeout: 3_600_000,
  });
  const [, http] = await gateway.waitForLine(/^listening http 127\.0\.0\.1:(\d+)$/m, 60_000);
  const [, tls] = await gateway.waitForLine(/^listening https 127\.0\.0\.1:(\d+)$/m, 60_000);
  return { ports: { http: Number(http), tls: Number(tls), admin, smtp, decoy }, pid: gateway.pid, log };
}
