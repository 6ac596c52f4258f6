/** Where the canary listens, for one address of the server. */
import { randomInt } from 'node:crypto';
import { networkInterfaces } from 'node:os';
import { parseIp } from '../address/ip.ts';
import { specialRange } from '../address/special-ranges.ts';
import { Canary } from './canary.ts';
import { connectPorts } from './connect-techniques.ts';
import { AuditInputError, parseTarget } from './target.ts';

export interface CanaryWish {
  /** `ADDR:PORT` under which the server reaches it. @default the address that faces the server, any port */
  readonly canary?: string | undefined;
  /** `ADDR:PORT` that it listens on, where that differs. */
  readonly canaryListen?: string | undefined;
}

export interface Face {
  /** The audited address. */
  readonly address: string;
  /** The address of ours that the server sees. */
  readonly localAddress: string;
}

/**
 * Opens it, with ears at the ports that a server may choose by itself: 80 and 443, those of the service, and those that CONNECT
 * is often limited to.
 *
 * @throws AuditInputError where it cannot listen
 */
export async function openCanary(
  { canary, canaryListen }: CanaryWish,
  face: Face,
  ports: readonly number[],
): Promise<Canary> {
  const listen = canaryListen === undefined ? null : place('--canary-listen', canaryListen);
  try {
    if (canary === undefined) return await facing(face, listen, [...new Set([...connectPorts, ...ports])]);
    const { host, port } = place('--canary', canary);
    const named = { host, externalPort: port };
    if (listen !== null) return await Canary.open({ listen: listen.host, port: listen.port, ...named });
    try {
      return await Canary.open({ listen: host, port, ...named });
    } catch (error) {
      // The name of a router that passes the port on to us.
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

async function facing(
  { address, localAddress }: Face,
  listen: { host: string; port: number } | null,
  ears: readonly number[],
): Promise<Canary> {
  if (listen !== null) return await Canary.open({ listen: listen.host, port: listen.port, ears });
  const ours = ownAddresses();
  // On the server's own machine the canary goes by all its addresses: a rule may spare some of them.
  const here = ours.includes(address) || specialRange(address) === 'loopback';
  const beside = here ? [...new Set([address, ...ours])] : [];
  if (/^127\./.test(address)) {
    // An address of its own, whose ports nobody has yet. Where the system knows 127.0.0.1 alone, that has to do.
    for (let attempt = 0; attempt < 3; attempt += 1) {
      const host = `127.${randomInt(64, 128)}.${randomInt(256)}.${randomInt(1, 255)}`;
      const canary = await Canary.open({ listen: host, ears, beside }).catch(() => null);
      if (canary?.hears(address)) return canary;
      await canary?.close();
    }
  }
  return await Canary.open({
    listen: localAddress,
    ears,
    beside: beside.filter((host) => host !== localAddress),
  });
}

/** Both loopbacks, and the first IPv4 address of the machine's own. */
function ownAddresses(): string[] {
  const others = Object.values(networkInterfaces()).flatMap((found) => found ?? []);
  const first = others.find(({ internal, family }) => !internal && family === 'IPv4');
  return ['127.0.0.1', '::1', ...(first === undefined ? [] : [first.address])];
}

/** `ADDR:PORT` of an option. @throws AuditInputError */
export function place(option: string, text: string): { host: string; port: number } {
  const { name, ports } = parseTarget(text, option);
  if (ports.length !== 1 || ports[0] === undefined)
    throw new AuditInputError(`${option} ${JSON.stringify(text)} has no port: give ADDR:PORT`);
  return { host: name, port: ports[0] };
}
