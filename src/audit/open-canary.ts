/** Opens the canary where one address of the server can reach it. */
import { randomInt } from 'node:crypto';
import { networkInterfaces } from 'node:os';
import { parseIp } from '../address/ip.ts';
import { specialRange } from '../address/special-ranges.ts';
import { Canary } from './canary.ts';
import { connectPorts } from './connect-techniques.ts';
import { AuditInputError, parseTarget } from './target.ts';

export interface CanaryAddresses {
  /** `ADDR:PORT` that the server reaches the canary by. @default our address on the path to the server, any port */
  readonly canary?: string | undefined;
  /** `ADDR:PORT` to listen on, if it differs. */
  readonly canaryListen?: string | undefined;
}

export interface ReachableAddress {
  /** The audited address. */
  readonly address: string;
  /** Our own address, as the server sees it. */
  readonly localAddress: string;
}

/**
 * Opens the canary, with the extra ports that a server may choose on its own: 80, 443, the audited ports, and the ports that
 * servers often limit CONNECT to.
 *
 * @throws AuditInputError if it cannot listen
 */
export async function openCanary(
  { canary, canaryListen }: CanaryAddresses,
  reached: ReachableAddress,
  ports: readonly number[],
): Promise<Canary> {
  const listen = canaryListen === undefined ? null : parseAddrPort('--canary-listen', canaryListen);
  try {
    if (canary === undefined)
      return await openFacing(reached, listen, [...new Set([...connectPorts, ...ports])]);
    const { host, port } = parseAddrPort('--canary', canary);
    const named = { host, externalPort: port };
    if (listen !== null) return await Canary.open({ listen: listen.host, port: listen.port, ...named });
    try {
      return await Canary.open({ listen: host, port, ...named });
    } catch (error) {
      // The name or address of a router that forwards the port to us.
      if (!['EADDRNOTAVAIL', 'ENOTFOUND'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
      const any = parseIp(host)?.family === 6 ? '::' : '0.0.0.0';
      return await Canary.open({ listen: any, port, ...named });
    }
  } catch (error) {
    if (error instanceof AuditInputError) throw error;
    throw new AuditInputError(
      `the canary cannot listen (${(error as Error).message}); choose another port with --canary or --canary-listen`,
      { cause: error },
    );
  }
}

async function openFacing(
  { address, localAddress }: ReachableAddress,
  listen: { host: string; port: number } | null,
  extraPorts: readonly number[],
): Promise<Canary> {
  if (listen !== null) return await Canary.open({ listen: listen.host, port: listen.port, extraPorts });
  const ours = ownAddresses();
  // On the server's own machine the canary listens at every local address: a rule may deny only some of them.
  const here = ours.includes(address) || specialRange(address) === 'loopback';
  const extraAddresses = here ? [...new Set([address, ...ours])] : [];
  if (/^127\./.test(address)) {
    // A fresh loopback address, on which every port is free. Systems with only 127.0.0.1 fall back to it.
    for (let attempt = 0; attempt < 3; attempt += 1) {
      const host = `127.${randomInt(64, 128)}.${randomInt(256)}.${randomInt(1, 255)}`;
      const canary = await Canary.open({ listen: host, extraPorts, extraAddresses }).catch(() => null);
      if (canary?.listensAt(address)) return canary;
      await canary?.close();
    }
  }
  return await Canary.open({
    listen: localAddress,
    extraPorts,
    extraAddresses: extraAddresses.filter((host) => host !== localAddress),
  });
}

/** Both loopback addresses, and the machine's first other IPv4 address. */
function ownAddresses(): string[] {
  const others = Object.values(networkInterfaces()).flatMap((found) => found ?? []);
  const first = others.find(({ internal, family }) => !internal && family === 'IPv4');
  return ['127.0.0.1', '::1', ...(first === undefined ? [] : [first.address])];
}

/** `ADDR:PORT` of an option. @throws AuditInputError */
export function parseAddrPort(option: string, text: string): { host: string; port: number } {
  const { name, ports } = parseTarget(text, option);
  if (ports.length !== 1 || ports[0] === undefined)
    throw new AuditInputError(`${option} ${JSON.stringify(text)} has no port: give ADDR:PORT`);
  return { host: name, port: ports[0] };
}
