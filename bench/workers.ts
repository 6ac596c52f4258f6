/**
 * The gain of a second worker. Load, backend and two workers do not fit on two cores, so this compares requests per second of
 * processor time, which drops if two workers get in each other's way.
 */
import { availableParallelism } from 'node:os';
import { type BenchOptions, median, print } from './options.ts';
import { backendServer, gateway } from './peers.ts';
import type { Pinned } from './pinned.ts';
import { wrk } from './wrk.ts';

export async function run(options: BenchOptions): Promise<void> {
  const rounds = options.quick === true ? 1 : 5;
  const seconds = options.quick === true ? 1 : 4;
  const cores = `0-${availableParallelism() - 1}`;
  const backend = await backendServer();
  const started: Pinned[] = [];
  try {
    for (const workers of [1, 2]) {
      started.push(
        await gateway(
          `${workers} worker${workers === 1 ? '' : 's'}`,
          `workers: ${workers}`,
          cores,
        )(backend.port),
      );
    }
    const load = async (peer: Pinned): Promise<number> => {
      const before = peer.processorTime();
      const { requestsPerSecond } = await wrk({
        url: `http://127.0.0.1:${peer.port}/200`,
        connections: 50,
        seconds,
      });
      return (requestsPerSecond * seconds) / (peer.processorTime() - before);
    };
    for (const peer of started) await load(peer);
    const rates = started.map((): number[] => []);
    for (let round = 0; round < rounds; round++) {
      for (const [i, peer] of started.entries()) rates[i]!.push(await load(peer));
    }
    const [one, two] = rates.map(median) as [number, number];
    for (const [i, rate] of [one, two].entries()) {
      const workers = i + 1;
      const worth = Number(((workers * rate) / one).toFixed(2));
      print(
        options,
        { bench: 'workers', workers, requestsPerProcessorSecond: Math.round(rate), worth },
        `  ${started[i]!.name.padEnd(10)} ${Math.round(rate)} requests per second of processor time, × the number of cores: ${worth.toFixed(2)}`,
      );
    }
  } finally {
    await Promise.all([...started, backend].map((peer) => peer.stop()));
  }
}
