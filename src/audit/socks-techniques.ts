/** SOCKS requests for the canary; once granted, a request to the canary goes through the server. */
import { parseIp } from '../address/ip.ts';
import { specialRange } from '../address/special-ranges.ts';
import type { AuditContext } from './audit-context.ts';
import type { Challenge } from './canary.ts';
import type { Connection } from './connection.ts';
import type { Outcome, TechniqueId } from './finding.ts';
import { greetingMarks } from './internal-services.ts';
import { proofOf, proven } from './proof.ts';

export interface SocksTechnique {
  readonly id: TechniqueId;
  readonly sent: string;
  readonly version: 4 | 5;
  /** How the canary is named. */
  readonly by: 'address' | 'domain';
  /** Offers password authentication and sends a made-up user name and password. */
  readonly password?: true;
  /** Port at the canary's address. @default the canary's */
  readonly port?: number;
  /** Another host of the canary; null skips the technique. @default its own */
  readonly host?: (context: AuditContext) => string | null;
}

const listeningAt =
  (address: string, name = address) =>
  ({ canary }: AuditContext): string | null =>
    canary.listensAt(address) && canary.host !== address ? name : null;

export const socksTechniques: readonly SocksTechnique[] = [
  { id: 'socks4', sent: 'SOCKS4 CONNECT by address', version: 4, by: 'address' },
  { id: 'socks4/domain', sent: 'SOCKS4a CONNECT by domain', version: 4, by: 'domain' },
  { id: 'socks5', sent: 'SOCKS5 CONNECT by address', version: 5, by: 'address' },
  { id: 'socks5/domain', sent: 'SOCKS5 CONNECT by domain', version: 5, by: 'domain' },
  {
    id: 'socks5/any-password',
    sent: 'SOCKS5 CONNECT with a made-up password',
    version: 5,
    by: 'address',
    password: true,
  },
  // Some servers allow only web ports, others also mail ports.
  { id: 'socks4/port-443', sent: 'SOCKS4 CONNECT', version: 4, by: 'address', port: 443 },
  { id: 'socks5/port-443', sent: 'SOCKS5 CONNECT', version: 5, by: 'address', port: 443 },
  { id: 'socks5/port-25', sent: 'SOCKS5 CONNECT', version: 5, by: 'address', port: 25 },
  {
    id: 'socks5/localhost',
    sent: 'SOCKS5 CONNECT',
    version: 5,
    by: 'domain',
    host: listeningAt('127.0.0.1', 'localhost'),
  },
  {
    id: 'socks5/loopback',
    sent: 'SOCKS5 CONNECT',
    version: 5,
    by: 'address',
    host: listeningAt('127.0.0.1'),
  },
  {
    id: 'socks5/outside-address',
    sent: 'SOCKS5 CONNECT',
    version: 5,
    by: 'address',
    host: ({ canary }) => canary.extraAddresses.find((host) => specialRange(host) !== 'loopback') ?? null,
  },
];

/** The destination of a technique; null if it cannot name it: by address, SOCKS4 takes only IPv4 and SOCKS5 no host name. */
export function socksDestination(
  technique: SocksTechnique,
  context: AuditContext,
): { host: string; port: number } | null {
  const { version, by, host: other, port } = technique;
  const { canary } = context;
  const host = other === undefined ? canary.host : other(context);
  if (host === null) return null;
  const family = parseIp(host)?.family;
  const nameable = by === 'domain' || family === 4 || (family === 6 && version === 5);
  return nameable ? { host, port: port ?? canary.port } : null;
}

/**
 * Runs one technique.
 *
 * @param speaksOther the port speaks another protocol, so silence is a refusal
 * @throws UnreachableError, BudgetError
 */
export async function runSocks(
  technique: SocksTechnique,
  context: AuditContext,
  speaksOther: boolean,
): Promise<Outcome> {
  const connection = await context.dial({ tls: false });
  try {
    return await (technique.version === 4 ? socks4 : socks5)(technique, context, connection, speaksOther);
  } finally {
    connection.close();
  }
}

const portBytes = (number: number): number[] => [number >> 8, number & 0xff];

async function socks4(
  technique: SocksTechnique,
  context: AuditContext,
  connection: Connection,
  speaksOther: boolean,
): Promise<Outcome> {
  const { by } = technique;
  const { patience } = context;
  const { host, port } = socksDestination(technique, context)!;
  // SOCKS4a: an address 0.0.0.x means that a host name follows the user id.
  const bytes = by === 'address' ? parseIp(host)!.bytes : [0, 0, 0, 1];
  const name = by === 'domain' ? `${host}\0` : '';
  connection.send(
    Buffer.concat([Buffer.from([4, 1, ...portBytes(port), ...bytes]), Buffer.from(`audit\0${name}`)]),
  );
  const reply = await connection.until(
    (bytes) => bytes.length >= 8 || (bytes.length > 0 && bytes[0] !== 0),
    speaksOther ? Math.min(patience, 1_000) : patience,
  );
  if (reply.length === 0 || reply[0] !== 0 || reply.length < 8) {
    return noSocks(reply, connection, speaksOther, patience);
  }
  if (reply[1] === 0x5b && !context.sharesMachine) {
    // SOCKS4 has one code for "not allowed" and "could not connect". On another machine, it may just fail to reach the canary.
    return {
      result: 'unclear',
      why: "SOCKS4 request rejected or failed; can the server reach the canary's address?",
    };
  }
  if (reply[1] !== 0x5a) return { result: 'refuses', why: `SOCKS4 request rejected (code ${reply[1]})` };
  return await fetchThrough(context.canary.newChallenge(), context, connection, 'SOCKS4 request granted');
}

async function socks5(
  technique: SocksTechnique,
  context: AuditContext,
  connection: Connection,
  speaksOther: boolean,
): Promise<Outcome> {
  const { by, password } = technique;
  const { patience } = context;
  const { host, port } = socksDestination(technique, context)!;
  connection.send(Buffer.from(password ? [5, 1, 2] : [5, 1, 0]));
  const greeting = await connection.until(
    (bytes) => bytes.length >= 2 || (bytes.length > 0 && bytes[0] !== 5),
    speaksOther ? Math.min(patience, 1_000) : patience,
  );
  if (greeting[0] !== 5 || greeting.length < 2) return noSocks(greeting, connection, speaksOther, patience);
  if (greeting[1] === 0xff) {
    return {
      result: 'refuses',
      why: password ? 'SOCKS5, no password authentication' : 'SOCKS5, requires authentication',
    };
  }
  let seen = 2;
  if (password) {
    // RFC 1929 section 2: version, user name, password.
    connection.send(Buffer.from('\x01\x07sekisho\x05audit', 'latin1'));
    seen = 4;
    const login = await connection.until((bytes) => bytes.length >= seen, patience);
    if (login[3] !== 0) return { result: 'refuses', why: 'SOCKS5, password refused' };
  }
  const ip = parseIp(host);
  const name = Buffer.from(host, 'latin1');
  const address =
    by === 'domain' || ip === null
      ? Buffer.concat([Buffer.from([3, name.length]), name])
      : Buffer.from([ip.family === 4 ? 1 : 4, ...ip.bytes]);
  connection.send(Buffer.concat([Buffer.from([5, 1, 0]), address, Buffer.from(portBytes(port))]));
  const reply = await connection.until((bytes) => bytes.length >= seen + 10, patience, 500);
  const code = reply[seen + 1];
  if (code === undefined) {
    return connection.ended === null
      ? { result: 'unclear', why: `SOCKS5, no answer to the request within ${patience / 1000} s` }
      : { result: 'refuses', why: 'SOCKS5, closed the connection on the request' };
  }
  if (code === 2) return { result: 'refuses', why: 'SOCKS5, not allowed by its rules (code 2)' };
  if (code !== 0) {
    return {
      result: code === 7 || code === 8 ? 'refuses' : 'unclear',
      why: `SOCKS5, the connection failed (code ${code}); can the server reach the canary's address?`,
    };
  }
  return await fetchThrough(context.canary.newChallenge(), context, connection, 'SOCKS5 request granted');
}

async function fetchThrough(
  challenge: Challenge,
  context: AuditContext,
  connection: Connection,
  granted: string,
): Promise<Outcome> {
  const since = { count: context.canary.count, anyConnection: false };
  connection.send(`GET ${challenge.path} HTTP/1.0\r\nHost: ${context.canary.authority}\r\n\r\n`);
  const bytes = await connection.until((bytes) => bytes.includes(challenge.answer), context.patience);
  const relayed = proven(proofOf(context, challenge, bytes, since), null);
  if (relayed !== null) return { result: 'relays', why: `${granted}: ${relayed.why}` };
  const greeting = greetingMarks.exec(bytes.toString('latin1').slice(granted.startsWith('SOCKS4') ? 8 : 10));
  if (greeting !== null) return { result: 'relays', why: `${granted}: the server behind it sent a greeting` };
  return { result: 'unclear', why: `${granted}, but the canary was not reached through it` };
}

function noSocks(bytes: Buffer, { ended }: Connection, speaksOther: boolean, patience: number): Outcome {
  if (bytes.length > 0) return { result: 'refuses', why: 'does not speak SOCKS here' };
  if (ended !== null) return { result: 'refuses', why: 'closed the connection without an answer' };
  return speaksOther
    ? { result: 'refuses', why: 'does not answer SOCKS here' }
    : { result: 'unclear', why: `no answer within ${patience / 1000} s` };
}
