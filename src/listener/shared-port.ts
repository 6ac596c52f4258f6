/**
 * Several sockets that listen at one address, among which the kernel distributes connections (SO_REUSEPORT): those of several
 * workers, or of one process. Without it a cluster's primary accepts every connection and passes it on, which is most of the
 * work for short connections.
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
 * Which sockets listen at an address. `none`: a single one, which may be shared through a cluster's primary; `own`: several of
 * this process; `workers`: those of the other workers too.
 */
export type PortSharing = 'none' | 'own' | 'workers';

/**
 * Workers do not share a port chosen by the kernel, because each would get a different one. Nor do they if a user is set: a
 * worker started later no longer runs as root, and the kernel lets only sockets of the same user share a port.
 */
export function sharingOf({ port }: Pick<Address, 'port'>, user: false | string): PortSharing {
  if (process.platform !== 'linux') return 'none';
  if (!cluster.isWorker) return 'own';
  return port !== 0 && user === false ? 'workers' : 'none';
}

/**
 * Binds the address exclusively for a moment, before it is shared. Otherwise the sockets could join those of another gateway of
 * the same user and take half of its connections.
 *
 * @throws Error of `bind` if the address is taken
 */
export async function bindAlone({ host, port }: Address): Promise<void> {
  if (port === 0) return;
  const server = createServer();
  await bind(server, { host, port, exclusive: true }, 'listen');
  server.close();
  await once(server, 'close');
}
