import { loadConfig } from '../config/load.ts';
import { startGateway } from '../gateway.ts';
import { createLog } from '../log.ts';
import type { Command, StartOptions } from './options.ts';

/** How long requests under way may go on after SIGTERM, in milliseconds. */
const drainDeadline = 10_000;

/** `sekisho start`: runs the gateway until SIGTERM or SIGINT. */
export const run: Command<StartOptions> = async ({ config: file, ...overlay }) => {
  const config = loadConfig(file, { overlay });
  const log = createLog(config.log);
  const stopped = signal();
  const gateway = await startGateway(config, { log });
  for (const listener of gateway.listeners) process.stdout.write(`listening ${listener}\n`);
  await stopped;
  await gateway.close(drainDeadline);
  return 0;
};

function signal(): Promise<void> {
  return new Promise((resolve) => {
    process.once('SIGTERM', () => resolve());
    process.once('SIGINT', () => resolve());
  });
}
