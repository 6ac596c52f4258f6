/**
 * Proxies that take their target from the path or a parameter: `/proxy/http:/169.254.169.254/`, `/https/www.example.com/`,
 * `/proxy?url=…`. At the start of a path any foreign host is reported; deeper, and in a query, only targets that no page needs there:
 * addresses of special ranges in every spelling, metadata names and known judges. Archives, search engines and redirects have
 * ordinary URLs in those places.
 */
import { type Authority, isMalformed, parseAuthority } from '../wire/authority.ts';
import { hostIntent } from './intent.ts';
import { isJudgeHost } from './judges.ts';
import type { SiteTable } from './site-table.ts';

export interface PathProxy {
  readonly authority: Authority | null;
  /** The URL or host that the sender named, decoded, with a path that follows it: `http://169.254.169.254/latest/`. */
  readonly text: string;
  /** The target is metadata, a private network or this machine, and a script would fetch it: no page needs that. */
  readonly inward: boolean;
}

/**
 * Whether a target needs the closer look; true for a few in a thousand ordinary ones. Runs on every request. It is true for every
 * target that `pathProxy` or `foreignUrlInPath` reports.
 */
export const mayNameTarget = (target: string): boolean => worthALook.test(target);
const worthALook =
  /:(?:\/|%)|%(?:25)*(?:3a|7[0-9a]|6[0-9a-f]|3[0-9]|2e)|^[/\\](?:[/\\]|%(?:25)*(?:2f|5c))|proxy|^\/(?:https?|cors|fetch)\b|169\.254\.|\bmetadata\b|100\.100\.100|168\.63\./i;

/** Characters of a target that are examined; targets for proxy scripts are shorter. */
const lookedAt = 4096;
/** URLs of one target that are examined. */
const mostUrls = 16;

const words = String.raw`(?:(?:web|http|cors|reverse|simple|my)?[-_]?proxy(?:\.php)?|cors(?:-anywhere)?|https?)`;
const fetchers = String.raw`(?:[\w.-]{0,24}proxy[\w.-]{0,24}|cors[\w.-]{0,24}|fetch|https?|relay|tunnel)`;
const hostText = String.raw`(?:[^/\\?#@\s]*@)?(?:\[[0-9a-f:.]+\]|[^/\\?#@&:;,"'<>()|\s]+)(?::\d{1,5})?`;
/** `/proxy/http:/host`, and `/http:/host` if it was percent-encoded. */
const leadingUrl = new RegExp(
  String.raw`^\/+(?:${fetchers}\/+)?([a-z][a-z0-9+.-]*):[/\\]+(${hostText})`,
  'i',
);
/** `/proxy/host/`, `/https/host/`. */
const leadingHost = new RegExp(String.raw`^\/+${words}\/+(${hostText})(?=[/?#]|$)`, 'i');
/** `//host`, if it was percent-encoded. */
const leadingSlashes = new RegExp(String.raw`^[/\\]{2,}(${hostText})(?=[/\\?#]|$)`, 'i');
const proxiedHost = new RegExp(String.raw`\/${words}\/+(${hostText})(?=[/?#]|$)`, 'gi');
const fetcherInPath = new RegExp(String.raw`\/${fetchers}(?:\/|$)`, 'i');
const hostFirst = new RegExp(`^(${hostText})`, 'i');
/** Not after a word: `cmd=wget+http://192.168.1.1/` is a command for this server, not a target to relay to. */
const anyUrl = new RegExp(
  String.raw`(?<![\w+.\s-])(?:https?|s?ftps?|tftp|gopher|dict|ldaps?|wss?|rtsp|redis|smb):[/\\]+(${hostText})`,
  'gi',
);
/** Metadata addresses and names without a scheme. */
const bareMetadata =
  /(?<![\w.-])(169\.254\.(?:169\.254|170\.2)|100\.100\.100\.200|168\.63\.129\.16|metadata\.google\.internal|metadata\.azure\.com|\[(?:fd00:ec2::254|::ffff:a9fe:a9fe|::ffff:169\.254\.169\.254|64:ff9b::a9fe:a9fe)\])(?=[/:?&#]|$)/gi;
/** RFC 8252 section 7.3: a program on the visitor's machine waits for the redirect on a loopback port. */
const redirectName =
  /^(?:redirect|return|post_logout|callback|next|continue|goto|back|origin|client_id|ref)/i;
/** Parameters whose value a script fetches. */
const fetchName =
  /^(?:url|uri|u|target|dest|host|proxy|fetch|src|link|upstream|q|site|page|path|file|feed)$/i;
/** File extensions, which no host name ends in. */
const fileName =
  /\.(?:html?|php\d?|aspx?|jsp|js|mjs|css|json|xml|txt|png|jpe?g|gif|svg|ico|webp|pdf|pac|dat|conf|ya?ml|ini|cfg|log|map|woff2?|cgi|pl|py|rb|do|md|ts|tsx|jsx|wasm|zip|gz|mp[34]|csv|env|sql|bak|sh)$/i;

/** The foreign host that a target names for a script to fetch; null if it names none. Total. */
export function pathProxy(sites: SiteTable, target: string): PathProxy | null {
  const cut = target.indexOf('?');
  const rawPath = (cut === -1 ? target : target.slice(0, cut)).slice(0, lookedAt);
  const path = decoded(rawPath);
  return (
    atStart(sites, path, path !== rawPath) ??
    inDepth(sites, path) ??
    (cut === -1 ? null : inQuery(sites, path, target.slice(cut + 1, cut + 1 + lookedAt)))
  );
}

function atStart(sites: SiteTable, path: string, wasCoded: boolean): PathProxy | null {
  const url = leadingUrl.exec(path);
  if (url !== null) {
    // Without encoding and without a fetcher before it, the rule is `url-in-path`, unless the target is inward.
    const plain = !wasCoded && /^\/+[a-z][a-z0-9+.-]*:/i.test(path);
    const [upToHost, scheme, host] = url;
    const found = named(sites, host!, `${scheme}://${host}${path.slice(upToHost.length)}`, true);
    if (found !== null && (found.inward || !plain)) return found;
  }
  const byHost = leadingName(sites, leadingHost, path);
  if (byHost !== null) return byHost;
  const bySlashes = leadingName(sites, leadingSlashes, path);
  return bySlashes !== null && (bySlashes.inward || wasCoded) ? bySlashes : null;
}

/** A host without a scheme, and the path after it. */
function leadingName(sites: SiteTable, pattern: RegExp, path: string): PathProxy | null {
  const match = pattern.exec(path);
  if (match === null || !isHost(match[1]!, path)) return null;
  return named(sites, match[1]!, match[1]! + path.slice(match[0].length), true);
}

function inDepth(sites: SiteTable, path: string): PathProxy | null {
  for (const [, host] of firstOf(path.matchAll(proxiedHost))) {
    if (!isHost(host!, path)) continue;
    const found = special(sites, host!, host!, true);
    if (found !== null) return found;
  }
  for (const [url, host] of firstOf(path.matchAll(anyUrl))) {
    const found = special(sites, host!, url, false);
    if (found !== null) return found;
  }
  for (const [host] of firstOf(path.matchAll(bareMetadata))) return special(sites, host, host, true);
  return null;
}

function inQuery(sites: SiteTable, path: string, query: string): PathProxy | null {
  const byFetcher = fetcherInPath.test(path);
  for (const pair of query.split('&', 64)) {
    const equals = pair.indexOf('=');
    const name = equals === -1 ? '' : decoded(pair.slice(0, equals));
    const value = decoded(pair.slice(equals + 1));
    const redirect = redirectName.test(name);
    const hosts = [...firstOf(value.matchAll(anyUrl)), ...firstOf(value.matchAll(bareMetadata))];
    const bare = byFetcher && fetchName.test(name) ? hostFirst.exec(value) : null;
    if (bare !== null && isHost(bare[1]!, value)) hosts.push(bare);
    for (const [text, host] of hosts) {
      const found = special(sites, host!, text, false);
      if (found === null) continue;
      const kind = intentOf(found.authority);
      if (redirect && kind !== 'metadata') continue;
      return { ...found, inward: !redirect && (kind === 'metadata' || (kind !== null && byFetcher)) };
    }
  }
  return null;
}

/** Any foreign host. */
function named(sites: SiteTable, host: string, text: string, fetched: boolean): PathProxy | null {
  const authority = parseAuthority(host.toLowerCase());
  if (isMalformed(authority)) return null;
  if (sites.find(authority.host) !== undefined) return null;
  return { authority, text, inward: fetched && intentOf(authority) !== null };
}

/** A foreign host in a special range, a metadata host, or a judge. */
function special(sites: SiteTable, host: string, text: string, fetched: boolean): PathProxy | null {
  const found = named(sites, host, text, fetched);
  if (found === null || isSmallNumber(found.authority!.host)) return null;
  return intentOf(found.authority) !== null || isJudgeHost(found.authority!.host) ? found : null;
}

/** A port or an id, although some resolvers take it for an address in 0.0.0.0/8. */
const isSmallNumber = (host: string): boolean => /^\d+$/.test(host) && host !== '0' && Number(host) < 2 ** 24;

const intentOf = (authority: Authority | null): ReturnType<typeof hostIntent> =>
  authority === null ? null : hostIntent(authority.host);

/**
 * Whether a text without a scheme is a host: a name with a top-level domain, or an address. `/proxy/8080/` is a port of this
 * machine (Jupyter, code-server), `/proxy/1.2/` a version: of numbers only those count that are whole addresses.
 */
function isHost(text: string, path: string): boolean {
  const host = text.replace(/^[^@]*@/, '').replace(/:\d+$/, '');
  if (host.startsWith('[')) return true;
  if (/^\d+$/.test(host)) return host.length <= 10 && Number(host) >= 2 ** 24 && Number(host) < 2 ** 32;
  if (/^0x[0-9a-f]{7,8}$/i.test(host) || /^(?:127|0x7f|0177)(?:\.\w+){1,3}$/i.test(host)) return true;
  if (/^(?:0x[0-9a-f]+|\d+)(?:\.(?:0x[0-9a-f]+|\d+)){3}$/i.test(host)) return true;
  if (/^(?:localhost|metadata|instance-data)$/i.test(host)) return true;
  if (!/^(?:[a-z0-9_-]+\.)+[a-z]{2,24}$/i.test(host)) return false;
  return !fileName.test(host) || new RegExp(String.raw`${escaped(host)}(?::\d+)?\/`, 'i').test(path);
}

const escaped = (text: string): string => text.replaceAll('.', String.raw`\.`);

function firstOf(matches: Iterable<RegExpMatchArray>): RegExpMatchArray[] {
  const some: RegExpMatchArray[] = [];
  for (const match of matches) {
    if (some.push(match) === mostUrls) break;
  }
  return some;
}

/** Decoded three times, as several scripts in a row may. Only printable ASCII is decoded. */
function decoded(text: string): string {
  let plain = text;
  for (let round = 0; round < 3 && plain.includes('%'); round++)
    plain = plain.replace(/%([2-7][0-9a-f])/gi, (_, hex: string) =>
      String.fromCharCode(Number.parseInt(hex, 16)),
    );
  return plain;
}
