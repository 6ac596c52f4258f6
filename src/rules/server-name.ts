/** Names in TLS hellos: a server that passes TLS on by that name relays whatever is inside. */
import { isMalformed, parseAuthority } from '../wire/authority.ts';
import type { Wanted } from './intent.ts';
import type { SiteTable } from './site-table.ts';

/** Whether a site is called so. An address, which RFC 6066 section 3 does not allow, may be one of ours too. */
export function isOwnName(sites: SiteTable, name: string): boolean {
  const authority = parseAuthority(name);
  return !isMalformed(authority) && authority.userinfo === null && sites.find(authority.host) !== undefined;
}

/** Where a proxy that goes by the name would connect to. */
export function wantedByName(name: string): Wanted {
  const authority = parseAuthority(name);
  const host = isMalformed(authority) ? '' : authority.host;
  return { host, port: 443, path: '', text: `${name}:443` };
}
