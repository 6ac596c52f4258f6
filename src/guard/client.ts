/** The client of a request: the peer's address, or the address that a trusted proxy vouches for. */

import { forwardedAddress, forwardedForMembers, forwardedMembers } from '../address/forwarded-for.ts';
import { clientPrefix, parseIp, unmapped, withoutZone } from '../address/ip.ts';
import type { PrefixSet } from '../address/prefix-set.ts';
import { type ClientStatus, stranger } from '../rules/sightings.ts';
import { is } from '../wire/field-names.ts';

export interface Client extends ClientStatus {
  /** Canonical address; IPv4-mapped IPv6 folded into IPv4. */
  readonly address: string;
  /** The prefix it is counted and banned by; empty: not counted. */
  readonly prefix: string;
}

/** A set of addresses: a `PrefixSet`, or anything that answers the same question. */
export interface Addresses {
  contains(address: string): boolean;
}

export interface ClientRules {
  /** Peers whose X-Forwarded-For, or Forwarded, is believed. */
  readonly trustedProxies: Addresses;
  /** Never banned, never limited. */
  readonly allowed: PrefixSet;
}

/** Kept on the socket: the per-stream socket proxies of Node's HTTP/2 pass the property on. */
const peer = Symbol('sekisho.peer');
const certificateName = Symbol('sekisho.certificateName');

/** The part of a socket that identifies its peer. */
export interface PeerSocket {
  readonly remoteAddress?: string | undefined;
  [peer]?: Client;
  [certificateName]?: string;
}

/** The peer of a socket, computed once per connection, since it parses an address. */
export function peerOf(socket: PeerSocket, rules: ClientRules): Client {
  socket[peer] ??= clientAt(socket.remoteAddress ?? '', rules);
  return socket[peer];
}

/** From now on the peer is the client that the balancer named (PROXY protocol), not the balancer. */
export function namePeer(socket: PeerSocket, address: string, rules: ClientRules): void {
  socket[peer] = clientAt(address, rules);
}

/** @param name subject of the verified client certificate (RFC 4514) */
export function nameByCertificate(socket: PeerSocket, name: string): void {
  socket[certificateName] = name;
}

/** Null: the client sent no certificate. */
export const certificateNameOf = (socket: PeerSocket): string | null => socket[certificateName] ?? null;

/**
 * The client of a request: walks X-Forwarded-For from the right past the addresses of trusted proxies, so that entries written by
 * the client itself are never believed. Without X-Forwarded-For it walks Forwarded.
 *
 * Where the proxy does not name its client, the request is not counted: counted for the proxy, one client could get everyone
 * behind it limited.
 */
export function clientOf(connected: Client, rawHeaders: readonly string[], rules: ClientRules): Client {
  if (!connected.trusted) return connected;
  let chain = members(rawHeaders, 'x-forwarded-for', forwardedForMembers);
  if (chain.length === 0) chain = members(rawHeaders, 'forwarded', forwardedMembers);
  let client = connected;
  for (let i = chain.length - 1; i >= 0 && client.trusted; i--) {
    const address = forwardedAddress(chain[i]!);
    if (address === null) return nobody(connected);
    client = clientAt(address, rules);
  }
  // `trusted` stays that of the peer, for its X-Forwarded-Host; bans go by the client's own address.
  return client === connected ? nobody(connected) : { ...client, trusted: true };
}

/** Never banned nor limited, as an allowed client; reported with the address of the proxy. */
const nobody = (proxy: Client): Client => ({ ...proxy, prefix: '', allowed: true });

function members(
  rawHeaders: readonly string[],
  field: string,
  read: (value: string) => string[],
): readonly string[] {
  const found: string[] = [];
  for (let i = 0; i < rawHeaders.length; i += 2)
    if (rawHeaders[i]!.length === field.length && is(rawHeaders[i]!, field))
      found.push(...read(rawHeaders[i + 1]!));
  return found;
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
    allowed: rules.allowed.containsClient(address),
    banned: false,
  };
}
