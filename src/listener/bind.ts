/** Binds a listener, whatever it speaks, and says what is wrong where it can't: for an operator. */
import { once } from 'node:events';
import type { ListenOptions, Server } from 'node:net';
import { hostPort } from '../address/host-port.ts';
import { portOwner } from './port-owner.ts';

export interface Binding extends ListenOptions {
  readonly host: string;
  readonly port: number;
  /** A socket that is bound already. */
  readonly fd?: number;
}

/** As many as the system lets wait (somaxconn): at 511, Node's default, a crowd that comes at once is sent away. */
const backlog = 4096;

/**
 * @param who for the message: `listen`, `smtp`, `decoys`
 * @param whenTaken what to do where somebody else has the port
 * @throws Error with the address, the reason and what to do; the error of the system as its cause
 */
export async function bind(
  server: Server,
  binding: Binding,
  who: string,
  whenTaken = 'stop that, or listen on another port',
): Promise<void> {
  server.listen(binding.fd === undefined ? { ...binding, backlog } : { fd: binding.fd, backlog });
  try {
    await once(server, 'listening');
  } catch (cause) {
    throw bindFailure(cause as NodeJS.ErrnoException, binding, who, whenTaken);
  }
}

/** What `bind` throws, for a server that somebody else binds. */
export function bindFailure(
  cause: NodeJS.ErrnoException,
  { host, port }: Pick<Binding, 'host' | 'port'>,
  who: string,
  whenTaken: string,
): Error {
  return new Error(`${who}: cannot listen on ${hostPort(host, port)}: ${why(cause, port, whenTaken)}`, {
    cause,
  });
}

function why(cause: NodeJS.ErrnoException, port: number, whenTaken: string): string {
  const owner = cause.code === 'EADDRINUSE' ? portOwner(port) : null;
  switch (cause.code) {
    case 'EADDRINUSE':
      return `the port is taken${owner === null ? '' : ` by ${owner}`}; ${whenTaken}`;
    case 'EACCES':
      return 'a port below 1024 is for root; start as root, with user and group in the config, or choose another port';
    case 'EADDRNOTAVAIL':
      return 'this machine has no such address; write one that it has, or 0.0.0.0 for all of them';
    default:
      return cause.message;
  }
}
