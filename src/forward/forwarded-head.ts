/** The head that a backend gets: one request in origin form, with a Host that we chose and a client address that we vouch for. */
import { FieldNames, is } from '../wire/field-names.ts';
import { listMembers } from '../wire/header-facts.ts';
import type { FieldEdits } from './field-edits.ts';

/**
 * Never passed on: hop-by-hop fields (RFC 9110 section 7.6.1), fields that are rewritten, `Proxy` (CGI programs read it as the
 * variable HTTP_PROXY, CVE-2016-5385), `Expect` (answered here), and the HTTP/2 settings of an h2c upgrade.
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

/** With `_` for any `-`: to CGI and WSGI that is the same variable, and backends authenticate users by this field. */
function spellings(name: string): string[] {
  return name
    .split('-')
    .reduce<string[]>((all, part) => all.flatMap((one) => [`${one}-${part}`, `${one}_${part}`]), [''])
    .map((one) => one.slice(1));
}

/** Whether a forwarder never passes this field on as it is. */
export const isRewritten = (name: string): boolean => dropped.has(name) || is(name, 'content-length');

/** Those whose value decides what is written instead. */
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
  /** Of the request as received. */
  readonly version: string;
  readonly rawHeaders: readonly string[];
  /** Origin form. */
  readonly path: string;
  readonly host: string;
  /** The peer is a trusted proxy: its forwarding fields are kept. */
  readonly trusted: boolean;
  /** Address at the other end of the connection. */
  readonly peer: string;
  /** Address of the client: the peer's, or the one that trusted proxies vouch for. */
  readonly client: string;
  /** The client speaks TLS. */
  readonly secure: boolean;
  /** Subject of the verified client certificate (RFC 4514, visible ASCII). @default none */
  readonly certificate?: string | null;
  /** Even indexes into rawHeaders of the fields that the verdict strips. */
  readonly strip: readonly number[];
  /** Bytes of the body; -1: sent chunked; null: no body. */
  readonly length: number | null;
  /** The connection to the backend closes after the response. */
  readonly closes: boolean;
  /** A WebSocket handshake: Connection and Upgrade are rewritten. */
  readonly upgrade: boolean;
  /** The name in the Via field; null: no Via. */
  readonly via: string | null;
  /** Edits from the config. @default none */
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
  // After the fields that the client's Connection removes: it can't remove these.
  if (edits !== null) head += edits.lines;
  if (length === -1) head += 'Transfer-Encoding: chunked\r\n';
  // Rewritten: some readers take a length with a leading zero for octal.
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
 * X-Forwarded-For/-Proto/-Host/-Port, X-Real-IP and Forwarded (RFC 7239). The fields of a trusted proxy are kept and extended;
 * those of anyone else are mere claims and are replaced. X-Real-IP is always replaced: a proxy that writes no such field passes on
 * its client's.
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

/** The port that the client named, or the default of the scheme. */
function portOf(host: string, proto: string): string {
  const colon = host.lastIndexOf(':');
  if (colon > host.lastIndexOf(']')) return host.slice(colon + 1);
  return proto === 'https' ? '443' : '80';
}
