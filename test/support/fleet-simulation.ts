/**
 * A fleet of many gateways in one process, with a real Redis between them: all of a gateway but its listeners. It joins, loses its
 * Redis, goes on alone, and comes together again over an empty one.
 */
import { PrefixSet } from '../../src/address/prefix-set.ts';
import { BanLedger } from '../../src/bans/ledger.ts';
import { Fleet } from '../../src/fleet/fleet.ts';
import { FleetClock } from '../../src/fleet/fleet-clock.ts';
import { ValkeyStore } from '../../src/fleet/valkey-store.ts';
import type { Owner } from './owner.ts';
import { eventually, type RedisServer, startRedis } from './redis.ts';

export interface SimulationOptions {
  readonly gateways: number;
  /** Bans that all know before Redis goes. */
  readonly bans: number;
}

/** Milliseconds, and what Redis had to do. */
export interface SimulationResult {
  /** Until every gateway had every ban, all starting at once. */
  readonly join: number;
  /** From the return of an empty Redis until a ban that is made then is with every gateway. */
  readonly newBan: number;
  /** From the return of an empty Redis until every gateway has everything, and says that it is connected. */
  readonly rejoin: number;
  /** Records that gateways offered Redis for it. */
  readonly offered: number;
  /** Processor time of Redis for it, milliseconds. */
  readonly redis: number;
}

interface Simulated {
  readonly ledger: BanLedger;
  readonly fleet: Fleet;
  readonly store: ValkeyStore;
}

const hour = 3_600_000;

function start(owner: Owner, url: string): Simulated {
  const clock = new FleetClock();
  const ledger = new BanLedger({
    after: 5,
    within: hour,
    for: [hour],
    exempt: new PrefixSet([]),
    clock: clock.now,
  });
  const store = new ValkeyStore({ url, remember: hour, onError: () => {} });
  const fleet = new Fleet({
    store,
    ledger,
    clock,
    remember: hour,
    threshold: { after: 5, within: hour },
    onState: () => {},
    onError: () => {},
    onRefused: () => {},
  });
  owner.after(() => fleet.close());
  return { ledger, fleet, store };
}

const prefixOf = (i: number): string => `10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`;

export async function simulateFleet(owner: Owner, options: SimulationOptions): Promise<SimulationResult> {
  const patience = 300_000;
  let redis = await startRedis(owner);
  const first = start(owner, redis.url);
  await eventually(() => first.fleet.health.state === 'connected', 'the first is connected', patience);
  for (let i = 0; i < options.bans; i++) first.ledger.add({ prefix: prefixOf(i) });
  await eventually(async () => (await bansIn(first)) === options.bans, 'all bans are there', patience);

  const joined = performance.now();
  const rest = Array.from({ length: options.gateways - 1 }, () => start(owner, redis.url));
  const all = [first, ...rest];
  const together = (size: number) => async (): Promise<boolean> =>
    all.every(({ ledger, fleet }) => ledger.size === size && fleet.health.state === 'connected');
  await eventually(together(options.bans), 'all have joined', patience);
  const join = performance.now() - joined;

  await redis.kill();
  await eventually(() => all.every(({ store }) => !store.connected), 'all are alone', patience);
  for (const [index, { ledger }] of all.entries())
    ledger.add({ prefix: `172.16.${index >> 8}.${index & 255}` });
  redis = await redis.restart();
  owner.after(() => redis.process.stop());
  const back = performance.now();
  await eventually(() => first.store.connected, 'the first is back', patience);
  first.ledger.add({ prefix: '192.0.2.1' });
  await eventually(
    () => all.every(({ ledger }) => ledger.isBanned('192.0.2.1/32')),
    'a new ban passes',
    patience,
  );
  const newBan = performance.now() - back;
  await eventually(together(options.bans + options.gateways + 1), 'all are together', patience);
  const rejoin = performance.now() - back;
  return { join, newBan, rejoin, ...(await costs(redis)) };
}

const bansIn = async ({ store }: Simulated): Promise<number> => (await store.pulse('simulation', '{}')).bans;

async function costs({ url }: RedisServer) {
  const { Redis } = await import('iovalkey');
  const client = new Redis(url);
  try {
    const [stats, cpu] = [await client.info('commandstats'), await client.info('cpu')];
    const number = (text: string, name: string): number =>
      Number(new RegExp(`${name}([\\d.]+)`).exec(text)?.[1] ?? 0);
    return {
      // A record is compared before it is written, and only then.
      offered: number(stats, 'cmdstat_hmget:calls='),
      redis: (number(cpu, 'used_cpu_user_main_thread:') + number(cpu, 'used_cpu_sys_main_thread:')) * 1000,
    };
  } finally {
    client.disconnect();
  }
}
