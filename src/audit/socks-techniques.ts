/** SOCKS requests for the canary; once granted, the canary is asked through the server. */
import { parseIp } from '../address/ip.ts';
import { specialRange } from '../address/special-ranges.ts';
import { proven } from './answer.ts';
import type { Ask } from './canary.ts';
import type { Connection } from './connection.ts';
import { proofOf } from './evidence.ts';
import type { Outcome, TechniqueId } from './finding.ts';
import type { Ground } from './ground.ts';
import { greetingMarks } from './own-services.ts';

export interface SocksTechnique {
  readonly id: TechniqueId;
  readonly sent: string;
  readonly version: 4 | 5;
  /** How the canary is named. */
  readonly by: 'address' | 'domain';
  /** Offers a user name and password, and gives made-up ones. */
  readonly password?: true;
  /** Port of the canary's address. @default the canary's */
  readonly port?: number;
  /** Another address of the canary's; null where there is none. @default its own */
  readonly host?: (ground: Ground) => string | null;
}

const hearing =
  (address: string, name = address) =>
  ({ canary }: Ground): string | null =>
    canary.hears(address) && canary.host !== address ? name : null;

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
  // Limited to the ports of the web, or open to those of mail.
  { id: 'socks4/port-443', sent: 'SOCKS4 CONNECT', version: 4, by: 'address', port: 443 },
  { id: 'socks5/port-443', sent: 'SOCKS5 CONNECT', version: 5, by: 'address', port: 443 },
  { id: 'socks5/port-25', sent: 'SOCKS5 CONNECT', version: 5, by: 'address', port: 25 },
  {
    id: 'socks5/localhost',
    sent: 'SOCKS5 CONNECT',
    version: 5,
    by: 'domain',
    host: hearing('127.0.0.1', 'localhost'),
  },
  { id: 'socks5/loopback', sent: 'SOCKS5 CONNECT', version: 5, by: 'address', host: hearing('127.0.0.1') },
  {
    id: 'socks5/outside-address',
    sent: 'SOCKS5 CONNECT',
    version: 5,
    by: 'address',
    host: ({ canary }) => canary.beside.find((host) => specialRange(host) !== 'loopback') ?? null,
  },
];

/** Where a technique goes; null where it cannot name such a place: SOCKS4 knows IPv4 only, and a name is no address. */
export function socksPlace(technique: SocksTechnique, ground: Ground): { host: string; port: number } | null {
  const { version, by, host: other, port } = technique;
  const { canary } = ground;
  const host = other === undefined ? canary.host : other(ground);
  if (host === null) return null;
  const family = parseIp(host)?.family;
  const nameable = by === 'domain' || family === 4 || (family === 6 && version === 5);
  return nameable ? { host, port: port ?? canary.port } : null;
}

/**
 * Runs one technique.
 *
 * @param speaksOther the port speaks another protocol: silence is then a refusal
 * @throws UnreachableError, BudgetError
 */
export async function runSocks(
  technique: SocksTechnique,
  ground: Ground,
  speaksOther: boolean,
): Promise<Outcome> {
  const connection = await ground.dial({ tls: false });
  try {
    return await (technique.version === 4 ? socks4 : socks5)(technique, ground, connection, speaksOther);
  } finally {
    connection.close();
  }
}

const portBytes = (number: number): number[] => [number >> 8, number & 0xff];

async function socks4(
  technique: SocksTechnique,
  ground: Ground,
  connection: Connection,
  speaksOther: boolean,
): Promise<Outcome> {
  const { by } = technique;
  const { patience } = ground;
  const { host, port } = socksPlace(technique, ground)!;
  // SOCKS4a: an address 0.0.0.x says that a name follows the user id.
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
  if (reply[1] === 0x5b && !ground.sharesMachine) {
    // One code for "not allowed" and "could not connect": from afar nobody knows that it could have.
    return {
      result: 'unclear',
      why: "SOCKS4 request rejected or failed; can the server reach the canary's address?",
    };
  }
  if (reply[1] !== 0x5a) return { result: 'refuses', why: `SOCKS4 request rejected (code ${reply[1]})` };
  return await askThrough(ground.canary.newAsk(), ground, connection, 'SOCKS4 request granted');
}

async function socks5(
  technique: SocksTechnique,
  ground: Ground,
  connection: Connection,
  speaksOther: boolean,
): Promise<Outcome> {
  const { by, password } = technique;
  const { patience } = ground;
  const { host, port } = socksPlace(technique, ground)!;
  connection.send(Buffer.from(password ? [5, 1, 2] : [5, 1, 0]));
  const greeting = await connection.until(
    (bytes) => bytes.length >= 2 || (bytes.length > 0 && bytes[0] !== 5),
    speaksOther ? Math.min(patience, 1_000) : patience,
  );
  if (greeting[0] !== 5 || greeting.length < 2) return noSocks(greeting, connection, speaksOther, patience);
  if (greeting[1] === 0xff) {
    return {
      result: 'refuses',
      why: password ? 'SOCKS5, no password wanted' : 'SOCKS5, wants authentication',
    };
  }
  let seen = 2;
  if (password) {
    // RFC 1929 section 2.
    connection.send(Buffer.from('\x01\x07sekisho\x05audit', 'latin1'));
    seen = 4;
    const login = await connection.until((bytes) => bytes.length >= seen, patience);
    if (login[3] !== 0) return { result: 'refuses', why: 'SOCKS5, the password was refused' };
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
      : { result: 'refuses', why: 'SOCKS5, closed at the request' };
  }
  if (code === 2) return { result: 'refuses', why: 'SOCKS5, not allowed by its rules (code 2)' };
  if (code !== 0) {
    return {
      result: code === 7 || code === 8 ? 'refuses' : 'unclear',
      why: `SOCKS5, the connection failed (code ${code}); can the server reach the canary's address?`,
    };
  }
  return await askThrough(ground.canary.newAsk(), ground, connection, 'SOCKS5 request granted');
}

async function askThrough(
  ask: Ask,
  ground: Ground,
  connection: Connection,
  granted: string,
): Promise<Outcome> {
  const since = { count: ground.canary.count, silent: false };
  connection.send(`GET ${ask.path} HTTP/1.0\r\nHost: ${ground.canary.authority}\r\n\r\n`);
  const bytes = await connection.until((bytes) => bytes.includes(ask.answer), ground.patience);
  const relayed = proven(proofOf(ground, ask, bytes, since), null);
  if (relayed !== null) return { result: 'relays', why: `${granted}: ${relayed.why}` };
  const greeting = greetingMarks.exec(bytes.toString('latin1').slice(granted.startsWith('SOCKS4') ? 8 : 10));
  if (greeting !== null) return { result: 'relays', why: `${granted}: a server behind it greeted` };
  return { result: 'unclear', why: `${granted}, but the canary was not reached through it` };
}

function noSocks(bytes: Buffer, { ended }: Connection, speaksOther: boolean, patience: number): Outcome {
  if (bytes.length > 0) return { result: 'refuses', why: 'does not speak SOCKS here' };
  if (ended !== null) return { result: 'refuses', why: 'closed the connection without an answer' };
  return speaksOther
    ? { result: 'refuses', why: 'does not answer SOCKS here' }
    : { result: 'unclear', why: `no answer within ${patience / 1000} s` };
}
