/** Where a proxy of MASQUE is asked to connect to: RFC 9298 section 3.1, RFC 9484 section 3, draft-ietf-httpbis-connect-tcp. */
import { isMalformed, parseAuthority } from './authority.ts';

/** `…/masque/udp/HOST/PORT/`, and `ip` and `tcp` alike; what stands behind `ip` and its target is a protocol, not a port. */
const inPath = /\/(udp|tcp|ip)\/([^/?]{1,300})\/([^/?]{1,10})\/?(?:\?|$)/;
/** The other template of the RFC: `/masque?h=HOST&p=PORT`. */
const inQuery = (name: string): RegExp => new RegExp(`[?&](?:${name})=([^&]{1,300})`);
const hostParameter = inQuery('h|host|target_host|target');
const portParameter = inQuery('p|port|target_port');

/**
 * The host and the port that the path of such a request names; null where it names none. Total.
 *
 * @param path with its query
 */
export function masqueTarget(path: string): { host: string; port: number | null } | null {
  const [, kind, host = hostParameter.exec(path)?.[1], last = portParameter.exec(path)?.[1]] =
    inPath.exec(path) ?? [];
  // `*` leaves it open (RFC 9484 section 4.6).
  if (host === undefined || host === '*') return null;
  const text = decoded(host);
  const authority = parseAuthority(text.includes(':') && !text.startsWith('[') ? `[${text}]` : text);
  if (isMalformed(authority) || authority.userinfo !== null) return null;
  const port = kind !== 'ip' && /^\d{1,5}$/.test(last ?? '') ? Number(last) : null;
  return { host: authority.host, port: port !== null && port <= 65_535 ? port : null };
}

/** Of an IPv6 address every colon is percent-encoded. */
const decoded = (text: string): string =>
  text.replace(/%([0-9A-Fa-f]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
