/** The head that a backend gets: one request in origin form, with a Host of our choosing and a client address we vouch for. */
import { FieldNames, is } from '../wire/field-names.ts';
import { listMembers } from '../wire/header-facts.ts';
import type { FieldEdits } from './field-edits.ts';

/**
 * Never passed on: hop-by-hop fields (RFC 9110 section 7.6.1), what is written anew, `Proxy` (CGI programs read it as
 * the variable HTTP_PROXY, CVE-2016-5385), `Expect` (answered here), and HTTP/2's settings for an h2c upgrade.
 */
const dropped = new FieldNames(
  'host',
  'connection',
  'keep-alive',
  'proxy-connection',
  'proxy-authorization',
  'proxy-authenticate',
  'proxy',
  'te',
  'transfer-encoding',
  'upgrade',
  'http2-settings',
  'expect',
  'x-forwarded-for',
  'x-forwarded-host',
  'x-forwarded-proto',
  'x-forwarded-port',
  'x-real-ip',
  'forwarded',
  ...spellings('x-client-cert-subject'),
);

/** With `_` for any `-`: to CGI and WSGI it is the same variable, and a backend lets people in by this one. */
function spellings(name: string): string[] {
  return name
    .split('-')
    .reduce<string[]>((all, part) => all.flatMap((one) => [`${one}-${part}`, `${one}_${part}`]), [''])
    .map((one) => one.slice(1));
}

/** Those of them that say something about what is written. */
const looked = new FieldNames(
  'connection',
  'te',
  'x-forwarded-for',
  'x-forwarded-host',
  'x-forwarded-proto',
  'x-forwarded-port',
  'forwarded',
);

export interface ForwardedRequest {
  readonly method: string;
  /** Of the request as it came. */
  readonly version: string;
  readonly rawHeaders: readonly string[];
  /** Origin form. */
  readonly path: string;
  readonly host: string;
  /** The peer is a trusted proxy: its own forwarding lines are kept. */
  readonly trusted: boolean;
  /** Address of the peer on the other end of the connection. */
  readonly peer: string;
  /** Address of the client: that of the peer, or the one that trusted proxies speak for. */
  readonly client: string;
  /** Came in over TLS. */
  readonly secure: boolean;
  /** Whom the verified certificate of the client names (RFC 4514, visible ASCII). @default nobody */
  readonly certificate?: string | null;
  /** Even indexes into rawHeaders that the verdict takes out. */
  readonly strip: readonly number[];
  /** Bytes of the body; -1: it goes out chunked; null: there is none. */
  readonly length: number | null;
  /** The connection to the backend ends with the response. */
  readonly closes: boolean;
  /** A WebSocket handshake: its Connection and Upgrade are written anew. */
  readonly upgrade: boolean;
  /** The name to send in a Via line; null to send none. */
  readonly via: string | null;
  /** What the config changes of its fields. @default nothing */
  readonly edits?: FieldEdits | null;
}

/** The head as bytes to send (latin1), with the empty line that ends it. */
export function forwardedHead(forwarded: ForwardedRequest): string {
  const { method, version, rawHeaders, path, host, strip, length, edits = null } = forwarded;
  let head = `${method} ${path} HTTP/1.1\r\nHost: ${host}\r\n`;
  let listed: string[] | null = null;
  let trailers = false;
  let sized = false;
  let theirs: TheirForwarding | null = null;
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i]!;
    if (!looked.has(name)) continue;
    const value = rawHeaders[i + 1]!;
    switch (name.toLowerCase()) {
      case 'connection':
        if (value !== 'keep-alive' && value !== 'close') listed = [...(listed ?? []), ...listMembers(value)];
        break;
      case 'te':
        trailers ||= listMembers(value).some((coding) => coding.startsWith('trailers'));
        break;
      case 'x-forwarded-for':
      case 'x-forwarded-host':
      case 'x-forwarded-proto':
      case 'x-forwarded-port':
      case 'forwarded':
        if (forwarded.trusted) theirs = remember(theirs, name.toLowerCase(), value);
    }
  }
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i]!;
    if (name.length === 14 && is(name, 'content-length')) {
      sized = true;
      continue;
    }
    if (dropped.has(name)) continue;
    if (listed?.includes(name.toLowerCase())) continue;
    if (edits?.drops(name) === true) continue;
    if (strip.length !== 0 && strip.includes(i)) continue;
    const value = rawHeaders[i + 1]!;
    head += `${name}: ${value}\r\n`;
  }
  // Behind what the client's Connection takes out: it has no say in these.
  if (edits !== null) head += edits.lines;
  if (length === -1) head += 'Transfer-Encoding: chunked\r\n';
  // Written anew: a leading zero makes a length octal to some readers.
  else if (length !== null || sized) head += `Content-Length: ${length ?? 0}\r\n`;
  if (forwarded.upgrade) head += 'Connection: Upgrade\r\nUpgrade: websocket\r\n';
  else if (trailers) head += `TE: trailers\r\nConnection: TE${forwarded.closes ? ', close' : ''}\r\n`;
  else if (forwarded.closes) head += 'Connection: close\r\n';
  if (forwarded.via !== null) head += `Via: ${version} ${forwarded.via}\r\n`;
  if (forwarded.certificate != null) head += `X-Client-Cert-Subject: ${forwarded.certificate}\r\n`;
  return `${head}${forwardingLines(forwarded, theirs)}\r\n`;
}

type TheirForwarding = { [name: string]: string };

const remember = (known: TheirForwarding | null, name: string, value: string): TheirForwarding => ({
  ...known,
  [name]: known?.[name] === undefined ? value : `${known[name]}, ${value}`,
});

/**
 * X-Forwarded-For/-Proto/-Host/-Port, X-Real-IP and Forwarded (RFC 7239). A trusted proxy's own lines are kept and added to; anybody
 * else's are replaced, since they are claims. The one address of X-Real-IP is always ours
 * to tell: a proxy that writes no such field passes on its client's.
 */
function forwardingLines(
  { host, peer, client, secure }: ForwardedRequest,
  theirs: TheirForwarding | null,
): string {
  const proto = theirs?.['x-forwarded-proto'] ?? (secure ? 'https' : 'http');
  const chain = theirs?.['x-forwarded-for'];
  const element = `for=${peer.includes(':') ? `"[${peer}]"` : peer};host=${/[^\w.-]/.test(host) ? `"${host}"` : host};proto=${secure ? 'https' : 'http'}`;
  return (
    `X-Forwarded-For: ${chain === undefined ? '' : `${chain}, `}${peer}\r\n` +
    `X-Forwarded-Proto: ${proto}\r\n` +
    `X-Forwarded-Host: ${theirs?.['x-forwarded-host'] ?? host}\r\n` +
    `X-Forwarded-Port: ${theirs?.['x-forwarded-port'] ?? portOf(host, proto)}\r\n` +
    `X-Real-IP: ${client}\r\n` +
    `Forwarded: ${theirs?.forwarded === undefined ? '' : `${theirs.forwarded}, `}${element}\r\n`
  );
}

/** The port that the client named, or left to the scheme. */
function portOf(host: string, proto: string): string {
  const colon = host.lastIndexOf(':');
  if (colon > host.lastIndexOf(']')) return host.slice(colon + 1);
  return proto === 'https' ? '443' : '80';
}
