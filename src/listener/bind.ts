/** Binds a listener of any protocol, and explains failures to the operator. */
import { once } from 'node:events';
import type { ListenOptions, Server } from 'node:net';
import { hostPort } from '../address/host-port.ts';
import { portOwner } from './port-owner.ts';

export interface Binding extends ListenOptions {
  readonly host: string;
  readonly port: number;
  /** A socket that is already bound. */
  readonly fd?: number;
}

/** As many as the kernel's default limit allows (somaxconn): Node's 511 drops connections in a sudden crowd. */
const backlog = 4096;

/**
 * @param who for the message: `listen`, `smtp`, `decoys`
 * @param whenTaken what to do if another program has the port
 * @throws Error with the address, the reason and the fix; the system's error is its cause
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

/** The error that `bind` throws, for servers bound elsewhere. */
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
      return 'ports below 1024 need root; start as root, with user and group in the config, or choose another port';
    case 'EADDRNOTAVAIL':
      return 'this machine has no such address; write one of its addresses, or 0.0.0.0 for all';
    default:
      return cause.message;
  }
}
