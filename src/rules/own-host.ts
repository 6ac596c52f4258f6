/** Foreign hosts in texts that may name a host: field values, URLs, paths. */
import { type Authority, isMalformed, parseAuthority } from '../wire/authority.ts';
import { parseRequestTarget } from '../wire/request-target.ts';
import type { SiteTable } from './site-table.ts';

/** A foreign host named in a text, and where. */
export interface ForeignName {
  readonly start: number;
  readonly end: number;
  readonly authority: Authority | null;
  /** Path and query after the authority. */
  readonly path: string;
}

const isOwn = (sites: SiteTable, text: string): Authority | boolean => {
  const authority = parseAuthority(text);
  if (isMalformed(authority)) return false;
  return sites.find(authority.host) !== undefined ? true : authority;
};

/** The first foreign member of a list of hosts (`X-Forwarded-Host: a, b`). */
export function foreignHostInList(sites: SiteTable, value: string): ForeignName | null {
  for (const match of value.matchAll(/[^,\s][^,]*/g)) {
    const text = match[0].trimEnd();
    const own = isOwn(sites, text);
    if (own !== true) return named(match.index, text, own, '/');
  }
  return null;
}

/** The first foreign `host=` of a Forwarded value (RFC 7239 section 5.3). */
export function foreignHostInForwarded(sites: SiteTable, value: string): ForeignName | null {
  for (const match of value.matchAll(/(?:^|[;,\s])host\s*=\s*(?:"([^"]*)"?|([^;,\s]*))/gi)) {
    const text = match[1] ?? match[2] ?? '';
    const own = isOwn(sites, text);
    if (own !== true) return named(match.index + match[0].lastIndexOf(text), text, own, '/');
  }
  return null;
}

/** A URL, or a network-path reference (`//host/…`), whose host is foreign. A path names no host. */
export function foreignHostInUrl(sites: SiteTable, value: string): ForeignName | null {
  if (/^\/(?![/\\])/.test(value)) return null;
  const url = /^[/\\]{2}/.test(value) ? `http:${value.replaceAll('\\', '/')}` : value;
  const target = parseRequestTarget('GET', url);
  if (isMalformed(target)) return named(0, value, null, '/');
  if (target.form !== 'absolute') return null;
  if (target.authority === null) return named(0, value, null, target.path);
  return sites.find(target.authority.host) !== undefined
    ? null
    : named(0, value, target.authority, target.path);
}

/**
 * A foreign URL at the start of the path (`//evil/x`, `/http://evil/x`), or a proxy target inside the query
 * (`?unix:…|http://evil/`, CVE-2021-40438). A URL as an ordinary query value is not reported: search engines, redirects and
 * archives need those.
 */
export function foreignUrlInPath(sites: SiteTable, path: string): ForeignName | null {
  const unix = /\?unix:[^|]*\|([a-z]+:\/\/.*)$/i.exec(path);
  if (unix !== null) return foreignAt(sites, path, path.length - unix[1]!.length);
  const lead = /^\/(?:[a-z][a-z0-9+.-]*:\/|[/\\])/i.exec(path);
  if (lead === null) return null;
  // `//style.css` is a sloppy link to a file of ours, not a host of that name.
  if (
    /^\/\/[^/?]+\.(?:css|js|mjs|png|jpe?g|gif|svg|ico|webp|html?|php\d?|aspx?|jsp|xml|txt|json|map|woff2?)(?:\?|$)/i.test(
      path,
    )
  )
    return null;
  return foreignAt(sites, path, /^\/[/\\]/.test(path) ? 0 : 1);
}

function foreignAt(sites: SiteTable, path: string, start: number): ForeignName | null {
  const url = path
    .slice(start)
    .replaceAll('\\', '/')
    .replace(/^([a-z][a-z0-9+.-]*:)?\/+/i, (_, scheme = '') => `${scheme}//`);
  const foreign = foreignHostInUrl(sites, url);
  return foreign === null ? null : { ...foreign, start, end: path.length };
}

const named = (at: number, text: string, own: Authority | boolean | null, path: string): ForeignName => ({
  start: at,
  end: at + text.length,
  authority: typeof own === 'boolean' ? null : own,
  path,
});
