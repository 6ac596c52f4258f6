/** The part after the `@` of a mailbox (RFC 5321 section 4.1.2): a domain or an address literal, made comparable. */
import ipaddr from 'ipaddr.js';
import { isDottedQuad } from '../address/ip.ts';
import { isMalformed, parseAuthority } from './authority.ts';

const nameBytes = /^[A-Za-z0-9._\x80-\xff-]+$/;
const canonicalName = /^(?!-)[a-z0-9_-]{1,63}(?<!-)(?:\.(?!-)[a-z0-9_-]{1,63}(?<!-))*$/;
/** RFC 3696 section 2: no top-level domain is a number, so `127.1`, `2130706433` and `0x7f.1` are hidden addresses. */
const numericLast = /(?:^|\.)(?:\d+|0x[0-9a-f]*)$/;

/**
 * Canonical text of a domain: lower case, A-labels, one trailing dot taken off; a literal as `[192.0.2.1]` or
 * `[ipv6:2001:db8::1]` in its RFC 5952 spelling, an IPv4-mapped one as its IPv4 address. Two domains are
 * the same if and only if these texts are equal. Total.
 *
 * @param text one character per byte (latin1)
 * @returns null if the text is no domain
 */
export function canonicalMailDomain(text: string): string | null {
  if (text.startsWith('[')) return canonicalLiteral(text);
  if (!nameBytes.test(text)) return null;
  const authority = parseAuthority(text);
  if (isMalformed(authority) || authority.kind !== 'name') return null;
  const { host } = authority;
  if (host.length > 253 || !canonicalName.test(host) || numericLast.test(host)) return null;
  return host;
}

function canonicalLiteral(text: string): string | null {
  if (!text.endsWith(']')) return null;
  const inside = text.slice(1, -1);
  if (/^ipv6:/i.test(inside)) {
    const address = inside.slice(5);
    if (!/^[0-9A-Fa-f:.]+$/.test(address) || !ipaddr.IPv6.isValid(address)) return null;
    return addressLiteral(address);
  }
  // A strict dotted quad only: inet_aton() also takes [127.1] and [0x7f000001].
  return isDottedQuad(inside) ? `[${inside}]` : null;
}

/**
 * The canonical literal of an address, for mailboxes at this machine.
 *
 * @param address an IPv4 or IPv6 address as a socket reports it
 */
export function addressLiteral(address: string): string {
  const parsed = ipaddr.process(address.replace(/%.*$/s, ''));
  return parsed instanceof ipaddr.IPv6 ? `[ipv6:${parsed.toRFC5952String()}]` : `[${parsed.toString()}]`;
}

/** Lower-cases ASCII letters only. `toLowerCase` would change bytes of UTF-8, which are Latin-1 letters here. */
export const lowered = (text: string): string => text.replace(/[A-Z]+/g, (letters) => letters.toLowerCase());
