import { freePort } from './free-port.ts';
import type { Owner } from './owner.ts';
import type { RunningProcess } from './process.ts';

/** A real web server on a loopback port. */
export interface WebServer {
  readonly port: number;
  /** `127.0.0.1:PORT` */
  readonly authority: string;
  /** `http://127.0.0.1:PORT` */
  readonly url: string;
  /** Its temporary folder: configuration, logs, pid file. */
  readonly dir: string;
  readonly process: RunningProcess;
}

/**
 * Starts a server on a port that was just free; retries with another port if it was taken meanwhile.
 *
 * @param start starts it on the port, without waiting
 */
export async function onFreePort(
  owner: Owner,
  start: (port: number, owner: Owner) => Promise<RunningProcess>,
): Promise<{ port: number; process: RunningProcess }> {
  for (let attempt = 1; ; attempt += 1) {
    const port = await freePort();
    const process = await start(port, owner);
    try {
      await process.waitForPort(port);
      return { port, process };
    } catch (error) {
      await process.stop();
      if (attempt === 3 || !/address already in use|another has its port/i.test(String(error))) throw error;
    }
  }
}
