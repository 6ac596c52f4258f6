import { startClientPlane } from '../client-plane.ts';
import { ConfigError } from '../config/fault.ts';
import { loadConfig } from '../config/load.ts';
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
  const clients = await startClientPlane(config, { log, journal: null });
  try {
    const { isBanned, onEvent } = clients;
    const gateway = await startGateway(config, { log, isBanned, onEvent });
    clients.shareRates(() => gateway.rateTables);
    for (const listener of gateway.listeners) process.stdout.write(`listening ${listener}\n`);
    process.on('SIGHUP', async () => {
      try {
        const next = loadConfig(file, { overlay });
        gateway.reload(next);
        await clients.reload(next);
        log.info({ event: 'reload' }, 'the config was read again');
      } catch (error) {
        const faults = error instanceof ConfigError ? error.message : error;
        log.error(
          { event: 'reload', err: faults },
          'the config was not read again; the one before stays in force',
        );
      }
    });
    await stopped;
    await gateway.close(drainDeadline);
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
