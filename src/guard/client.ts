/** Who is at the other end: the peer's address, or the address a trusted proxy vouches for. */
import { clientPrefix, parseIp, unmapped, withoutZone } from '../address/ip.ts';
import type { PrefixSet } from '../address/prefix-set.ts';
import { type Standing, stranger } from '../rules/http.ts';

export interface Client extends Standing {
  /** Canonical address; IPv4-mapped IPv6 folded into IPv4. */
  readonly address: string;
  /** The prefix it is counted and banned by. */
  readonly prefix: string;
}

/** A set of addresses: a `PrefixSet`, or whoever can be asked. */
export interface Addresses {
  contains(address: string): boolean;
}

export interface ClientRules {
  /** Peers whose X-Forwarded-For is believed. */
  readonly trustedProxies: Addresses;
  /** Never banned, never limited. */
  readonly allowed: PrefixSet;
}

/** Kept on the socket itself: the stand-ins for it that HTTP/2 hands out, one a stream, pass the property on. */
const peer = Symbol('sekisho.peer');

/** As much of a socket as is needed to tell its peer. */
export interface PeerSocket {
  readonly remoteAddress?: string | undefined;
  [peer]?: Client;
}

/** The peer of a socket; looked up once a connection, since an address is parsed for it. */
export function peerOf(socket: PeerSocket, rules: ClientRules): Client {
  socket[peer] ??= clientAt(socket.remoteAddress ?? '', rules);
  return socket[peer];
}

/** From now on the peer of the socket is whom a balancer speaks for on it (PROXY protocol), and not the balancer. */
export function namePeer(socket: PeerSocket, address: string, rules: ClientRules): void {
  socket[peer] = clientAt(address, rules);
}

/** The other one is a stand-in for the connection. */
export function samePeer(socket: PeerSocket, other: PeerSocket): void {
  if (socket[peer] !== undefined) other[peer] = socket[peer];
}

/**
 * The client of a request: walks X-Forwarded-For from the right as long as the addresses are trusted proxies', so that
 * what a client wrote itself is never believed.
 */
export function clientOf(connected: Client, rawHeaders: readonly string[], rules: ClientRules): Client {
  if (!connected.trusted) return connected;
  const chain: string[] = [];
  for (let i = 0; i < rawHeaders.length; i += 2) {
    if (rawHeaders[i]!.length === 15 && rawHeaders[i]!.toLowerCase() === 'x-forwarded-for') {
      chain.push(...rawHeaders[i + 1]!.split(',').map((address) => address.trim()));
    }
  }
  let client = connected;
  for (let i = chain.length - 1; i >= 0 && client.trusted; i--) {
    const next = clientAt(chain[i]!, rules);
    if (next.prefix === '') break;
    client = next;
  }
  // The peer's trust is what lets its X-Forwarded-Host be believed; the client's own address decides on bans.
  return { ...client, trusted: true };
}

function clientAt(text: string, rules: ClientRules): Client {
  const ip = parseIp(withoutZone(text));
  const prefix = clientPrefix(text);
  if (ip === null || prefix === null) return { ...stranger, address: text, prefix: '' };
  const address = unmapped(ip).text;
  return {
    address,
    prefix,
    trusted: rules.trustedProxies.contains(address),
    allowed: rules.allowed.contains(address),
    banned: false,
  };
}
