/** The rules that are seen in an HTTP request: which, where, and what the request asks for. */
import { type Authority, isMalformed, type Malformed, parseAuthority } from '../wire/authority.ts';
import { isClaim, isDisguised } from '../wire/claim-fields.ts';
import { strippedField } from '../wire/connection-options.ts';
import type { Evidence } from '../wire/evidence.ts';
import { is } from '../wire/field-names.ts';
import { type HeaderFacts, listMembers, overrideHeaders, seen } from '../wire/header-facts.ts';
import type { HttpRequest } from '../wire/http-request.ts';
import { masqueTarget } from '../wire/masque.ts';
import { httpMethods } from '../wire/methods.ts';
import {
  type AbsoluteForm,
  parseRequestTarget,
  type RequestTarget,
  rawOffset,
} from '../wire/request-target.ts';
import { hasBrowserMarks } from './browser-marks.ts';
import type { RuleId } from './catalogue.ts';
import { unservedPort } from './host-port.ts';
import type { Wanted } from './intent.ts';
import {
  type ForeignName,
  foreignHostInForwarded,
  foreignHostInList,
  foreignHostInUrl,
  foreignUrlInPath,
} from './own-host.ts';
import { mayNameTarget, pathProxy } from './path-proxy.ts';
import { methodsOf, type Policy, type Site } from './policy.ts';
import { isOwnName, wantedByName } from './server-name.ts';

/** What is known of the client, apart from what it sent. */
export interface ClientStatus {
  /** A trusted proxy: its X-Forwarded-* are believed. */
  readonly trusted: boolean;
  /** On the allow-list. */
  readonly allowed: boolean;
  readonly banned: boolean;
}

export const stranger: ClientStatus = { trusted: false, allowed: false, banned: false };

/** A rule seen, with the evidence. */
export interface Found {
  readonly rule: RuleId;
  /** What was seen, for people: `www.example.com is none of our sites`. */
  readonly what: string;
  readonly evidence: Evidence;
  /** May be meant well: the milder action of the rule is for it. */
  readonly doubtful?: boolean;
  /** Its sender need not have meant it, since web pages can make browsers send it: never counts towards a ban. */
  readonly unmeant?: boolean;
}

export interface Findings {
  /** Each rule once, at its first sighting. */
  readonly found: readonly Found[];
  /** The site it is for; null where it is for none of ours. */
  readonly site: Site | null;
  /** The target in origin form; empty where none could be read. */
  readonly path: string;
  /** The canonical host, with its port; empty where the sender left it open. */
  readonly host: string;
  readonly wanted: Wanted | null;
  /** Even indexes into rawHeaders that may not be forwarded. */
  readonly strip: readonly number[];
  /** A WebSocket handshake that the site carries. */
  readonly upgrade: boolean;
}

/** Looks at every part of a request. Pure and total. */
export function examineHttp(
  request: HttpRequest,
  facts: HeaderFacts,
  policy: Policy,
  client: ClientStatus,
): Findings {
  return new Examination(request, facts, policy, client).findings();
}

/** The close look at one request. Lives for one call of `examineHttp`. */
class Examination {
  readonly #request: HttpRequest;
  readonly #facts: HeaderFacts;
  readonly #policy: Policy;
  readonly #client: ClientStatus;
  readonly #found: Found[] = [];
  readonly #strip: number[] = [];
  #site: Site | null = null;
  #path = '';
  #host = '';
  #wanted: Wanted | null = null;
  #upgrade = false;
  /** Whether a web page can have made a browser send it: what any page can do then does not count. */
  readonly #byBrowser: boolean;

  constructor(request: HttpRequest, facts: HeaderFacts, policy: Policy, client: ClientStatus) {
    this.#request = request;
    this.#facts = facts;
    this.#policy = policy;
    this.#client = client;
    // Where no head could be read, or not to its end, there may have been some.
    this.#byBrowser =
      hasBrowserMarks(request.rawHeaders) ||
      request.method === '' ||
      request.defects?.some(({ overflow }) => overflow) === true;
  }

  findings(): Findings {
    this.#framing();
    // Without a method there is no request whose parts could be looked at.
    if (this.#request.method !== '') {
      this.#target(this.#hostLine());
      this.#method();
      this.#serverName();
      this.#proxyHeaders();
      this.#overrides();
      this.#upgrades();
    }
    return {
      found: this.#found,
      site: this.#site,
      path: this.#path,
      host: this.#host,
      wanted: this.#wanted,
      strip: this.#strip,
      upgrade: this.#upgrade,
    };
  }

  #see(rule: RuleId, what: string, evidence: Evidence, more: Partial<Found> = {}): void {
    if (!this.#found.some((found) => found.rule === rule))
      this.#found.push({ rule, what, evidence, ...more });
  }

  #seeHeader(rule: RuleId, what: string, header: number, start = 0, end = this.#value(header).length): void {
    this.#see(rule, what, { part: 'header', header, start, end });
  }

  /** Something that a page can make a browser send: a name that leads here, or what `fetch()` lets a script of ours write. */
  #seeByPage(rule: RuleId, what: string, evidence: Evidence, more: Partial<Found> = {}): void {
    this.#see(rule, what, evidence, { unmeant: this.#byBrowser, ...more });
  }

  #inHeader(header: number, start = 0, end = this.#value(header).length): Evidence {
    return { part: 'header', header, start, end };
  }

  #value(header: number): string {
    return this.#request.rawHeaders[header + 1]!;
  }

  #framing(): void {
    const { defects, version, method, rawHeaders, h2 } = this.#request;
    for (const { why, at, overflow, byPage, elsewhereServed = false } of defects ?? []) {
      const where: Evidence = { part: 'bytes', start: at, end: at + 1 };
      if (overflow) this.#see('header-overflow', why, where);
      else
        this.#see('framing', why, where, {
          unmeant: elsewhereServed || (byPage === true && this.#byBrowser),
        });
    }
    if (h2 === undefined && version !== '1.1' && version !== '1.0') {
      const what = version === '0.9' ? 'HTTP/0.9' : `the protocol is ${version}, not HTTP/1.0 or HTTP/1.1`;
      this.#see('framing', what, { part: 'version', start: 0, end: version.length });
    }
    // Bytes that are no request have no method, and a defect in its place.
    if (method === '' && (defects?.length ?? 0) === 0)
      this.#seeByPage('framing', 'there is no method', { part: 'method', start: 0, end: 0 });
    const { transferEncoding, contentLength } = this.#facts;
    if (transferEncoding !== -1 && h2 !== undefined) {
      this.#seeHeader('framing', 'Transfer-Encoding in HTTP/2', transferEncoding);
    } else if (transferEncoding !== -1 && version !== '1.1') {
      this.#seeHeader('framing', `Transfer-Encoding with HTTP/${version}`, transferEncoding);
    } else if (this.#facts.underscored !== -1) {
      const field = this.#inHeader(this.#facts.underscored);
      this.#seeByPage('framing', 'a framing field spelled with an underscore', field);
    } else if ((this.#facts.seen & seen.framing) !== 0) {
      if (transferEncoding !== -1 && contentLength !== -1) {
        this.#seeHeader('framing', 'Content-Length together with Transfer-Encoding', contentLength);
      } else if (transferEncoding !== -1) {
        this.#seeHeader('framing', 'a Transfer-Encoding other than chunked alone', transferEncoding);
      } else {
        const many = rawHeaders.filter((name, i) => i % 2 === 0 && is(name, 'content-length')).length > 1;
        this.#seeHeader(
          'framing',
          many ? 'more than one Content-Length' : 'a Content-Length that is no plain number',
          contentLength,
        );
      }
    }
  }

  #serverName(): void {
    const { sni } = this.#request;
    if (sni === undefined || isOwnName(this.#policy.sites, sni)) return;
    this.#see('sni-foreign', `the TLS hello asked for ${sni}`, { part: 'bytes', start: 0, end: 0 });
    this.#wanted ??= wantedByName(sni);
  }

  /** Of a registered one that the config leaves out its sender need not mean harm: Office asks OPTIONS and PROPFIND of any link. */
  #method(): void {
    const { method } = this.#request;
    if (is(method, 'connect') || is(method, 'trace')) return;
    if (methodsOf(this.#site ?? this.#policy).has(method)) return;
    this.#see(
      'method-unknown',
      `${method} is no method that is served`,
      { part: 'method', start: 0, end: method.length },
      { unmeant: this.#byBrowser || httpMethods.has(method) },
    );
  }

  /** The authority of the Host line, or of HTTP/2's :authority; null where none can be read. */
  #hostLine(): Authority | null {
    const { h2, version } = this.#request;
    const { host, secondHost } = this.#facts;
    if (secondHost !== -1) this.#seeHeader('host-duplicate', 'a second Host line', secondHost);
    const line = host === -1 ? null : this.#value(host);
    const comma = line === null ? -1 : line.indexOf(',');
    // A name may hold a comma (RFC 3986 section 3.2.2).
    if (comma !== -1)
      this.#seeByPage('host-duplicate', 'a list of hosts in one Host line', this.#inHeader(host, comma));
    if (h2 !== undefined && h2.authority !== null) return this.#pseudoAuthority(h2.authority, line);
    if (line === null || line === '') {
      if (version !== '1.0') {
        const what = line === null ? 'there is no Host line' : 'the Host line is empty';
        this.#see(
          'host-missing',
          what,
          line === null
            ? { part: 'version', start: 0, end: version.length }
            : { part: 'header', header: host, start: 0, end: 0 },
        );
      }
      return null;
    }
    if (comma !== -1) return null;
    const authority = parseAuthority(line);
    if (isMalformed(authority)) {
      const where = this.#inHeader(host, authority.at, Math.min(authority.at + 1, line.length));
      this.#seeByPage('host-malformed', `${authority.malformed} in the Host line`, where);
      return null;
    }
    if (authority.userinfo !== null) {
      this.#seeHeader('host-malformed', 'userinfo in the Host line', host, 0, authority.userinfo.length + 1);
      return null;
    }
    return authority;
  }

  #pseudoAuthority(text: string, line: string | null): Authority | null {
    const at: Evidence = { part: 'target', start: 0, end: 0 };
    if (text === '') {
      this.#see('host-missing', 'the :authority is empty', at);
      return null;
    }
    if (text.includes(',')) {
      this.#seeByPage('host-duplicate', 'a list of hosts in :authority', at);
      return null;
    }
    const authority = parseAuthority(text);
    if (isMalformed(authority) || authority.userinfo !== null) {
      this.#see(
        'host-malformed',
        isMalformed(authority) ? `${authority.malformed} in :authority` : 'userinfo in :authority',
        at,
        { unmeant: isMalformed(authority) && this.#byBrowser },
      );
      return null;
    }
    if (line !== null) {
      const host = parseAuthority(line);
      const differs =
        isMalformed(host) ||
        host.userinfo !== null ||
        host.host !== authority.host ||
        host.port !== authority.port;
      if (differs)
        this.#seeHeader('authority-mismatch', `:authority says ${text}, host says ${line}`, this.#facts.host);
    }
    return authority;
  }

  #target(host: Authority | null): void {
    const { method, target, h2 } = this.#request;
    const whole: Evidence = { part: 'target', start: 0, end: target.length };
    const isConnect = is(method, 'connect');
    const protocol = isConnect ? (h2?.protocol ?? null) : null;
    if (is(method, 'trace'))
      this.#see('trace', 'the method is TRACE', { part: 'method', start: 0, end: method.length });
    if (h2 !== undefined && isConnect && protocol === null) {
      this.#see('connect', 'CONNECT asks for a tunnel', { part: 'method', start: 0, end: 7 });
      this.#want(host, null, '', h2.authority ?? '');
      return;
    }
    // RFC 9113 section 8.3.1: by another :scheme a client asks a gateway to talk to a server that is not HTTP's.
    if (h2 !== undefined && !is(h2.scheme, 'http') && !is(h2.scheme, 'https'))
      this.#see('absolute-form-scheme', `the :scheme is ${h2.scheme}`, whole);
    if (isConnect && protocol === null) {
      const parsed = parseRequestTarget('CONNECT', target);
      this.#see('connect', `CONNECT asks for a tunnel to ${target}`, whole);
      this.#want(
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
      this.#see('target-malformed', `the target has ${parsed.malformed}`, {
        part: 'target',
        start: parsed.at,
        end: Math.min(parsed.at + 1, whole.end),
      });
      return;
    }
    switch (parsed.form) {
      case 'absolute':
        if (this.#request.h2 !== undefined)
          this.#see('target-malformed', 'an absolute :path in HTTP/2', whole);
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
    this.#see(
      'extended-connect',
      `extended CONNECT for ${protocol}`,
      { part: 'method', start: 0, end: 7 },
      { unmeant: websocket && this.#byBrowser },
    );
    if (!websocket) this.#wantThrough(protocol);
  }

  /** What a proxy of MASQUE is to connect to stands in the path (RFC 9298 section 3). */
  #wantThrough(protocol: string): void {
    const { target } = this.#request;
    const { host, port } = masqueTarget(target) ?? { host: '', port: null };
    const text = host === '' ? target : port === null ? host : `${host}:${port}`;
    this.#wanted = { host, port, path: '', text, protocol };
  }

  #absolute(target: AbsoluteForm, host: Authority | null): void {
    const { scheme, authority, path } = target;
    if (authority === null) {
      this.#see('absolute-form-scheme', `the scheme is ${scheme}`, {
        part: 'target',
        start: 0,
        end: scheme.length,
      });
      const text = this.#request.target.slice(target.authorityStart, target.authorityEnd);
      const named = parseAuthority(text);
      this.#want(isMalformed(named) ? null : named, null, path, this.#request.target);
      return;
    }
    const where: Evidence = { part: 'target', start: target.authorityStart, end: target.authorityEnd };
    const defaultPort = scheme === 'https' ? 443 : 80;
    const port = authority.port ?? defaultPort;
    this.#want(authority, port, path, this.#request.target);
    if (authority.userinfo !== null) {
      this.#see('absolute-form-userinfo', `userinfo before the host ${authority.host}`, {
        ...where,
        end: where.start + authority.userinfo.length + 1,
      });
    }
    const site = this.#policy.sites.find(authority.host) ?? null;
    this.#path = path;
    if (site === null) {
      this.#see('absolute-form-foreign', `${authority.host} is none of our sites`, where);
    } else {
      this.#site = site;
      this.#host = authority.host;
      if (!site.anyPort && !this.#policy.ports.has(port)) {
        this.#see('absolute-form-port', `port ${port} of ${authority.host} is not served here`, where);
      } else if (port !== defaultPort) this.#host += `:${port}`;
    }
    if (host !== null && (host.host !== authority.host || (host.port !== null && host.port !== port))) {
      const header = this.#facts.host;
      const named = header === -1 ? this.#request.h2?.authority : this.#value(header);
      const what = `the target names ${authority.host}, ${header === -1 ? ':authority' : 'the Host line'} ${named}`;
      if (header === -1) this.#see('absolute-form-host-mismatch', what, where);
      else this.#seeHeader('absolute-form-host-mismatch', what, header);
    }
  }

  #origin(path: string, host: Authority | null): void {
    this.#path = path;
    if (host === null) {
      // Without a readable Host there is a signal already, or it is an HTTP/1.0 client that may leave it out.
      this.#site = this.#found.some((found) => found.rule.startsWith('host-'))
        ? null
        : this.#policy.defaultSite;
    } else {
      this.#site = this.#policy.sites.find(host.host) ?? null;
      if (this.#site !== null) {
        this.#hostPort(host, this.#site, path);
      } else if (host.kind !== 'name' && (this.#client.trusted || this.#client.allowed)) {
        // A health check of a balancer that knows the server by address only.
        this.#site = this.#policy.defaultSite;
      } else {
        const header = this.#facts.host;
        const what = `${host.host} is none of our sites`;
        const where: Evidence = header === -1 ? { part: 'target', start: 0, end: 0 } : this.#inHeader(header);
        this.#seeByPage('host-foreign', what, where);
        this.#want(
          host,
          null,
          path,
          header === -1 ? (this.#request.h2?.authority ?? '') : this.#value(header),
        );
      }
    }
    // Where `//a/b` is read as `/a/b` no authority stands in it.
    const merged = this.#policy.mergesSlashes === true ? path.replace(/^\/+/, '/') : path;
    this.#pathProxy(merged);
    const url = foreignUrlInPath(this.#policy.sites, merged);
    if (url === null) return;
    const left = path.length - merged.length;
    const { target } = this.#request;
    this.#see('url-in-path', 'a foreign URL stands where a path should', {
      part: 'target',
      start: rawOffset(target, left + url.start),
      end: rawOffset(target, left + url.end),
    });
    this.#wantName(url, merged);
  }

  /** Only who has something fetched from inside counts, and only where no page had a browser ask. */
  #pathProxy(path: string): void {
    const proxied = mayNameTarget(path) ? pathProxy(this.#policy.sites, path) : null;
    if (proxied === null) return;
    const { authority, text, inward } = proxied;
    const host = authority?.host ?? '';
    const where: Evidence = { part: 'target', start: 0, end: this.#request.target.length };
    const unmeant = !inward || this.#byBrowser;
    this.#see('path-proxy', `the target names ${host} to a proxy script`, where, { unmeant });
    if (this.#wanted === null) this.#want(authority, null, '', text);
  }

  /** The canonical host goes on with its port, as far as that is no other service's. */
  #hostPort(host: Authority, site: Site, path: string): void {
    this.#host = host.port === null ? host.host : `${host.host}:${host.port}`;
    const unserved = unservedPort(host, site, this.#policy);
    if (unserved === null) return;
    const { port, doubtful, unmeant } = unserved;
    // Where a policy lets it pass all the same, the backend is told no port that it could dial.
    if (!doubtful) this.#host = host.host;
    const header = this.#facts.host;
    const what = `port ${port} of ${host.host} is not served here`;
    const where: Evidence = header === -1 ? { part: 'target', start: 0, end: 0 } : this.#inHeader(header);
    this.#see('host-port', what, where, { doubtful, unmeant });
    this.#want(host, null, path, `${host.host}:${port}`);
  }

  #proxyHeaders(): void {
    const { rawHeaders, method } = this.#request;
    const bits = this.#facts.seen;
    const own = seen.proxyConnection | seen.proxyAuthorization | seen.maxForwards | seen.connectionOptions;
    if ((bits & own) === 0) return;
    for (let i = 0; i < rawHeaders.length; i += 2) {
      const name = rawHeaders[i]!;
      if (is(name, 'proxy-connection')) this.#seeHeader('proxy-connection', 'Proxy-Connection is there', i);
      else if (is(name, 'proxy-authorization'))
        this.#seeHeader('proxy-authorization', 'Proxy-Authorization is there', i);
      else if (is(name, 'max-forwards') && (is(method, 'trace') || method === 'OPTIONS')) {
        this.#seeByPage('trace', `Max-Forwards with ${method}`, this.#inHeader(i));
      } else if (is(name, 'connection')) {
        const field = strippedField(listMembers(this.#value(i)));
        if (field !== null) this.#seeHeader('connection-strips', `Connection names ${field}`, i);
      }
    }
  }

  #overrides(): void {
    if ((this.#facts.seen & seen.override) === 0) return;
    const { rawHeaders } = this.#request;
    for (let i = 0; i < rawHeaders.length; i += 2) {
      const name = rawHeaders[i]!.toLowerCase();
      // Of a trusted proxy too: what it writes itself has no underscores, and what it lets through is the client's.
      const disguised = isDisguised(name);
      if (disguised || (!this.#client.trusted && isClaim(name))) {
        this.#strip.push(i);
        const why = disguised
          ? 'is another spelling of a field that is written here'
          : 'is for trusted proxies to write';
        this.#seeHeader('host-override', `${rawHeaders[i]} ${why}`, i);
        continue;
      }
      if (this.#client.trusted || !overrideHeaders.has(name)) continue;
      const foreign = this.#foreignOverride(name, this.#value(i));
      if (foreign === null) continue;
      this.#strip.push(i);
      this.#seeHeader(
        'host-override',
        `${rawHeaders[i]} names ${foreign.authority?.host ?? 'no host of ours'}`,
        i,
        foreign.start,
        foreign.end,
      );
      this.#wantName(foreign, this.#value(i));
    }
  }

  #foreignOverride(name: string, value: string): ForeignName | null {
    const { sites } = this.#policy;
    if (name === 'forwarded') return foreignHostInForwarded(sites, value);
    if (name.endsWith('url') || name === 'destination') return foreignHostInUrl(sites, value);
    return foreignHostInList(sites, value);
  }

  #upgrades(): void {
    const { upgrade, connection } = this.#facts;
    if (upgrade === -1) return;
    const asked = connection !== -1 && listMembers(this.#value(connection)).includes('upgrade');
    const websocket =
      asked &&
      is(this.#value(upgrade), 'websocket') &&
      this.#request.method === 'GET' &&
      this.#request.version === '1.1';
    if (websocket && this.#site?.websocket === true) {
      this.#upgrade = true;
      return;
    }
    this.#strip.push(upgrade);
    const protocol = this.#value(upgrade);
    this.#seeHeader('upgrade-unknown', `Upgrade to ${protocol}`, upgrade);
    // RFC 9298 section 3.2: by HTTP/1.1 the same tunnels are asked for as an upgrade.
    if (this.#wanted === null && /^connect-[a-z-]{1,32}$/i.test(protocol))
      this.#wantThrough(protocol.toLowerCase());
  }

  #wantName(name: ForeignName, text: string): void {
    if (this.#wanted === null) this.#want(name.authority, null, name.path, text.slice(name.start, name.end));
  }

  #want(authority: Authority | null, port: number | null, path: string, text: string): void {
    this.#wanted = { host: authority?.host ?? '', port: authority?.port ?? port, path, text };
  }
}
