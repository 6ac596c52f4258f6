import { startClientPlane } from '../client-plane.ts';
import { loadConfig } from '../config/load.ts';
import { startControlPlane } from '../control-plane.ts';
import { Counters } from '../events/counters.ts';
import { type Gateway, startGateway } from '../gateway.ts';
import { createLog } from '../log.ts';
import type { Command, StartOptions } from './options.ts';

/** How long requests under way may go on after SIGTERM, in milliseconds. */
const drainDeadline = 10_000;

/** `sekisho start`: runs the gateway until SIGTERM or SIGINT. */
export const run: Command<StartOptions> = async ({ config: file, ...overlay }) => {
  const config = loadConfig(file, { overlay });
  const log = createLog(config.log);
  const stopped = signal();
  const counters = new Counters();
  let gateway: Gateway | null = null;
  const clients = await startClientPlane(config, { log, journal: null });
  try {
    const control = await startControlPlane(config, {
      log,
      counters: () => [counters.snapshot()],
      bans: clients.bans,
      fleet: () => clients.fleet?.health ?? null,
      backends: () =>
        (gateway?.backends ?? []).map(({ pool, weight, load, standing }) => ({
          name: pool.name,
          fit: standing.fit(performance.now()),
          load,
          weight,
        })),
    });
    try {
      clients.bans?.ledger.onChange((change, origin) => {
        if (change.kind !== 'lists' && origin !== 'journal') control.onBan(change.kind, change.ban);
      });
      gateway = await startGateway(config, {
        log,
        counters,
        isBanned: clients.isBanned,
        onEvent: (event) => {
          clients.onEvent(event);
          control.onEvent(event);
        },
        onBackend: control.onBackend,
      });
      const { rateTables } = gateway;
      clients.shareRates(() => gateway?.rateTables ?? rateTables);
      for (const listener of [...gateway.listeners, ...control.listeners])
        process.stdout.write(`listening ${listener}\n`);
      if (control.madeToken !== null)
        process.stderr.write(`admin token (made for this run, shown once): ${control.madeToken}\n`);
      control.setReady(true);
      await stopped;
      control.setReady(false);
      await gateway.close(drainDeadline);
    } finally {
      await control.close();
    }
  } finally {
    await clients.close();
  }
  return 0;
};

function signal(): Promise<void> {
  return new Promise((resolve) => {
    process.once('SIGTERM', () => resolve());
    process.once('SIGINT', () => resolve());
  });
}
