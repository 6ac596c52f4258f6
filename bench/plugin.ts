/** Cost of the guard in an application: processor time per request of a hello-world app, bare and with a plugin, interleaved. */
import { freePort } from '../test/support/free-port.ts';
import { type BenchOptions, median, print } from './options.ts';
import { type Pinned, pinned, proxyCore } from './pinned.ts';
import { wrk } from './wrk.ts';

const kinds = ['bare', 'relayGuard', 'rate-limit'] as const;

export async function run(options: BenchOptions): Promise<void> {
  const [starts, rounds, seconds] = options.quick === true ? [1, 1, 1] : [3, 5, 3];
  const costs = kinds.map((): number[] => []);
  for (let start = 0; start < starts; start++) {
    const apps: Pinned[] = [];
    try {
      for (const kind of kinds) {
        const port = await freePort();
        const command = [process.execPath, 'bench/peers/hello-app.ts', String(port), kind];
        apps.push(await pinned(kind, proxyCore, port, command));
      }
      for (const app of apps) await microsecondsEach(app, 2 * seconds);
      for (let round = 0; round < rounds; round++)
        for (const [i, app] of apps.entries()) costs[i]!.push(await microsecondsEach(app, seconds));
    } finally {
      await Promise.all(apps.map((app) => app.stop()));
    }
  }
  const bare = median(costs[0]!);
  for (const [i, kind] of kinds.entries()) {
    const microseconds = median(costs[i]!);
    const ratio = Number((microseconds / bare).toFixed(3));
    print(
      options,
      { bench: 'plugin', app: kind, microseconds: Number(microseconds.toFixed(2)), ratio },
      `  ${kind.padEnd(10)} ${microseconds.toFixed(2)} µs of processor time per request: ${ratio.toFixed(2)}`,
    );
  }
}

async function microsecondsEach(app: Pinned, seconds: number): Promise<number> {
  const before = app.processorTime();
  const { requests } = await wrk({ url: `http://127.0.0.1:${app.port}/`, connections: 50, seconds });
  return ((app.processorTime() - before) * 1e6) / requests;
}
