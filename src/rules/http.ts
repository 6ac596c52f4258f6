/** Finds the rules seen in an HTTP request, where in it they are seen, and what the request asks for. */
import { type Authority, isMalformed, type Malformed, parseAuthority } from '../wire/authority.ts';
import type { Evidence } from '../wire/evidence.ts';
import { is } from '../wire/field-names.ts';
import { type HeaderFacts, listMembers } from '../wire/header-facts.ts';
import type { HttpRequest } from '../wire/http-request.ts';
import { masqueTarget } from '../wire/masque.ts';
import { httpMethods } from '../wire/methods.ts';
import {
  type AbsoluteForm,
  parseRequestTarget,
  type RequestTarget,
  rawOffset,
} from '../wire/request-target.ts';
import { seeFraming } from './framing.ts';
import { seeOverrides, seeProxyHeaders } from './header-fields.ts';
import { hostLine } from './host-line.ts';
import { unservedPort } from './host-port.ts';
import type { Wanted } from './intent.ts';
import { foreignUrlInPath } from './own-host.ts';
import { mayNameTarget, pathProxy } from './path-proxy.ts';
import { methodsOf, type Policy, type Site } from './policy.ts';
import { isOwnName, wantedByName } from './server-name.ts';
import { type ClientStatus, type Found, Sightings } from './sightings.ts';

export interface Findings {
  /** Each rule once, at its first sighting. */
  readonly found: readonly Found[];
  /** The site that the request is for; null if it is for none of ours. */
  readonly site: Site | null;
  /** The target in origin form; empty if it could not be read. */
  readonly path: string;
  /** The canonical host, with its port; empty if the request names none. */
  readonly host: string;
  readonly wanted: Wanted | null;
  /** Even indexes into rawHeaders of fields that must not be forwarded. */
  readonly strip: readonly number[];
  /** A WebSocket handshake for a site that carries WebSocket. */
  readonly upgrade: boolean;
}

/** Examines every part of a request. Pure and total. */
export function examineHttp(
  request: HttpRequest,
  facts: HeaderFacts,
  policy: Policy,
  client: ClientStatus,
): Findings {
  return new Examination(new Sightings(request, facts, policy, client)).findings();
}

/** The examination of one request, for one call of `examineHttp`. */
class Examination {
  readonly #seen: Sightings;
  #site: Site | null = null;
  #path = '';
  #host = '';
  #upgrade = false;

  constructor(sightings: Sightings) {
    this.#seen = sightings;
  }

  findings(): Findings {
    seeFraming(this.#seen);
    // Without a method there is no request to examine.
    if (this.#seen.request.method !== '') {
      this.#target(hostLine(this.#seen));
      this.#method();
      this.#serverName();
      seeProxyHeaders(this.#seen);
      seeOverrides(this.#seen);
      this.#upgrades();
    }
    return {
      found: this.#seen.found,
      site: this.#site,
      path: this.#path,
      host: this.#host,
      wanted: this.#seen.wanted,
      strip: this.#seen.strip,
      upgrade: this.#upgrade,
    };
  }

  #serverName(): void {
    const { sni } = this.#seen.request;
    if (sni === undefined || isOwnName(this.#seen.policy.sites, sni)) return;
    this.#seen.see('sni-foreign', `the TLS hello asked for ${sni}`, { part: 'bytes', start: 0, end: 0 });
    this.#seen.wanted ??= wantedByName(sni);
  }

  /** A registered method that the config excludes does not count: Office sends OPTIONS and PROPFIND to any link. */
  #method(): void {
    const { method } = this.#seen.request;
    if (is(method, 'connect') || is(method, 'trace')) return;
    if (methodsOf(this.#site ?? this.#seen.policy).has(method)) return;
    this.#seen.see(
      'method-unknown',
      `the method ${method} is not served`,
      { part: 'method', start: 0, end: method.length },
      { unmeant: this.#seen.byBrowser || httpMethods.has(method) },
    );
  }

  #target(host: Authority | null): void {
    const { method, target, h2 } = this.#seen.request;
    const whole: Evidence = { part: 'target', start: 0, end: target.length };
    const isConnect = is(method, 'connect');
    const protocol = isConnect ? (h2?.protocol ?? null) : null;
    if (is(method, 'trace'))
      this.#seen.see('trace', 'the method is TRACE', { part: 'method', start: 0, end: method.length });
    if (h2 !== undefined && isConnect && protocol === null) {
      this.#seen.see('connect', 'CONNECT asks for a tunnel', { part: 'method', start: 0, end: 7 });
      this.#seen.want(host, null, '', h2.authority ?? '');
      return;
    }
    // RFC 9113 section 8.3.1: with another :scheme a client asks a gateway to talk to a non-HTTP server.
    if (h2 !== undefined && !is(h2.scheme, 'http') && !is(h2.scheme, 'https'))
      this.#seen.see('absolute-form-scheme', `the :scheme is ${h2.scheme}`, whole);
    if (isConnect && protocol === null) {
      const parsed = parseRequestTarget('CONNECT', target);
      this.#seen.see('connect', `CONNECT asks for a tunnel to ${target}`, whole);
      this.#seen.want(
        isMalformed(parsed) || parsed.form !== 'authority' ? null : parsed.authority,
        null,
        '',
        target,
      );
      return;
    }
    // RFC 8441 section 4: the target of an extended CONNECT is a path.
    this.#form(parseRequestTarget(isConnect ? 'GET' : method, target), host, whole);
    if (protocol !== null) this.#extendedConnect(protocol);
  }

  #form(parsed: RequestTarget | Malformed, host: Authority | null, whole: Evidence): void {
    if (isMalformed(parsed)) {
      this.#seen.see('target-malformed', `the target has ${parsed.malformed}`, {
        part: 'target',
        start: parsed.at,
        end: Math.min(parsed.at + 1, whole.end),
      });
      return;
    }
    switch (parsed.form) {
      case 'absolute':
        if (this.#seen.request.h2 !== undefined)
          this.#seen.see('target-malformed', 'an absolute :path in HTTP/2', whole);
        this.#absolute(parsed, host);
        return;
      case 'asterisk':
        this.#origin('*', host);
        return;
      case 'origin':
        this.#origin(parsed.path, host);
        return;
    }
  }

  #extendedConnect(protocol: string): void {
    const websocket = protocol === 'websocket';
    if (websocket && this.#site?.websocket === true) {
      this.#upgrade = true;
      return;
    }
    this.#seen.see(
      'extended-connect',
      `extended CONNECT for ${protocol}`,
      { part: 'method', start: 0, end: 7 },
      { unmeant: websocket && this.#seen.byBrowser },
    );
    if (!websocket) this.#wantThrough(protocol);
  }

  /** The destination of a MASQUE proxy is in the path (RFC 9298 section 3). */
  #wantThrough(protocol: string): void {
    const { target } = this.#seen.request;
    const { host, port } = masqueTarget(target) ?? { host: '', port: null };
    const text = host === '' ? target : port === null ? host : `${host}:${port}`;
    this.#seen.wanted = { host, port, path: '', text, protocol };
  }

  #absolute(target: AbsoluteForm, host: Authority | null): void {
    const { scheme, authority, path } = target;
    if (authority === null) {
      this.#seen.see('absolute-form-scheme', `the scheme is ${scheme}`, {
        part: 'target',
        start: 0,
        end: scheme.length,
      });
      const text = this.#seen.request.target.slice(target.authorityStart, target.authorityEnd);
      const named = parseAuthority(text);
      this.#seen.want(isMalformed(named) ? null : named, null, path, this.#seen.request.target);
      return;
    }
    const where: Evidence = { part: 'target', start: target.authorityStart, end: target.authorityEnd };
    const defaultPort = scheme === 'https' ? 443 : 80;
    const port = authority.port ?? defaultPort;
    this.#seen.want(authority, port, path, this.#seen.request.target);
    if (authority.userinfo !== null) {
      this.#seen.see('absolute-form-userinfo', `userinfo before the host ${authority.host}`, {
        ...where,
        end: where.start + authority.userinfo.length + 1,
      });
    }
    const site = this.#seen.policy.sites.find(authority.host) ?? null;
    this.#path = path;
    if (site === null) {
      this.#seen.see('absolute-form-foreign', `${authority.host} is not one of our sites`, where);
    } else {
      this.#site = site;
      this.#host = authority.host;
      if (!site.anyPort && !this.#seen.policy.ports.has(port)) {
        this.#seen.see('absolute-form-port', `port ${port} of ${authority.host} is not served here`, where);
      } else if (port !== defaultPort) this.#host += `:${port}`;
    }
    if (host !== null && (host.host !== authority.host || (host.port !== null && host.port !== port))) {
      const header = this.#seen.facts.host;
      const named = header === -1 ? this.#seen.request.h2?.authority : this.#seen.value(header);
      const what = `the target names ${authority.host}, ${header === -1 ? ':authority' : 'the Host line'} ${named}`;
      if (header === -1) this.#seen.see('absolute-form-host-mismatch', what, where);
      else this.#seen.seeHeader('absolute-form-host-mismatch', what, header);
    }
  }

  #origin(path: string, host: Authority | null): void {
    this.#path = path;
    if (host === null) {
      // Without a readable Host there is a signal already, or the client speaks HTTP/1.0, which needs no Host.
      this.#site = this.#seen.found.some((found) => found.rule.startsWith('host-'))
        ? null
        : this.#seen.policy.defaultSite;
    } else {
      this.#site = this.#seen.policy.sites.find(host.host) ?? null;
      if (this.#site !== null) {
        this.#hostPort(host, this.#site, path);
      } else if (host.kind !== 'name' && (this.#seen.client.trusted || this.#seen.client.allowed)) {
        // A health check of a balancer, which knows the server by its address only.
        this.#site = this.#seen.policy.defaultSite;
      } else {
        const header = this.#seen.facts.host;
        const what = `${host.host} is not one of our sites`;
        const where: Evidence =
          header === -1 ? { part: 'target', start: 0, end: 0 } : this.#seen.inHeader(header);
        this.#seen.seeByPage('host-foreign', what, where);
        this.#seen.want(
          host,
          null,
          path,
          header === -1 ? (this.#seen.request.h2?.authority ?? '') : this.#seen.value(header),
        );
      }
    }
    // If the server reads `//a/b` as `/a/b`, there is no authority in it.
    const merged = this.#seen.policy.mergesSlashes === true ? path.replace(/^\/+/, '/') : path;
    this.#pathProxy(merged);
    const url = foreignUrlInPath(this.#seen.policy.sites, merged);
    if (url === null) return;
    const left = path.length - merged.length;
    const { target } = this.#seen.request;
    this.#seen.see('url-in-path', 'a foreign URL in place of a path', {
      part: 'target',
      start: rawOffset(target, left + url.start),
      end: rawOffset(target, left + url.end),
    });
    this.#seen.wantName(url, merged);
  }

  /** Counts only for inward targets, and only if no web page can have made a browser send the request. */
  #pathProxy(path: string): void {
    const proxied = mayNameTarget(path) ? pathProxy(this.#seen.policy.sites, path) : null;
    if (proxied === null) return;
    const { authority, text, inward } = proxied;
    const host = authority?.host ?? '';
    const where: Evidence = { part: 'target', start: 0, end: this.#seen.request.target.length };
    const unmeant = !inward || this.#seen.byBrowser;
    this.#seen.see('path-proxy', `the target names ${host} to a proxy script`, where, { unmeant });
    if (this.#seen.wanted === null) this.#seen.want(authority, null, '', text);
  }

  /** Forwards the canonical host with its port, unless the port belongs to another service. */
  #hostPort(host: Authority, site: Site, path: string): void {
    this.#host = host.port === null ? host.host : `${host.host}:${host.port}`;
    const unserved = unservedPort(host, site, this.#seen.policy);
    if (unserved === null) return;
    const { port, doubtful, unmeant } = unserved;
    // If a policy lets the request pass all the same, the backend must not get a port that it could dial.
    if (!doubtful) this.#host = host.host;
    const header = this.#seen.facts.host;
    const what = `port ${port} of ${host.host} is not served here`;
    const where: Evidence =
      header === -1 ? { part: 'target', start: 0, end: 0 } : this.#seen.inHeader(header);
    this.#seen.see('host-port', what, where, { doubtful, unmeant });
    this.#seen.want(host, null, path, `${host.host}:${port}`);
  }

  #upgrades(): void {
    const { upgrade, connection } = this.#seen.facts;
    if (upgrade === -1) return;
    const asked = connection !== -1 && listMembers(this.#seen.value(connection)).includes('upgrade');
    const websocket =
      asked &&
      is(this.#seen.value(upgrade), 'websocket') &&
      this.#seen.request.method === 'GET' &&
      this.#seen.request.version === '1.1';
    if (websocket && this.#site?.websocket === true) {
      this.#upgrade = true;
      return;
    }
    this.#seen.strip.push(upgrade);
    const protocol = this.#seen.value(upgrade);
    this.#seen.seeHeader('upgrade-unknown', `Upgrade to ${protocol}`, upgrade);
    // RFC 9298 section 3.2: over HTTP/1.1 the same tunnels are requested by Upgrade.
    if (this.#seen.wanted === null && /^connect-[a-z-]{1,32}$/i.test(protocol))
      this.#wantThrough(protocol.toLowerCase());
  }
}
