/** What is kept of the connection of a probe: without both ports and the time no carrier can tell whose it was (RFC 6302). */
import { randomBytes } from 'node:crypto';

/** All absent where it is not known. Plain data. */
export interface ConnectionFacts {
  /** TCP port of the client. Absent behind a proxy: the port is the proxy's then. */
  readonly clientPort?: number | null;
  /** Our address and TCP port that it came to. */
  readonly localAddress?: string | null;
  readonly localPort?: number | null;
  /** The same for all that came in on one connection. */
  readonly session?: string | null;
  /** Name in the TLS hello (RFC 6066 section 3), escaped to printable ASCII. */
  readonly sni?: string | null;
  /** What was spoken: an ALPN id (`http/1.1`, `h2`), `smtp`, or what a decoy was sent (`socks5`). */
  readonly protocol?: string | null;
  /** What a SOCKS request asked for: `connect`, `bind`, `associate`, `unknown`. */
  readonly command?: string | null;
  /** A keyed hash of the name and password that were offered to a decoy; the key ends with the program. */
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

/** Tells processes and starts apart. */
const process = randomBytes(5).toString('hex');
let connections = 0;

/** A name for a connection that no other one has, in this process or another. */
export const sessionId = (): string => `${process}-${(++connections).toString(36)}`;
