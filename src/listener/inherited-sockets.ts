/** Sockets that systemd binds and passes on: sd_listen_fds(3). The program then needs no right to bind ports. */
import cluster from 'node:cluster';
import type { AddressInfo } from 'node:net';
import { plural } from '../plural.ts';

/** SD_LISTEN_FDS_START. */
const first = 3;

/**
 * The descriptors for the first listeners, in the order of the config; empty if systemd passed none.
 *
 * @param listeners how many the config has
 * @throws Error if there are more sockets than listeners: connections to the extra one would never be answered
 */
export function inheritedSockets(
  listeners: number,
  { LISTEN_PID, LISTEN_FDS }: NodeJS.ProcessEnv = process.env,
): number[] {
  // With another LISTEN_PID the sockets are for the program that started this one. Workers get theirs through the primary.
  const receiver = cluster.isWorker ? process.ppid : process.pid;
  if (LISTEN_FDS === undefined || Number(LISTEN_PID) !== receiver) return [];
  const count = /^\d{1,4}$/.test(LISTEN_FDS) ? Number(LISTEN_FDS) : Number.NaN;
  if (Number.isNaN(count))
    throw new Error(`LISTEN_FDS is ${JSON.stringify(LISTEN_FDS)}, which is not a number`);
  if (count > listeners)
    throw new Error(
      `systemd passes ${plural(count, 'socket')}, but the config has ${listeners} under listen: list every ListenStream= there, in the same order`,
    );
  return Array.from({ length: count }, (_, index) => first + index);
}

/**
 * Checks the address of an inherited socket: sockets in the wrong order would speak TLS on the port for plain HTTP.
 *
 * @throws Error if the address is not the listener's
 */
export function checkInherited(
  bound: AddressInfo | string | null,
  { host, port }: { readonly host: string; readonly port: number },
): void {
  const said = typeof bound === 'object' && bound !== null ? `${bound.address} port ${bound.port}` : bound;
  if (typeof bound === 'object' && bound !== null) {
    if (port === 0 || (bound.port === port && bound.address === host)) return;
  }
  throw new Error(
    `systemd passes a socket of ${said}, but the config has ${host} port ${port} at this position: give ListenStream= the same addresses, in the same order`,
  );
}
