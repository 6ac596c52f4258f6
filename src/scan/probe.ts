/** Classifies a candidate once the own names are known: the rule of the catalogue, and the requested destination. */
import type { RuleId } from '../rules/catalogue.ts';
import { foreignWanted } from '../rules/foreign-wanted.ts';
import { nothingWanted as nowhere, type Wanted } from '../rules/intent.ts';
import { foreignUrlInPath } from '../rules/own-host.ts';
import { pathProxy } from '../rules/path-proxy.ts';
import { SiteTable } from '../rules/site-table.ts';
import { isMalformed, parseAuthority } from '../wire/authority.ts';
import { parseRequestTarget } from '../wire/request-target.ts';
import { parseSocks4 } from '../wire/socks.ts';
import { telnetTarget } from '../wire/telnet-proxy.ts';
import { type Candidate, otherVersion } from './candidate.ts';
import { domainOf } from './mail-domain.ts';
import type { OwnNames } from './own-names.ts';
import { requestWords } from './request-text.ts';

/** The sender's technique, as named in the report. */
export type Technique =
  | 'connect'
  /** CONNECT to an own name: a client that takes this server for a proxy and follows its redirects. */
  | 'connect-self'
  /** CONNECT to something other than `host:port`. */
  | 'connect-bad'
  | 'absolute'
  /** Absolute-form for an own host, at a port that is not served. */
  | 'absolute-port'
  | 'socks4'
  | 'socks5'
  | 'tls'
  | 'smtp'
  | 'proxy-protocol'
  | 'h2-preface'
  | 'malformed'
  | 'host'
  | 'url-in-path'
  | 'path-proxy'
  | 'trace'
  | 'mail'
  /** A command for WinGate or a telnet proxy: `open 198.51.100.203 80`. */
  | 'telnet'
  /** Another protocol, such as SSH. */
  | 'not-http';

export interface Probe {
  readonly candidate: Candidate;
  readonly rule: RuleId;
  readonly technique: Technique;
  readonly wanted: Wanted;
  readonly method: string;
}

/** Absolute-form for an own host: legal (RFC 9112 section 3.2.2), not a probe. */
export const ownAbsolute = 'own-absolute';

/** The candidate as a probe; null or `own-absolute` if it is none. */
export function readProbe(candidate: Candidate, own: OwnNames): Probe | typeof ownAbsolute | null {
  const { kind, entry } = candidate;
  const words = requestWords(entry.request);
  const method = words?.method ?? '';
  const probe = (rule: RuleId, technique: Technique, wanted: Wanted): Probe => ({
    candidate,
    rule,
    technique,
    wanted,
    method,
  });
  switch (kind) {
    case 'connect':
      return connect(words?.target ?? '', own, probe);
    case 'absolute':
      return absolute(method, words?.target ?? '', own, probe);
    case 'malformed':
      return probe('target-malformed', 'malformed', disguised(words?.target ?? ''));
    case 'origin':
      return origin(method, words?.target ?? '', candidate, own, probe);
    case 'mail':
      return mail(candidate, own, probe);
    case 'telnet':
      return probe('not-http', 'telnet', telnet(entry.request));
    case 'foreign':
      return probe('not-http', 'not-http', foreign(entry.request));
    case 'note':
      return null;
    case 'socks4':
      return probe(kind, kind, socks4(entry.request));
    case 'socks5':
      return probe(kind, kind, nowhere);
    case 'tls':
      return probe('tls-on-plaintext', 'tls', nowhere);
    case 'smtp':
      return probe('smtp-on-http', 'smtp', { ...nowhere, port: 25 });
    case 'proxy-v1':
    case 'proxy-v2':
      return probe('proxy-protocol', 'proxy-protocol', nowhere);
    case 'h2-preface':
      return probe('h2-preface', 'h2-preface', nowhere);
  }
}

/** No own hosts: the code below compares the result with `OwnNames`. */
const noSites = new SiteTable([]);

type Make = (rule: RuleId, technique: Technique, wanted: Wanted) => Probe;

function connect(logged: string, own: OwnNames, probe: Make): Probe {
  // varnishncsa writes scheme and Host before every target: `http://mx.example.com:25mx.example.com:25`.
  const target = logged.length > 300 ? logged : (/^https?:\/\/(.+)\1$/.exec(logged)?.[1] ?? logged);
  const parsed = parseRequestTarget('CONNECT', target);
  if (isMalformed(parsed) || parsed.form !== 'authority')
    return probe('connect', 'connect-bad', { ...nowhere, path: target, text: target });
  const { host, port, userinfo } = parsed.authority;
  const wanted = { host, port, path: '', text: target };
  if (port === null || userinfo !== null) return probe('connect', 'connect-bad', wanted);
  return probe('connect', own.has(host) ? 'connect-self' : 'connect', wanted);
}

function absolute(method: string, logged: string, own: OwnNames, probe: Make): Probe | typeof ownAbsolute {
  const version = otherVersion.exec(logged);
  if (version !== null) {
    const target = logged.slice(0, version.index);
    return probe('not-http', 'absolute', foreign(`${method} ${target}${version[0]}`));
  }
  const target = logged;
  // Servers log the raw target, spaces and fragments included: if it is malformed, the text up to the path has the host.
  const head = /^[^/]*\/\/[^/?#\\ ]*/.exec(target)?.[0] ?? target;
  const whole = parseRequestTarget(method, target);
  const parsed = isMalformed(whole) ? parseRequestTarget(method, head) : whole;
  if (isMalformed(parsed) || parsed.form !== 'absolute')
    return probe('target-malformed', 'absolute', { ...nowhere, path: target, text: target });
  const path = isMalformed(whole) ? target.slice(head.length) || '/' : parsed.path;
  if (parsed.authority === null) {
    const named = parseAuthority(target.slice(parsed.authorityStart, parsed.authorityEnd));
    const wanted = isMalformed(named)
      ? { ...nowhere, path, text: target }
      : { host: named.host, port: named.port, path, text: target };
    return probe('absolute-form-scheme', 'absolute', wanted);
  }
  const { host, userinfo } = parsed.authority;
  const port = parsed.authority.port ?? (parsed.scheme === 'https' ? 443 : 80);
  const wanted = { host, port, path, text: target };
  if (userinfo !== null) return probe('absolute-form-userinfo', 'absolute', wanted);
  if (!own.has(host)) return probe('absolute-form-foreign', 'absolute', wanted);
  const served = port === 80 || port === 443 || own.ports?.has(port) === true;
  return served ? ownAbsolute : probe('absolute-form-port', 'absolute-port', wanted);
}

/** The destination of a SOCKS4 request. Servers truncate it at the first NUL or line end; a truncated one has no destination. */
function socks4(request: string): Wanted {
  const parsed = parseSocks4(Buffer.from(request.slice(0, 600), 'latin1'));
  if (parsed === null || parsed.host === '') return nowhere;
  return { host: parsed.host, port: parsed.port, path: '', text: `${parsed.host}:${parsed.port}` };
}

function telnet(request: string): Wanted {
  const target = telnetTarget(request);
  return target === null ? nowhere : { ...target, path: '', text: `${target.host}:${target.port}` };
}

/** The URI in a request line of another protocol, or only the protocol. */
function foreign(request: string): Wanted {
  const line = Buffer.from(`${request.slice(0, 510)}\r\n`, 'latin1');
  return (foreignWanted(line) ?? foreignWanted(line.subarray(0, -2)))?.wanted ?? nowhere;
}

/** The host in `http:/10.0.0.1/`, `@evil/`, `www.example.com:443`. */
function disguised(target: string): Wanted {
  const text = /^(?:https?:\/?)?(?:[^/?]*@)?([^/?\\]*)/i.exec(target)![1]!;
  const authority = parseAuthority(text);
  return isMalformed(authority)
    ? { ...nowhere, path: target, text: target }
    : {
        host: authority.host,
        port: authority.port,
        path: target.slice(target.indexOf(text) + text.length) || '/',
        text: target,
      };
}

function origin(
  method: string,
  target: string,
  { entry }: Candidate,
  own: OwnNames,
  probe: Make,
): Probe | null {
  if (method.toUpperCase() === 'TRACE')
    return probe('trace', 'trace', { ...nowhere, path: target, text: target });
  const url = foreignUrlInPath(noSites, target);
  if (url?.authority != null && !own.has(url.authority.host)) {
    const { host, port } = url.authority;
    return probe('url-in-path', 'url-in-path', { host, port, path: url.path, text: target });
  }
  const proxied = pathProxy(noSites, target);
  if (proxied?.authority != null && !own.has(proxied.authority.host)) {
    const { host, port } = proxied.authority;
    return probe('path-proxy', 'path-proxy', { host, port, path: '', text: proxied.text });
  }
  if (entry.host === null || !own.declared) return null;
  const authority = parseAuthority(entry.host);
  if (isMalformed(authority) || authority.kind !== 'name' || own.has(authority.host)) return null;
  return probe('host-foreign', 'host', {
    host: authority.host,
    port: authority.port,
    path: target,
    text: entry.host,
  });
}

function mail(candidate: Candidate, own: OwnNames, probe: Make): Probe | null {
  const { recipient } = candidate.entry.mail!;
  const host = domainOf(recipient);
  if (candidate.entry.relay?.result !== 'refused' && host !== '' && own.has(host)) return null;
  return probe('smtp-foreign-recipient', 'mail', { host, port: 25, path: '', text: recipient });
}
