/** Memory of an idle program, and the time from its start to its first response. */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { freePort } from '../test/support/free-port.ts';
import { exchange } from '../test/support/raw-client.ts';
import { type BenchOptions, median, print } from './options.ts';
import { backendServer, gateway, type Peer, peers } from './peers.ts';
import { type Pinned, proxyCore } from './pinned.ts';

interface Footprint {
  /** Milliseconds until the first 200. */
  readonly start: number;
  /** Milliseconds of processor time of all its processes until then; other work on the machine is not in it. */
  readonly processor: number;
  /** MiB of the program and its children, shared pages counted with each. */
  readonly rss: number;
  /** The same with shared pages counted once, split among the processes that share them. */
  readonly pss: number;
}

const packed = 'dist/program/cli.cjs';
const oneSite = 'Sekisho, one site';

export async function run(options: BenchOptions): Promise<void> {
  const rounds = options.quick === true ? 1 : 3;
  const idle = options.quick === true ? 500 : 5000;
  const build = spawnSync(process.execPath, [join(import.meta.dirname, '../tools/build.ts')], {
    stdio: ['ignore', 2, 2],
  });
  if (build.status !== 0) throw new Error('the package was not built');
  const backend = await backendServer();
  try {
    const own = await ourselves();
    const all: Peer[] = [...own, ...peers];
    const taken = new Map<string, Footprint[]>();
    // Interleaved, so that a slow phase of the machine hits all of them.
    for (let round = 0; round < rounds; round++) {
      for (const start of all) {
        const program = await start(backend.port);
        if (program === null) continue;
        try {
          const list = taken.get(program.name) ?? [];
          list.push(await measure(program, idle));
          taken.set(program.name, list);
        } finally {
          await program.stop();
        }
      }
    }
    report(taken, options);
  } finally {
    await backend.stop();
  }
}

async function ourselves(): Promise<Peer[]> {
  const folder = await mkdtemp(join(tmpdir(), 'sekisho-bench-'));
  const admin = `admin: { listen: "127.0.0.1:${await freePort()}" }\njournal: { path: ${join(folder, 'sekisho.db')} }\n`;
  return [
    gateway(oneSite, '', proxyCore, packed),
    gateway('Sekisho, admin and journal', admin, proxyCore, packed),
    gateway('Sekisho, two workers', 'workers: 2\n', proxyCore, packed),
    gateway('Sekisho, one site, from the checkout'),
  ];
}

async function measure(program: Pinned, idle: number): Promise<Footprint> {
  await firstAnswer(program);
  const start = performance.now() - program.started;
  const processor = program.processorTime() * 1000;
  await delay(idle);
  const processes = program.processes();
  const sum = (name: 'Rss' | 'Pss'): number =>
    processes.reduce((total, pid) => total + memoryOf(pid, name), 0);
  return { start, processor, rss: sum('Rss'), pss: sum('Pss') };
}

/** @throws Error if the status is not 200, or nothing answers within ten seconds */
async function firstAnswer({ name, port }: Pinned): Promise<void> {
  const request = 'GET /200 HTTP/1.1\r\nHost: www.example.net\r\nConnection: close\r\n\r\n';
  const deadline = performance.now() + 10_000;
  for (;;) {
    try {
      const { responses } = await exchange(port, request, { until: 1 });
      if (responses[0]?.status === 200) return;
      throw new Error(`${name} answered ${responses[0]?.status}`);
    } catch (error) {
      // A gateway with workers first binds the port to test it, and releases it again.
      if (!/cannot connect/.test((error as Error).message) || performance.now() > deadline) throw error;
      await delay(2);
    }
  }
}

/** MiB of one process (proc(5), smaps_rollup). Only root can read it for a process of another user. */
function memoryOf(pid: number, name: 'Rss' | 'Pss'): number {
  const text = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8');
  return Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(text)![1]) / 1024;
}

function report(taken: ReadonlyMap<string, readonly Footprint[]>, options: BenchOptions): void {
  const of = (name: string, field: keyof Footprint): number =>
    Math.round(median(taken.get(name)!.map((one) => one[field])));
  for (const name of taken.keys()) {
    const [start, processor] = [of(name, 'start'), of(name, 'processor')];
    const [rss, pss] = [of(name, 'rss'), of(name, 'pss')];
    const ratio = Number((of(oneSite, 'rss') / rss).toFixed(2));
    print(
      options,
      {
        bench: 'footprint',
        peer: name,
        firstAnswerMs: start,
        processorMs: processor,
        rssMiB: rss,
        pssMiB: pss,
        ratio,
      },
      `  ${name.padEnd(38)} first 200 after ${String(start).padStart(5)} ms (processor ${String(processor).padStart(4)} ms)  RSS ${String(rss).padStart(4)} MiB  PSS ${String(pss).padStart(4)} MiB  ours ÷ this ${ratio.toFixed(2).padStart(6)}`,
    );
  }
}
