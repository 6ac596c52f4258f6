/** Requests forwarded and probes refused per second on one core, against every proxy that is installed. */
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type BenchOptions, median, print } from './options.ts';
import { backendServer, gateway, peers } from './peers.ts';
import { type Pinned, proxyCore } from './pinned.ts';
import { type Load, wrk } from './wrk.ts';

interface Scene {
  readonly name: string;
  readonly path: string;
  readonly connections: number;
  readonly headers?: readonly string[];
  readonly probe?: boolean;
  /** Lua for wrk that sets the request. */
  readonly send?: string;
}

const scenes: readonly Scene[] = [
  { name: '200 B, 50 connections', path: '/200', connections: 50 },
  { name: '200 B, 1,000 connections', path: '/200', connections: 1000 },
  {
    name: '200 B, 50 connections, closed each time',
    path: '/200',
    connections: 50,
    headers: ['Connection: close'],
  },
  { name: '10 KB, 50 connections', path: '/10k', connections: 50 },
  { name: '1 MB, 50 connections', path: '/1m', connections: 50 },
  {
    name: 'POST of 32 KB, 50 connections',
    path: '/post',
    connections: 50,
    send: "wrk.method = 'POST'\nwrk.body = string.rep('x', 32768)\n",
  },
  {
    name: 'chunked POST of 4 KB, 50 connections',
    path: '/post',
    connections: 50,
    send: "local sent = 'POST /post HTTP/1.1\\r\\nHost: www.example.net\\r\\nTransfer-Encoding: chunked\\r\\n\\r\\n1000\\r\\n' .. string.rep('x', 4096) .. '\\r\\n0\\r\\n\\r\\n'\nrequest = function() return sent end\n",
  },
  { name: 'probes, 50 connections', path: 'http://www.example.com/', connections: 50, probe: true },
];

const ours = 'Sekisho';

/** Only peers that judge requests take part in the probe scene. */
const judges = (name: string): boolean => name === ours || name.includes('ModSecurity');

/** The floor gives one answer to everything, and keeps its connections. */
const isPlain = ({ path, headers, send }: Scene): boolean =>
  path === '/200' && headers === undefined && send === undefined;

export async function run(options: BenchOptions): Promise<void> {
  const rounds = options.quick === true ? 1 : 3;
  const seconds = options.quick === true ? 1 : 3;
  const warmUp = options.quick === true ? 1 : 5;
  const backend = await backendServer();
  try {
    const chosen = scenes.filter(({ name }) => name.includes(options.scene ?? ''));
    for (const scene of chosen.slice(0, options.quick === true ? 1 : chosen.length)) {
      const running = await startAll(backend.port, options.peer);
      try {
        await measure(scene, running, { rounds, seconds, warmUp }, options);
      } finally {
        await Promise.all(running.map((peer) => peer.stop()));
      }
    }
  } finally {
    await backend.stop();
  }
}

/** @param only the name of the one peer to start; undefined: all */
async function startAll(backend: number, only: string | undefined): Promise<Pinned[]> {
  const running: Pinned[] = [];
  for (const start of [
    gateway(ours),
    gateway('Sekisho, not judging', '', proxyCore, 'bench/peers/unguarded.ts'),
    ...peers,
  ]) {
    const peer = await start(backend);
    if (peer === null) continue;
    if (only === undefined || peer.name === ours || peer.name === only) running.push(peer);
    else await peer.stop();
  }
  return running;
}

async function measure(
  scene: Scene,
  all: readonly Pinned[],
  { rounds, seconds, warmUp }: { rounds: number; seconds: number; warmUp: number },
  options: BenchOptions,
): Promise<void> {
  const taking = all.filter(
    ({ name }) => (scene.probe !== true || judges(name)) && (isPlain(scene) || !name.startsWith('a floor')),
  );
  const loads = new Map<Pinned, Load[]>(taking.map((peer) => [peer, []]));
  const script = scene.probe === true ? scriptFile(probes) : scene.send && scriptFile(scene.send);
  const load = (peer: Pinned, time: number): Promise<Load> =>
    wrk({
      url: `http://127.0.0.1:${peer.port}${scene.probe === true ? '/' : scene.path}`,
      connections: scene.connections,
      seconds: time,
      ...(scene.headers === undefined ? {} : { headers: scene.headers }),
      ...(script === undefined ? {} : { script }),
    });
  // Warm-up: lets the JIT compile.
  for (const peer of taking) await load(peer, warmUp);
  // Interleaved, so that a slow phase of the machine hits all of them, and in alternating order, so that none is always first.
  for (let round = 0; round < rounds; round++) {
    for (const peer of round % 2 === 0 ? taking : taking.toReversed()) {
      loads.get(peer)!.push(await load(peer, seconds));
    }
  }
  const rate = (peer: Pinned): number =>
    median(loads.get(peer)!.map(({ requestsPerSecond }) => requestsPerSecond));
  const own = rate(taking[0]!);
  if (options.json !== true) process.stdout.write(`\n${scene.name}\n`);
  for (const peer of taking) {
    const requestsPerSecond = Math.round(rate(peer));
    const p99 = median(loads.get(peer)!.map((one) => one.p99));
    const megabytesPerSecond = Math.round(median(loads.get(peer)!.map((one) => one.megabytesPerSecond)));
    const errors = scene.probe === true ? 0 : loads.get(peer)!.reduce((sum, one) => sum + one.errors, 0);
    const ratio = Number((own / requestsPerSecond).toFixed(2));
    const memory = Math.round(peer.peakMemory());
    print(
      options,
      {
        bench: 'forward',
        scene: scene.name,
        peer: peer.name,
        requestsPerSecond,
        ratio,
        p99,
        megabytesPerSecond,
        peakMemoryMiB: memory,
        errors,
      },
      `  ${peer.name.padEnd(28)} ${String(requestsPerSecond).padStart(7)} req/s  ours ÷ this ${ratio.toFixed(2).padStart(6)}  p99 ${p99.toFixed(2).padStart(7)} ms  ${String(megabytesPerSecond).padStart(5)} MB/s  ${String(memory).padStart(4)} MiB${errors === 0 ? '' : `  ${errors} errors`}`,
    );
  }
}

const probes =
  "wrk.headers['Host'] = 'www.example.com'\nrequest = function() return wrk.format('GET', 'http://www.example.com/') end\n";

function scriptFile(lua: string): string {
  const path = join(mkdtempSync(join(tmpdir(), 'sekisho-bench-')), 'send.lua');
  writeFileSync(path, lua);
  return path;
}
