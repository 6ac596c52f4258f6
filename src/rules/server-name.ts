/** Names in TLS hellos: a server that passes TLS on by that name (an SNI proxy) relays whatever is inside. */
import { isMalformed, parseAuthority } from '../wire/authority.ts';
import type { Wanted } from './intent.ts';
import type { SiteTable } from './site-table.ts';

/** Whether a site has this name. It may be an address of ours too, although RFC 6066 section 3 does not allow one. */
export function isOwnName(sites: SiteTable, name: string): boolean {
  const authority = parseAuthority(name);
  return !isMalformed(authority) && authority.userinfo === null && sites.find(authority.host) !== undefined;
}

/** The destination that an SNI proxy would connect to. */
export function wantedByName(name: string): Wanted {
  const authority = parseAuthority(name);
  const host = isMalformed(authority) ? '' : authority.host;
  return { host, port: 443, path: '', text: `${name}:443` };
}
