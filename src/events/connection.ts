/** The connection of a probe, for events: behind carrier-grade NAT only address, ports and time identify the subscriber (RFC 6302). */
import { randomBytes } from 'node:crypto';

/** Unknown fields are absent. Plain data. */
export interface ConnectionFacts {
  /** TCP port of the client. Absent behind a proxy, where it would be the port of the proxy. */
  readonly clientPort?: number | null;
  /** Our address and TCP port. */
  readonly localAddress?: string | null;
  readonly localPort?: number | null;
  /** Id of the connection, shared by all its events. */
  readonly session?: string | null;
  /** Name in the TLS hello (RFC 6066 section 3), escaped to printable ASCII. */
  readonly sni?: string | null;
  /** Protocol: an ALPN id (`http/1.1`, `h2`), `smtp`, or one detected by a decoy (`socks5`). */
  readonly protocol?: string | null;
  /** Command of a SOCKS request: `connect`, `bind`, `associate`, `unknown`. */
  readonly command?: string | null;
  /** Keyed hash of the name and password offered to a decoy; the key lives as long as the process. */
  readonly credentialHash?: string | null;
}

export const connectionFields = [
  'clientPort',
  'localAddress',
  'localPort',
  'session',
  'sni',
  'protocol',
  'command',
  'credentialHash',
] as const satisfies (keyof ConnectionFacts)[];

/** Unique per process. */
const process = randomBytes(5).toString('hex');
let connections = 0;

/** An id for a connection, unique across processes. */
export const sessionId = (): string => `${process}-${(++connections).toString(36)}`;
