/**
 * `npm run -s bench -- fleet`: the cost for Valkey of announcing bans; three hundred gateways that join, lose the store, and rejoin
 * over an empty one; the time until 300,000 bans of a fleet reach the workers of one gateway; and the cost of a list with a million prefixes.
 */
import { fork } from 'node:child_process';
import { join } from 'node:path';
import { Redis } from 'iovalkey';
import { ValkeyStore } from '../src/fleet/valkey-store.ts';
import { packBans } from '../src/program/workers/ban-batch.ts';
import { simulateFleet } from '../test/support/fleet-simulation.ts';
import type { Owner } from '../test/support/owner.ts';
import { without } from '../test/support/peers.ts';
import { eventually, startRedis } from '../test/support/redis.ts';
import { joining } from './joining.ts';
import { listedPrefixes } from './listed-prefixes.ts';
import { ban } from './lookup.ts';
import { prefixOf } from './made-up-clients.ts';
import { type BenchOptions, print } from './options.ts';

export async function run(options: BenchOptions): Promise<void> {
  await owned((owner) => listedPrefixes(owner, options));
  for (const count of [4, 16]) await owned((owner) => workers(owner, options, count));
  const missing = without('redis-server');
  if (missing !== false) {
    process.stderr.write(`skipping the rest: ${missing}\n`);
    return;
  }
  await owned((owner) => joining(owner, options));
  await owned((owner) => delivery(owner, options));
  await owned((owner) => simulation(owner, options));
}

async function owned(act: (owner: Owner) => Promise<void>): Promise<void> {
  const stops: (() => unknown)[] = [];
  try {
    await act({ after: (stop) => stops.unshift(stop) });
  } finally {
    for (const stop of stops) await stop();
  }
}

/** A thousand bans, published to three hundred subscribers; measures the processor time of Redis. */
async function delivery(owner: Owner, options: BenchOptions): Promise<void> {
  const [subscribers, bans] = options.quick ? [50, 200] : [300, 1000];
  const redis = await startRedis(owner);
  const store = new ValkeyStore({ url: redis.url, remember: 600_000, onError: () => {} });
  owner.after(() => store.close());
  await eventually(() => store.connected, 'connected');
  let heard = 0;
  await Promise.all(
    Array.from({ length: subscribers }, async () => {
      const client = new Redis(redis.url);
      owner.after(() => client.disconnect());
      client.on('message', () => heard++);
      await client.subscribe('{sekisho}:bans');
    }),
  );
  const client = new Redis(redis.url);
  owner.after(() => client.disconnect());
  const cpu = async (): Promise<number> => {
    const info = await client.info('cpu');
    const seconds = (name: string) =>
      Number(new RegExp(`used_cpu_${name}_main_thread:([\\d.]+)`).exec(info)![1]);
    return (seconds('user') + seconds('sys')) * 1000;
  };
  const before = await cpu();
  const start = performance.now();
  await store.putBans(Array.from({ length: bans }, (_, i) => ban(prefixOf(i), Date.now())));
  await eventually(() => heard === bans * subscribers, 'all have heard', 60_000);
  const [took, spent] = [performance.now() - start, (await cpu()) - before];
  print(
    options,
    { bench: 'fleet', scene: 'delivery', subscribers, bans, redis: spent, took },
    `${bans} bans to ${subscribers} gateways: ${spent.toFixed(0)} ms of processor time for Redis, received by all after ${took.toFixed(0)} ms`,
  );
}

async function simulation(owner: Owner, options: BenchOptions): Promise<void> {
  const [gateways, bans] = options.quick ? [50, 500] : [300, 2000];
  const figures = await simulateFleet(owner, { gateways, bans });
  const { join: joined, newBan, rejoin, offered, redis } = figures;
  print(
    options,
    { bench: 'fleet', scene: 'rejoin', gateways, bans, ...figures },
    `${gateways} gateways, ${bans} bans: all join in ${(joined / 1000).toFixed(1)} s; over an empty Redis all have a new ban after ` +
      `${(newBan / 1000).toFixed(1)} s and everything after ${(rejoin / 1000).toFixed(1)} s; ${offered} records written, ` +
      `${(redis / 1000).toFixed(1)} s of processor time for Redis`,
  );
}

/** The time from sending bans in the primary until they are in the last worker's table. */
async function workers(owner: Owner, options: BenchOptions, count: number): Promise<void> {
  const bans = options.quick ? 30_000 : 300_000;
  const processes = Array.from({ length: count }, () => {
    const child = fork(join(import.meta.dirname, 'ban-worker.ts'), { serialization: 'advanced' });
    owner.after(() => child.kill());
    return child;
  });
  await Promise.all(processes.map((child) => new Promise((ready) => child.once('message', ready))));
  const all = Array.from({ length: bans }, (_, i) => ban(prefixOf(i), Date.now()));
  const start = performance.now();
  const done = processes.map((child) => new Promise((have) => child.once('message', have)));
  for (let at = 0; at < bans; at += 5000) {
    const message = { kind: 'bans', bans: packBans(all.slice(at, at + 5000)), last: at + 5000 >= bans };
    for (const child of processes) child.send(message);
  }
  await Promise.all(done);
  const took = performance.now() - start;
  print(
    options,
    { bench: 'fleet', scene: 'workers', workers: count, bans, took, target: { took: 5000 } },
    `${bans} bans to ${count} workers: ${(took / 1000).toFixed(1)} s (at most 5)`,
  );
}
