/** `npm run -s bench -- lookup`: memory of up to a million bans, and the time of a look-up among ten and among a million. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { clientPrefix } from '../src/address/ip.ts';
import { PrefixSet } from '../src/address/prefix-set.ts';
import type { Ban } from '../src/bans/ban.ts';
import { BanLedger } from '../src/bans/ledger.ts';
import { PrefixList } from '../src/bans/prefix-list.ts';
import { prefixOf } from './made-up-clients.ts';
import { type BenchOptions, median, print } from './options.ts';
import { cpuNanoseconds } from './processor-time.ts';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;
const used = (): number => {
  collect();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return (heapUsed + arrayBuffers) / 1024 ** 2;
};

export const ban = (prefix: string, now: number): Ban => ({
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

/** Interleaves the sizes, so that other work on the machine affects all of them. */
export async function run(options: BenchOptions): Promise<void> {
  const sizes = options.quick ? [10, 100_000] : [10, 1000, 100_000, 1_000_000];
  const grounds = sizes.map((size) => {
    const before = used();
    const ledger = newLedger();
    const now = Date.now();
    for (let i = 0; i < size; i++) ledger.apply(ban(prefixOf(i), now), 'journal');
    const mebibytes = used() - before;
    ledger.add({ prefix: '198.18.0.0/15' });
    ledger.replaceLists(
      PrefixList.of(Array.from({ length: 1000 }, (_, i) => `203.${i >> 8}.${i & 255}.0/24`)),
    );
    return { size, ledger, mebibytes, banned: [] as number[], others: [] as number[] };
  });
  for (let round = 0; round < (options.quick ? 3 : 9); round++)
    for (const { size, ledger, banned, others } of grounds) {
      banned.push(time(ledger, 0, size, true));
      others.push(time(ledger, 2_000_000, 1_000_000, false));
    }
  const figures = grounds.map(({ size, mebibytes, banned, others }) => ({
    bans: size,
    mebibytes: Math.round(mebibytes),
    banned: Math.round(median(banned)),
    others: Math.round(median(others)),
  }));
  const [first, last] = [figures[0]!, figures.at(-1)!];
  for (const one of figures)
    print(
      options,
      { bench: 'lookup', ...one, target: { ns: 1000, mebibytes: 200 } },
      `${String(one.bans).padStart(9)} bans: ${String(one.mebibytes).padStart(4)} MiB (at most 200), look-up of a client that is not ` +
        `banned ${one.others} ns, of a banned one ${one.banned} ns (at most 1000)`,
    );
  const ratio = (name: 'banned' | 'others') => Number((last[name] / first[name]).toFixed(2));
  print(
    options,
    { bench: 'lookup', scene: 'ratio', others: ratio('others'), banned: ratio('banned') },
    `${last.bans} bans ÷ ${first.bans}: ${ratio('others')} for a client that is not banned, ${ratio('banned')} for a banned one`,
  );
}

const lookups = 100_000;

/**
 * Nanoseconds per look-up.
 *
 * @param from the number of the first client; clients from two million on are not banned
 * @param among how many clients ask; clients that are not banned come from the same number, however many bans there are
 */
function time(ledger: BanLedger, from: number, among: number, expected: boolean): number {
  // Fresh strings, as sockets give them.
  const asked = Array.from(
    { length: lookups },
    () => clientPrefix(prefixOf(from + Math.floor(Math.random() * among)).split('/')[0]!)!,
  );
  let found = 0;
  const start = process.cpuUsage();
  for (const prefix of asked) if (ledger.isBanned(prefix)) found++;
  const ns = cpuNanoseconds(start) / lookups;
  if (found > lookups * 0.01 !== expected) throw new Error(`${found} of ${lookups} were found`);
  return ns;
}
