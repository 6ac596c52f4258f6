/**
 * Workers that each listen for themselves. Through the primary of a cluster every connection is accepted there and handed
 * over, which for short connections is most of the work.
 */
import cluster from 'node:cluster';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { bind } from './bind.ts';

interface Address {
  readonly host: string;
  readonly port: number;
}

/**
 * Whether this process may listen beside its fellow workers. Not at a port that the system picks, which each would get
 * another of; and not where a user is set: a worker that is started later is root no more, and the system lets sockets of one
 * user alone share a port.
 */
export const sharesPort = ({ port }: Address, user: false | string): boolean =>
  cluster.isWorker && port !== 0 && user === false && process.platform === 'linux';

/**
 * Sockets that share a port are let in beside those of another gateway of the same user, which would get half of its
 * connections: so the address is bound alone once, before there are workers.
 *
 * @throws Error of `bind` where it can't be
 */
export async function bindAlone({ host, port }: Address): Promise<void> {
  if (port === 0) return;
  const server = createServer();
  await bind(server, { host, port, exclusive: true }, 'listen');
  server.close();
  await once(server, 'close');
}
