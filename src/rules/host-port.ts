/** The port after one of our own names. A backend that forwards by Host would dial it, and reach any service of this machine. */
import type { Authority } from '../wire/authority.ts';
import type { Policy, Site } from './policy.ts';

/** Ports that no browser connects to (the Fetch standard, "bad port"): a client that names one wants another service. */
const neverAsked: ReadonlySet<number> = new Set([
  1, 7, 9, 11, 13, 15, 17, 19, 20, 21, 22, 23, 25, 37, 42, 43, 53, 69, 77, 79, 87, 95, 101, 102, 103, 104,
  109, 110, 111, 113, 115, 117, 119, 123, 135, 137, 139, 143, 161, 179, 389, 427, 465, 512, 513, 514, 515,
  526, 530, 531, 532, 540, 548, 554, 556, 563, 587, 601, 636, 989, 990, 993, 995, 1719, 1720, 1723, 2049,
  3659, 4045, 4190, 5060, 5061, 6000, 6566, 6665, 6666, 6667, 6668, 6669, 6679, 6697, 10080,
]);

/** The first port that needs no privilege. Except for 80 and 443, containers map public names to ports from here on. */
const unprivileged = 1024;

/** Every port that is blocked after a name of ours, unless it is served. For exports. */
export const blockedPorts: readonly number[] = [
  ...Array.from({ length: unprivileged - 1 }, (_, index) => index + 1),
  ...[...neverAsked].filter((port) => port >= unprivileged),
];
const blocked: ReadonlySet<number> = new Set(blockedPorts);

export interface PortSighting {
  readonly port: number;
  /** It may be mapped to a port of ours, as the ports of containers are. */
  readonly doubtful: boolean;
  /** Browsers name such ports too, so that it does not count towards a ban. */
  readonly unmeant: boolean;
}

/** An address or `localhost`: its ports are those of this machine or network, and not mapped ones. */
export const isNear = ({ host, kind }: Pick<Authority, 'host' | 'kind'>): boolean =>
  kind !== 'name' || host === 'localhost' || host.endsWith('.localhost');

/** The port of a Host line that names us, if it is not served; null if it is served, or no port is named. */
export function unservedPort(host: Authority, site: Site, { ports }: Policy): PortSighting | null {
  const { port } = host;
  if (port === null || site.anyPort || ports.has(port)) return null;
  return { port, doubtful: !isNear(host) && !blocked.has(port), unmeant: !neverAsked.has(port) };
}
