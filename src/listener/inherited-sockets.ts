/** Sockets that systemd has bound and hands over: sd_listen_fds(3). Whoever gets them needs no right to bind ports. */
import cluster from 'node:cluster';
import type { AddressInfo } from 'node:net';
import { plural } from '../plural.ts';

/** SD_LISTEN_FDS_START. */
const first = 3;

/**
 * The descriptors of the first listeners, in the order of the config; empty where nobody hands any over.
 *
 * @param listeners how many the config has
 * @throws Error where there are more sockets than listeners: one would accept connections that nobody takes
 */
export function inheritedSockets(
  listeners: number,
  { LISTEN_PID, LISTEN_FDS }: NodeJS.ProcessEnv = process.env,
): number[] {
  // Meant for another program, which started this one and left its environment. Workers get theirs through the primary.
  const receiver = cluster.isWorker ? process.ppid : process.pid;
  if (LISTEN_FDS === undefined || Number(LISTEN_PID) !== receiver) return [];
  const count = /^\d{1,4}$/.test(LISTEN_FDS) ? Number(LISTEN_FDS) : Number.NaN;
  if (Number.isNaN(count)) throw new Error(`LISTEN_FDS is ${JSON.stringify(LISTEN_FDS)}, and no number`);
  if (count > listeners)
    throw new Error(
      `systemd hands over ${plural(count, 'socket')}, and the config has ${listeners} under listen: name each ListenStream= there, in the same order`,
    );
  return Array.from({ length: count }, (_, index) => first + index);
}

/**
 * The order of sockets is easily mixed up, and TLS would be spoken on the port of plain HTTP.
 *
 * @throws Error where the socket is not that of the config
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
    `systemd hands over a socket of ${said}, and the config says ${host} port ${port} in its place: give ListenStream= the same address, in the same order`,
  );
}
