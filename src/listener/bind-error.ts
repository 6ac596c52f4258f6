/** Why an address cannot be listened on, and the mend: for an operator. */
import { portOwner } from './port-owner.ts';

/** @param whenTaken the mend where somebody else has the port */
export function bindError(cause: NodeJS.ErrnoException, port: number, whenTaken: string): string {
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
