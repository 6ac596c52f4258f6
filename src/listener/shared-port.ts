/**
 * Several sockets that listen at one address, among which the system shares connections out (SO_REUSEPORT): workers that each
 * listen for themselves, and several sockets of one process. Through the primary of a cluster every connection is accepted
 * there and handed over, which for short connections is most of the work.
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
 * Who listens at an address: `none`: one socket, which may be that of a cluster; `own`: several sockets of this process;
 * `workers`: those of its fellow workers too.
 */
export type PortSharing = 'none' | 'own' | 'workers';

/**
 * Workers do not share a port that the system picks, which each would get another of; and not where a user is set: a worker
 * that is started later is root no more, and the system lets sockets of one user alone share a port.
 */
export function sharingOf({ port }: Pick<Address, 'port'>, user: false | string): PortSharing {
  if (process.platform !== 'linux') return 'none';
  if (!cluster.isWorker) return 'own';
  return port !== 0 && user === false ? 'workers' : 'none';
}

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
