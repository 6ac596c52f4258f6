/** Requests for a page of the canary, one row per spelling. */

import { type CanaryName, names } from './canary-names.ts';
import type { TechniqueId } from './finding.ts';
import type { FixKind } from './fixes.ts';
import {
  greetingMarks,
  greetingPorts,
  metadataHosts,
  metadataMarks,
  metadataPath,
} from './internal-services.ts';

/** The values that a request is built from. */
export interface RequestValues {
  /** The server's own Host value. */
  readonly own: string;
  /** The same, without the port. */
  readonly ownHost: string;
  /** `HOST:PORT` of the canary. */
  readonly canary: string;
  readonly canaryPort: number;
  /** The path that names the challenge. */
  readonly path: string;
  /** A User-Agent that names the challenge too, for relays that rewrite the path. */
  readonly agent: string;
}

export interface FetchTechnique {
  readonly id: TechniqueId;
  readonly fix: FixKind;
  readonly bytes: (values: RequestValues) => string;
  /** Also tried on ports that do not answer like an HTTP server: a proxy may answer only this. */
  readonly essential?: true;
  /** The server would speak a protocol that cannot carry the challenge, so any connection to the canary is proof. */
  readonly anyConnection?: true;
  /** Names the canary by the server's own name, so both must be on one machine. */
  readonly sharesMachine?: true;
  /** How the canary is named; null skips the technique. @default its address and port */
  readonly by?: CanaryName;
  /** Names a service on the server's own machine instead of the canary: an answer that matches is the proof. */
  readonly marks?: RegExp;
  /** Skipped once a technique of the same rule has been relayed: another one adds nothing. */
  readonly unlessProven?: true;
  /** The header to show in the report. @default only the request line is shown */
  readonly shows?: RegExp;
}

export const row = (
  id: TechniqueId,
  fix: FixKind,
  bytes: FetchTechnique['bytes'],
  more: Partial<FetchTechnique> = {},
): FetchTechnique => ({ id, fix, bytes, ...more });

/** A request without a body. `Connection: close` makes the end of the answer visible. */
const head = (line: string, values: RequestValues, ...headers: string[]): string =>
  `${[line, ...headers, `User-Agent: ${values.agent}`, 'Accept: */*', 'Connection: close'].join('\r\n')}\r\n\r\n`;

/** `GET` of a target, with a Host header. */
export const get = (target: string, host: string, values: RequestValues, ...headers: string[]): string =>
  head(`GET ${target} HTTP/1.1`, values, `Host: ${host}`, ...headers);

/** The canary's page as a URL. */
export const url = ({ canary, path }: RequestValues): string => `http://${canary}${path}`;

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
      anyConnection: true,
    },
  ),
  row(
    'absolute-form-foreign/post',
    'forward-proxy',
    (p) => `${head(`POST ${url(p)} HTTP/1.1`, p, `Host: ${p.canary}`, 'Content-Length: 13')}sekisho-audit`,
  ),
  // The first request is for the server itself: some servers decide once per connection.
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
    anyConnection: true,
  }),
  row('absolute-form-scheme/gopher', 'scheme', (p) => get(`gopher://${p.canary}/0${p.path}`, p.canary, p)),
  row('absolute-form-scheme/ws', 'scheme', (p) => get(`ws://${p.canary}${p.path}`, p.canary, p)),
  // Headers that clients send to proxies: some servers then act as one.
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

/** Both ways to name a host, with other spellings of the canary that a filter may miss, or without a port. */
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
    ['unresolvable', names.unresolvable],
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

/** Services on the server's own machine, such as cloud metadata. Tried only while nothing is proven, as they are internal. */
const internalServices: FetchTechnique[] = [
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

/** Targets that a rewrite rule without a slash before its variable turns into a URL of another host. */
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
  // CVE-2021-40438: after a socket path that is too long for mod_proxy, the URL behind the bar names the server.
  row('url-in-path/unix-socket', 'unix-socket', (p) => get(`/?unix:${'A'.repeat(5000)}|${url(p)}`, p.own, p)),
];

const override = (name: string, value: (values: RequestValues) => string): FetchTechnique =>
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
  // All at once, with a name that never resolves: catches a server that dials one of them on a port the canary does not have.
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
    { by: names.unresolvable, shows: /^X-Forwarded-Host/ },
  ),
];

/** In the order of the audit. */
export const fetchTechniques: readonly FetchTechnique[] = [
  ...absolute,
  ...hosts,
  ...renamed,
  ...targets,
  ...overrides,
  ...internalServices,
];

/** Plain TRACE relays nothing, but its echo gives cookies and credentials away. */
export const traceTechnique = row('trace', 'trace', (p) => head('TRACE / HTTP/1.1', p, `Host: ${p.own}`));

/** How the report shows a request: its first line and the header that matters. */
export function sentOf({ bytes, shows }: FetchTechnique, values: RequestValues): string {
  const lines = bytes(values)
    .split(/\r?\n/)
    .map((line) => (line.length > 160 ? `${line.slice(0, 60)}…${line.slice(-80)}` : line));
  const header = shows === undefined ? [] : lines.slice(1).filter((line) => shows.test(line));
  return [lines[0], ...header].join(' | ');
}
