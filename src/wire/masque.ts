/** The destination of a MASQUE request: RFC 9298 section 3.1, RFC 9484 section 3, draft-ietf-httpbis-connect-tcp. */
import { isMalformed, parseAuthority } from './authority.ts';
import { percentDecoded } from './percent.ts';

/** `…/masque/udp/HOST/PORT/`, and the same with `ip` and `tcp`; after `ip` and its target there is a protocol, not a port. */
const inPath = /\/(udp|tcp|ip)\/([^/?]{1,300})\/([^/?]{1,10})\/?(?:\?|$)/;
/** The other template of the RFC: `/masque?h=HOST&p=PORT`. */
const inQuery = (name: string): RegExp => new RegExp(`[?&](?:${name})=([^&]{1,300})`);
const hostParameter = inQuery('h|host|target_host|target');
const portParameter = inQuery('p|port|target_port');

/**
 * The host and port in the path of a MASQUE request; null if it names none. Total.
 *
 * @param path with its query
 */
export function masqueTarget(path: string): { host: string; port: number | null } | null {
  const [, kind, host = hostParameter.exec(path)?.[1], last = portParameter.exec(path)?.[1]] =
    inPath.exec(path) ?? [];
  // `*` stands for any host (RFC 9484 section 4.6).
  if (host === undefined || host === '*') return null;
  // Every colon of an IPv6 address is percent-encoded.
  const text = percentDecoded(host);
  const authority = parseAuthority(text.includes(':') && !text.startsWith('[') ? `[${text}]` : text);
  if (isMalformed(authority) || authority.userinfo !== null) return null;
  const port = kind !== 'ip' && /^\d{1,5}$/.test(last ?? '') ? Number(last) : null;
  return { host: authority.host, port: port !== null && port <= 65_535 ? port : null };
}
