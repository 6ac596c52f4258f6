import { startClientPlane } from '../client-plane.ts';
import { ConfigError } from '../config/fault.ts';
import { loadConfig } from '../config/load.ts';
import { startControlPlane } from '../control-plane.ts';
import { Counters } from '../events/counters.ts';
import type { EventSink } from '../events/event.ts';
import { startGateway } from '../gateway.ts';
import { createLog } from '../log.ts';
import type { Command, StartOptions } from './options.ts';

/** How long requests under way may go on after SIGTERM, in milliseconds. */
const drainDeadline = 10_000;

/** `sekisho start`: runs the gateway until SIGTERM or SIGINT; SIGHUP reads the config again. */
export const run: Command<StartOptions> = async ({ config: file, ...overlay }) => {
  const config = loadConfig(file, { overlay });
  const log = createLog(config.log);
  const stopped = signal();
  const counters = new Counters();
  const clients = await startClientPlane(config, {
    log,
    journal: config.journal ? config.journal.path : null,
  });
  const control = await startControlPlane(config, { log, counters: () => [counters.snapshot()] });
  try {
    const onEvent: EventSink = (event) => {
      clients.onEvent(event);
      control.onEvent(event);
    };
    const gateway = await startGateway(config, { log, isBanned: clients.isBanned, onEvent, counters });
    clients.shareRates(() => gateway.rateTables);
    for (const listener of [...gateway.listeners, ...control.listeners])
      process.stdout.write(`listening ${listener}\n`);
    if (control.madeToken !== null)
      process.stderr.write(`admin token (made for this run, shown once): ${control.madeToken}\n`);
    control.setReady(true);
    const reload = async (): Promise<void> => {
      try {
        const next = loadConfig(file, { overlay });
        gateway.reload(next);
        await clients.reload(next);
        await control.reload(next);
        log.info({ event: 'reload' }, 'the config was read again');
      } catch (error) {
        const why = error instanceof ConfigError ? error.message : error;
        log.error(
          { event: 'reload', err: why },
          'the config was not read again; the one before stays in force',
        );
      }
    };
    process.on('SIGHUP', reload);
    await stopped;
    process.off('SIGHUP', reload);
    control.setReady(false);
    await gateway.close(drainDeadline);
  } finally {
    await control.close();
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
