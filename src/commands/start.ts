import { loadConfig } from '../config/load.ts';
import { startControlPlane } from '../control-plane.ts';
import { Counters } from '../events/counters.ts';
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
  const counters = new Counters();
  const control = await startControlPlane(config, { log, counters: () => [counters.snapshot()] });
  try {
    const gateway = await startGateway(config, { log, onEvent: control.onEvent, counters });
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
  return 0;
};

function signal(): Promise<void> {
  return new Promise((resolve) => {
    process.once('SIGTERM', () => resolve());
    process.once('SIGINT', () => resolve());
  });
}
