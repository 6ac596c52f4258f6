/** Reads SOCKS4, SOCKS4a and SOCKS5 (RFC 1928) requests, with the destination that the sender wants. */
import ipaddr from 'ipaddr.js';

export interface SocksRequest {
  readonly version: '4' | '4a' | '5';
  readonly command: 'connect' | 'bind' | 'associate' | 'unknown';
  /** Address or name as requested, IPv6 in brackets; empty if it is cut off. */
  readonly host: string;
  readonly port: number;
  /** These bytes hold the whole request. */
  readonly complete: boolean;
}

/** A SOCKS5 greeting (RFC 1928 section 3). */
export interface SocksGreeting {
  /** The authentication methods offered: 0 none, 2 user name and password. */
  readonly methods: readonly number[];
  /** Length of the greeting; more than there are bytes if it is cut off. */
  readonly length: number;
}

const commands = { 1: 'connect', 2: 'bind', 3: 'associate' } as const;
const commandOf = (byte: number | undefined): SocksRequest['command'] =>
  commands[byte as 1 | 2 | 3] ?? 'unknown';

/** Longer fields are cut: a sender could make them endless. */
const maxField = 255;

/** Reads a SOCKS4 or SOCKS4a request. Total; null if the bytes do not begin one, or are too few to name a port. */
export function parseSocks4(bytes: Uint8Array): SocksRequest | null {
  if (bytes[0] !== 4 || bytes.length < 8) return null;
  const port = bytes[2]! * 256 + bytes[3]!;
  const command = commandOf(bytes[1]);
  const userEnd = bytes.indexOf(0, 8);
  // SOCKS4a: the address 0.0.0.x, x not zero, says that a name follows the user id.
  const named = bytes[4] === 0 && bytes[5] === 0 && bytes[6] === 0 && bytes[7] !== 0;
  if (!named)
    return { version: '4', command, host: bytes.subarray(4, 8).join('.'), port, complete: userEnd !== -1 };
  if (userEnd === -1) return { version: '4a', command, host: '', port, complete: false };
  const nameEnd = bytes.indexOf(0, userEnd + 1);
  const name = bytes.subarray(
    userEnd + 1,
    Math.min(nameEnd === -1 ? bytes.length : nameEnd, userEnd + 1 + maxField),
  );
  return { version: '4a', command, host: text(name), port, complete: nameEnd !== -1 };
}

/** Reads a SOCKS5 greeting. Total; null if the bytes do not begin one. */
export function parseSocks5Greeting(bytes: Uint8Array): SocksGreeting | null {
  const count = bytes[1];
  if (bytes[0] !== 5 || count === undefined || count === 0) return null;
  return { methods: [...bytes.subarray(2, 2 + count)], length: 2 + count };
}

/** Reads a SOCKS5 request (RFC 1928 section 4). Total; null if the bytes do not hold one up to its port. */
export function parseSocks5Request(bytes: Uint8Array): SocksRequest | null {
  if (bytes[0] !== 5 || bytes.length < 5) return null;
  const start = bytes[3] === 3 ? 5 : 4;
  const length = addressLength(bytes);
  const end = start + length;
  if (length === 0 || bytes.length < end + 2) return null;
  const address = bytes.subarray(start, end);
  const host =
    bytes[3] === 3
      ? text(address)
      : bytes[3] === 4
        ? `[${new ipaddr.IPv6([...address]).toRFC5952String()}]`
        : address.join('.');
  return {
    version: '5',
    command: commandOf(bytes[1]),
    host,
    port: bytes[end]! * 256 + bytes[end + 1]!,
    complete: true,
  };
}

function addressLength(bytes: Uint8Array): number {
  switch (bytes[3]) {
    case 1:
      return 4;
    case 3:
      return bytes[4]!;
    case 4:
      return 16;
    default:
      return 0;
  }
}

const text = (bytes: Uint8Array): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
