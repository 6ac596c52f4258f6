/**
 * How many probes per second the journal costs: one gateway on one core, switched by SIGHUP between keeping a journal and keeping
 * none; senders run on the other core. The thread that writes the file shares the gateway's core. It is one process, because two
 * processes of the same program differ by more than the effect to be measured.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { JournalStore } from '../src/events/journal-store.ts';
import { freePort } from '../test/support/free-port.ts';
import { type BenchOptions, median, print } from './options.ts';
import { pinned, proxyCore } from './pinned.ts';
import { wrk } from './wrk.ts';

const root = join(import.meta.dirname, '..');

/** The requests, as Lua for wrk. A refused probe closes the connection; a flagged one does not. */
const scenes = [
  {
    name: 'refused, one client, one destination',
    lua: `local probe = wrk.format('GET', 'http://www.example.com/', { Host = 'www.example.com' })
request = function() return probe end`,
  },
  {
    name: 'refused, another client each time',
    lua: `local n = 0
request = function()
  n = n + 1
  local client = string.format('100.%d.%d.%d', 64 + math.floor(n / 65536) % 64, math.floor(n / 256) % 256, n % 256)
  return wrk.format('GET', 'http://www.example.com/', { Host = 'www.example.com', ['X-Forwarded-For'] = client })
end`,
  },
  {
    name: 'flagged, one client, 50 destinations',
    lua: `local n = 0
request = function()
  n = n + 1
  return wrk.format('GET', '//evil' .. n % 50 .. '.example/', { Host = 'www.example.net' })
end`,
  },
] as const;

/** Probes a second. */
interface Rate {
  readonly asked: number;
  /** Per second of the gateway's processor time, threads included; other work on the core does not change it. */
  readonly perProcessorSecond: number;
}

export async function journalCost(options: BenchOptions): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'sekisho-bench-'));
  try {
    for (const scene of scenes) await measure(scene, join(folder, `${scenes.indexOf(scene)}`), options);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function measure(
  { name, lua }: (typeof scenes)[number],
  path: string,
  options: BenchOptions,
): Promise<void> {
  const [count, seconds] = options.quick === true ? [2, 1] : [10, 2];
  const script = `${path}.lua`;
  writeFileSync(script, lua);
  const port = await freePort();
  const config = `${path}.yaml`;
  const journal = `${path}.db`;
  const write = (kept: boolean): void =>
    writeFileSync(config, configOf(port, kept ? `{ path: ${journal} }` : 'false'));
  write(true);
  const gateway = await pinned('gateway', proxyCore, port, [
    process.execPath,
    join(root, 'src/cli.ts'),
    'start',
    '--config',
    config,
  ]);
  let recorded = 0;
  const load = async (kept: boolean, time = seconds): Promise<Rate> => {
    write(kept);
    for (const pid of gateway.processes()) process.kill(pid, 'SIGHUP');
    await delay(reloadTime);
    const before = gateway.processorTime();
    const { requestsPerSecond, requests } = await wrk({
      url: `http://127.0.0.1:${port}/`,
      connections: 50,
      seconds: time,
      script,
    });
    // Folded events are written within this time.
    await delay(700);
    if (kept) recorded += requests;
    return { asked: requestsPerSecond, perProcessorSecond: requests / (gateway.processorTime() - before) };
  };
  const rounds: { readonly without: Rate; readonly with: Rate }[] = [];
  try {
    // Warm-up on both sides: lets the JIT compile.
    for (const kept of [true, false]) await load(kept, 2 * seconds);
    for (let round = 0; round < count; round++) {
      // The order alternates, so that neither is always first.
      const first = await load(round % 2 === 1);
      const second = await load(round % 2 === 0);
      rounds.push(round % 2 === 0 ? { without: first, with: second } : { without: second, with: first });
    }
  } finally {
    await gateway.stop();
  }
  checkTotal(journal, recorded);
  const of = (key: keyof Rate) => ({
    without: median(rounds.map((round) => round.without[key])),
    with: median(rounds.map((round) => round.with[key])),
    ratio: median(rounds.map((round) => round.with[key] / round.without[key])),
  });
  const [byClock, byProcessor] = [of('asked'), of('perProcessorSecond')];
  const rates = ({ without, with: kept, ratio }: ReturnType<typeof of>): string =>
    `${without.toFixed(0)} without a journal, ${kept.toFixed(0)} with one (${ratio.toFixed(3)})`;
  print(
    options,
    { bench: 'journal-cost', scene: name, byClock, byProcessor },
    `${name}: probes per second ${rates(byClock)}; per second of processor time ${rates(byProcessor)}`,
  );
}

/** Milliseconds allowed for a gateway to reload its config. */
const reloadTime = 1000;

const configOf = (port: number, journal: string): string => `listen: ["127.0.0.1:${port}"]
sites: [{ hosts: [www.example.net], backend: welcome }]
trustedProxies: [127.0.0.1/32]
bans: false
rateLimit: false
admin: false
log: { level: error }
journal: ${journal}
`;

/**
 * Checks that the journal recorded exactly the rounds in which it was on. Senders do not wait for their last answers, so it may
 * hold slightly more than they counted.
 *
 * @throws if the total does not match
 */
function checkTotal(path: string, recorded: number): void {
  const store = new JournalStore({ path, keep: Number.MAX_SAFE_INTEGER, maxSize: Number.MAX_SAFE_INTEGER });
  const { total } = store.db.prepare('SELECT SUM(count) AS total FROM events').get() as { total: number };
  store.close();
  if (total < recorded || total > recorded * 1.02)
    throw new Error(`${recorded} probes were answered while the journal was kept; it holds ${total}`);
}
