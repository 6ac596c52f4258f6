/**
 * Cost of judging: the gateway as it is, against one whose checkpoint inspects nothing, in many short interleaved rounds. How the
 * JIT compiles each varies from start to start by more than judging costs, so each is started several times.
 */
import { type BenchOptions, median, print } from './options.ts';
import { backendServer, gateway } from './peers.ts';
import { type Pinned, proxyCore } from './pinned.ts';
import { wrk } from './wrk.ts';

export async function run(options: BenchOptions): Promise<void> {
  const [starts, rounds, seconds] = options.quick === true ? [1, 1, 1] : [4, 4, 2];
  const backend = await backendServer();
  const on: number[] = [];
  const off: number[] = [];
  try {
    for (let start = 0; start < starts; start++) {
      const pair = [
        await gateway('judging')(backend.port),
        await gateway('not judging', '', proxyCore, 'bench/peers/unguarded.ts')(backend.port),
      ] as const;
      const load = async ({ port }: Pinned): Promise<number> =>
        (await wrk({ url: `http://127.0.0.1:${port}/200`, connections: 50, seconds })).requestsPerSecond;
      try {
        for (const peer of pair) for (let i = 0; i < 3; i++) await load(peer);
        for (let round = 0; round < rounds; round++) {
          const order = (start + round) % 2 === 0 ? ([0, 1] as const) : ([1, 0] as const);
          for (const which of order) (which === 0 ? on : off).push(await load(pair[which]));
        }
      } finally {
        await Promise.all(pair.map((peer) => peer.stop()));
      }
    }
  } finally {
    await backend.stop();
  }
  const [judging, notJudging] = [median(on), median(off)];
  const ratio = Number((judging / notJudging).toFixed(3));
  print(
    options,
    { bench: 'guard', judging: Math.round(judging), notJudging: Math.round(notJudging), ratio },
    `judging ${Math.round(judging)} req/s, not judging ${Math.round(notJudging)} req/s: ${ratio.toFixed(3)}`,
  );
}
