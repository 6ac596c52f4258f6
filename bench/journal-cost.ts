/**
 * What the journal costs in probes a second: two gateways on one core, one with a journal, one without, asked in turn by
 * senders on the other core. The thread that writes the file has to do with the gateway's core.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { freePort } from '../test/support/free-port.ts';
import { type BenchOptions, median, print } from './options.ts';
import { type Pinned, pinned, proxyCore } from './pinned.ts';
import { wrk } from './wrk.ts';

const root = join(import.meta.dirname, '..');

/** What is sent, as Lua for wrk. A refused probe costs its sender the connection; a flagged one does not. */
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
  /** Of the gateway's processor time, its threads' included: other work on the core does not change this. */
  readonly perProcessorSecond: number;
}

export async function journalCost(options: BenchOptions): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'sekisho-bench-'));
  try {
    for (const scene of scenes) await measure(scene, folder, options);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function measure(
  { name, lua }: (typeof scenes)[number],
  folder: string,
  options: BenchOptions,
): Promise<void> {
  const [count, seconds] = options.quick === true ? [2, 1] : [6, 2];
  const script = join(folder, 'probes.lua');
  writeFileSync(script, lua);
  const file = join(folder, `${scenes.findIndex((scene) => scene.name === name)}.db`);
  const without = await gateway('without', folder, 'false');
  const withJournal = await gateway('with', folder, `{ path: ${file} }`);
  const load = async (peer: Pinned): Promise<Rate> => {
    const before = peer.processorTime();
    const { requestsPerSecond } = await wrk({
      url: `http://127.0.0.1:${peer.port}/`,
      connections: 50,
      seconds,
      script,
    });
    // What is folded still is written within this time.
    await delay(700);
    return {
      asked: requestsPerSecond,
      perProcessorSecond: (requestsPerSecond * seconds) / (peer.processorTime() - before),
    };
  };
  const rounds: { readonly without: Rate; readonly with: Rate }[] = [];
  try {
    await load(without);
    await load(withJournal);
    for (let round = 0; round < count; round++) {
      // Back and forth, so that neither is always the first.
      const first = await load(round % 2 === 0 ? without : withJournal);
      const second = await load(round % 2 === 0 ? withJournal : without);
      rounds.push(round % 2 === 0 ? { without: first, with: second } : { without: second, with: first });
    }
  } finally {
    await Promise.all([without.stop(), withJournal.stop()]);
  }
  const of = (key: keyof Rate) => ({
    without: median(rounds.map((round) => round.without[key])),
    with: median(rounds.map((round) => round.with[key])),
    ratio: median(rounds.map((round) => round.with[key] / round.without[key])),
  });
  const [byClock, byProcessor] = [of('asked'), of('perProcessorSecond')];
  const told = ({ without, with: recorded, ratio }: ReturnType<typeof of>): string =>
    `${without.toFixed(0)} without a journal, ${recorded.toFixed(0)} with one (${ratio.toFixed(3)})`;
  print(
    options,
    { bench: 'journal-cost', scene: name, byClock, byProcessor },
    `${name}: probes a second ${told(byClock)}; a second of processor time ${told(byProcessor)}`,
  );
}

async function gateway(name: string, folder: string, journal: string): Promise<Pinned> {
  const port = await freePort();
  const config = join(folder, `${name}.yaml`);
  writeFileSync(
    config,
    `listen: ["127.0.0.1:${port}"]
sites: [{ hosts: [www.example.net], backend: welcome }]
trustedProxies: [127.0.0.1/32]
bans: false
rateLimit: false
admin: false
log: { level: error }
journal: ${journal}
`,
  );
  return pinned(name, proxyCore, port, [
    process.execPath,
    join(root, 'src/cli.ts'),
    'start',
    '--config',
    config,
  ]);
}
