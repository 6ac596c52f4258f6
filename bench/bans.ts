import Fastify, { type FastifyInstance } from 'fastify';
import { rateLimit } from '../plugins/rate-limit.ts';
import { relayGuard } from '../plugins/relay-guard.ts';
import { ValkeyStore } from '../src/fleet/valkey-store.ts';
import { RateTable } from '../src/limit/rate-table.ts';
import type { Owner } from '../test/support/owner.ts';
import { without } from '../test/support/peers.ts';
import { eventually, startRedis } from '../test/support/redis.ts';
import { run as flood } from './flood.ts';
import { ban, run as lookup } from './lookup.ts';
import { prefixOf, scattered } from './made-up-clients.ts';
import { type BenchOptions, median, print } from './options.ts';
import { cpuNanoseconds } from './processor-time.ts';

export async function run(options: BenchOptions): Promise<void> {
  await lookup(options);
  await limiter(options);
  await flood(options);
  const missing = without('redis-server');
  if (missing === false) await valkey(options);
  else process.stderr.write(`skipping valkey: ${missing}\n`);
}

type Hook = (request: unknown, reply: unknown, done: () => void) => void;

/** The limiter's hook, as the gateway runs it, against one that only calls `done`. */
async function limiter(options: BenchOptions): Promise<void> {
  const app: FastifyInstance = Fastify();
  const hooks: Hook[] = [];
  await app.register(relayGuard, { hosts: ['www.example.net'] });
  const { addHook } = app;
  app.addHook = ((name: string, hook: Hook) => {
    if (name === 'onRequest') hooks.push(hook);
    return addHook.call(app, name as 'onRequest', hook as never);
  }) as never;
  await app.register(rateLimit, { max: 1_000_000_000, timeWindow: '1m' });
  await app.ready();
  const hook = hooks.at(-1)!;
  const requests = Array.from({ length: 1000 }, (_, i) => request(scattered(i)));
  for (const one of requests) app.relayGuard.judge(one.raw as never);
  const idle: Hook = (_request, _reply, done) => done();
  const time = async (subject: Hook, count: number): Promise<number> => {
    const start = process.cpuUsage();
    for (let i = 0; i < count; i++)
      await new Promise<void>((done) => subject(requests[i % 1000], null, done));
    return cpuNanoseconds(start) / count / 1000;
  };
  const count = options.quick ? 20_000 : 200_000;
  const costs: number[] = [];
  await time(hook, 20_000);
  for (let round = 0; round < 7; round++) costs.push(-(await time(idle, count)) + (await time(hook, count)));
  const table = new RateTable({ name: 'all', max: 1000, timeWindow: 60_000 });
  const prefixes = Array.from({ length: 1000 }, (_, i) => `${scattered(i)}/32`);
  const start = process.cpuUsage();
  for (let i = 0; i < 1_000_000; i++) table.hit(prefixes[i % 1000]!, i);
  const hit = cpuNanoseconds(start) / 1e9;
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
    `rate limit: ${us.toFixed(2)} µs per request (at most 2), of which counting takes ${hit.toFixed(3)} µs`,
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
            since: 0,
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
    // The rate per second of Valkey's processor time: Valkey is single-threaded, and the speed of this client must not limit it.
    const rate = Math.round(number / ((await cpu()) - start));
    const each = Math.round(((await bytes()) - before) / number);
    print(
      options,
      { bench: 'bans', scene: `valkey ${scene}`, rate, bytes: each },
      `valkey: one instance handles ${rate} ${scene}/s, ${each} bytes each`,
    );
  }
  for (const stop of stops) await stop();
}
