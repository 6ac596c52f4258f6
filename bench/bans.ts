/**
 * What bans and limits cost: memory of a million bans, a look-up with ten and with a million, a request's share of the
 * limiter, ordinary requests beside a flood of attackers, and what one Valkey carries.
 *
 * Needs redis-server.
 */
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { Worker } from 'node:worker_threads';
import Fastify, { type FastifyInstance } from 'fastify';
import { Pool } from 'undici';
import { rateLimit } from '../plugins/rate-limit.ts';
import { relayGuard } from '../plugins/relay-guard.ts';
import { clientPrefix } from '../src/address/ip.ts';
import { PrefixSet } from '../src/address/prefix-set.ts';
import type { Ban } from '../src/bans/ban.ts';
import { BanLedger } from '../src/bans/ledger.ts';
import { parseConfig } from '../src/config/load.ts';
import { ValkeyStore } from '../src/fleet/valkey-store.ts';
import { Checkpoint } from '../src/guard/checkpoint.ts';
import { RateTable } from '../src/limit/rate-table.ts';
import type { Owner } from '../test/support/owner.ts';
import { without } from '../test/support/peers.ts';
import { startProcess } from '../test/support/process.ts';
import { eventually, startRedis } from '../test/support/redis.ts';
import { tempDir } from '../test/support/temp-dir.ts';
import { type BenchOptions, median, print } from './options.ts';

export async function run(options: BenchOptions): Promise<void> {
  await memoryAndLookup(options);
  await limiter(options);
  await flood(options);
  const missing = without('redis-server');
  if (missing === false) await valkey(options);
  else process.stderr.write(`valkey is not measured: ${missing}\n`);
}

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;
const used = (): number => {
  collect();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return (heapUsed + arrayBuffers) / 1024 ** 2;
};

/** Nanoseconds of processor time: what others do on the machine is no part of it. */
function spent(since: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(since);
  return (user + system) * 1000;
}

const ipv4 = (i: number): string =>
  `${11 + ((i >> 24) & 127)}.${(i >> 16) & 255}.${(i >> 8) & 255}.${i & 255}`;
/** Spread over the whole space, each one once: an odd factor is a permutation of 2^31. */
const scattered = (i: number): string => ipv4(Math.imul(i, 0x9e3779b1) >>> 1);
const prefixOf = (i: number): string =>
  i % 4 === 3
    ? `2001:db8:${(i >> 16).toString(16) || 0}:${(i & 0xffff).toString(16)}::/64`
    : `${scattered(i)}/32`;

const ban = (prefix: string, now: number): Ban => ({
  prefix,
  since: now,
  until: now + 3_600_000,
  changed: now,
  level: 1,
  by: 'probes',
  reason: 'connect',
});

function newLedger(): BanLedger {
  const terms = { after: 5, within: 600_000, for: [600_000] };
  return new BanLedger({ ...terms, exempt: new PrefixSet([]), clock: Date.now });
}

async function memoryAndLookup(options: BenchOptions): Promise<void> {
  const sizes = options.quick ? [10, 100_000] : [10, 1000, 100_000, 1_000_000];
  const lookups = 200_000;
  for (const size of sizes) {
    const before = used();
    const ledger = newLedger();
    const now = Date.now();
    for (let i = 0; i < size; i++) ledger.apply(ban(prefixOf(i), now), 'journal');
    const mebibytes = used() - before;
    ledger.add({ prefix: '198.18.0.0/15' });
    ledger.replaceLists(Array.from({ length: 1000 }, (_, i) => `203.${i >> 8}.${i & 255}.0/24`));
    const rounds: number[] = [];
    for (let round = 0; round < (options.quick ? 3 : 9); round++) {
      // As they come from sockets: texts of their own, half of them of banned clients.
      const asked = Array.from({ length: lookups }, (_, i) => {
        const index = Math.floor(Math.random() * size) + (i & 1) * 2_000_000;
        return clientPrefix(prefixOf(index).split('/')[0]!)!;
      });
      let banned = 0;
      const start = process.cpuUsage();
      for (const prefix of asked) if (ledger.isBanned(prefix)) banned++;
      rounds.push(spent(start) / lookups);
      if (banned < lookups * 0.49) throw new Error(`only ${banned} of ${lookups} were found`);
    }
    const ns = median(rounds);
    print(
      options,
      {
        bench: 'bans',
        scene: 'lookup',
        bans: size,
        ns: Math.round(ns),
        mebibytes: Math.round(mebibytes),
        target: { ns: 1000, mebibytes: 200 },
      },
      `${String(size).padStart(9)} bans: ${mebibytes.toFixed(0).padStart(4)} MiB (at most 200), look-up ${ns.toFixed(0)} ns (at most 1000)`,
    );
  }
}

type Hook = (request: unknown, reply: unknown, done: () => void) => void;

/** The limiter's hook, as the gateway runs it, against one that only says that it is done. */
async function limiter(options: BenchOptions): Promise<void> {
  const config = parseConfig('sites: [{ hosts: [www.example.net], backend: welcome }]\nadmin: false\n', '.');
  const { compile } = await import('../src/config/compile.ts');
  const { policy, clients } = compile(config);
  const app: FastifyInstance = Fastify();
  const hooks: Hook[] = [];
  const checkpoint = new Checkpoint({ policy, clients, onEvent: () => {}, onError: () => {} });
  await app.register(relayGuard, { checkpoint });
  const { addHook } = app;
  app.addHook = ((name: string, hook: Hook) => {
    if (name === 'onRequest') hooks.push(hook);
    return addHook.call(app, name as 'onRequest', hook as never);
  }) as never;
  await app.register(rateLimit, {
    limit: { max: 1_000_000_000, timeWindow: 60_000 },
    exempt: new PrefixSet([]),
  });
  await app.ready();
  const hook = hooks.at(-1)!;
  const requests = Array.from({ length: 1000 }, (_, i) => request(scattered(i)));
  for (const one of requests) app.relayGuard.judge(one.raw as never);
  const idle: Hook = (_request, _reply, done) => done();
  const time = async (subject: Hook, count: number): Promise<number> => {
    const start = process.cpuUsage();
    for (let i = 0; i < count; i++)
      await new Promise<void>((done) => subject(requests[i % 1000], null, done));
    return spent(start) / count / 1000;
  };
  const count = options.quick ? 20_000 : 200_000;
  const costs: number[] = [];
  await time(hook, 20_000);
  for (let round = 0; round < 7; round++) costs.push(-(await time(idle, count)) + (await time(hook, count)));
  const table = new RateTable({ name: 'all', max: 1000, timeWindow: 60_000 });
  const prefixes = Array.from({ length: 1000 }, (_, i) => `${scattered(i)}/32`);
  const start = process.cpuUsage();
  for (let i = 0; i < 1_000_000; i++) table.hit(prefixes[i % 1000]!, i);
  const hit = spent(start) / 1e9;
  const us = median(costs);
  await app.close();
  print(
    options,
    {
      bench: 'bans',
      scene: 'rate limit',
      us: Number(us.toFixed(2)),
      table: Number(hit.toFixed(3)),
      target: { us: 2 },
    },
    `rate limit: ${us.toFixed(2)} µs a request (at most 2), of which counting ${hit.toFixed(3)} µs`,
  );
}

const request = (remoteAddress: string) => ({
  raw: {
    method: 'GET',
    url: '/',
    httpVersion: '1.1',
    httpVersionMajor: 1,
    rawHeaders: ['Host', 'www.example.net'],
    headers: { host: 'www.example.net' },
    socket: { remoteAddress },
  },
  routeOptions: { config: {} },
});

/**
 * Ordinary requests, alone and beside 100,000 attackers a minute, in turn. Gateway, attackers and ordinary client are a
 * process or thread each; on fewer than three idle processors the attackers' own work is part of what is measured.
 */
async function flood(options: BenchOptions): Promise<void> {
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
  const attackers = new Worker(new URL('./attackers.ts', import.meta.url), {
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
    `flood of ${number} attackers: p99 of ordinary requests ${ratio.toFixed(2)} × that without (${alone.toFixed(2)} ms), at most 2; ` +
      `the gateway never took more than ${resident.toFixed(0)} MiB`,
  );
}

async function valkey(options: BenchOptions): Promise<void> {
  const stops: (() => unknown)[] = [];
  const owner: Owner = { after: (stop) => stops.unshift(stop) };
  const redis = await startRedis(owner);
  const store = new ValkeyStore({ url: redis.url, remember: 600_000, onError: () => {} });
  owner.after(() => store.close());
  await eventually(() => store.connected, 'connected');
  const { Redis } = await import('iovalkey');
  const client = new Redis(redis.url);
  owner.after(() => client.disconnect());
  const bytes = async (): Promise<number> =>
    Number(/used_memory:(\d+)/.exec(await client.info('memory'))![1]);
  const cpu = async (): Promise<number> => {
    const info = await client.info('cpu');
    const seconds = (name: string) =>
      Number(new RegExp(`used_cpu_${name}_main_thread:([\\d.]+)`).exec(info)![1]);
    return seconds('user') + seconds('sys');
  };
  const number = options.quick ? 5000 : 50_000;
  const now = Date.now();
  const scenes: [string, () => Promise<unknown>][] = [
    ['bans', () => store.putBans(Array.from({ length: number }, (_, i) => ban(prefixOf(i), now)))],
    [
      'counts',
      () =>
        store.count(
          Array.from({ length: number }, (_, i) => ({ key: `all:1:${prefixOf(i)}`, by: 1, ttl: 60_000 })),
        ),
    ],
    [
      'strikes',
      () =>
        store.strike(
          Array.from({ length: number }, (_, i) => ({
            prefix: prefixOf(i),
            id: `x:${i}`,
            time: now,
            within: 600_000,
            after: 5,
          })),
        ),
    ],
    [
      'events',
      () =>
        store.append(
          'bench',
          1,
          Array.from({ length: number }, (_, i) => JSON.stringify({ i, text: 'x'.repeat(700) })),
        ),
    ],
  ];
  for (const [scene, act] of scenes) {
    const before = await bytes();
    const start = await cpu();
    await act();
    // By the processor time it takes Valkey, which does one thing at a time: what this client could send is no part of it.
    const rate = Math.round(number / ((await cpu()) - start));
    const each = Math.round(((await bytes()) - before) / number);
    print(
      options,
      { bench: 'bans', scene: `valkey ${scene}`, rate, bytes: each },
      `valkey: one carries ${rate} ${scene}/s, ${each} bytes each`,
    );
  }
  for (const stop of stops) await stop();
}
