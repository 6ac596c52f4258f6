/** What a Node request object says about the wire, for HTTP/1 and HTTP/2. */
import { IncomingMessage, type ServerResponse } from 'node:http';
import type { Http2ServerRequest, Http2ServerResponse } from 'node:http2';
import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { hostPort } from '../address/host-port.ts';
import { parseIp, unmapped, withoutZone } from '../address/ip.ts';
import { type ConnectionFacts, sessionId } from '../events/connection.ts';
import { printable } from '../events/redact.ts';
import type { HttpRequest } from '../wire/http-request.ts';

export type Request = IncomingMessage | Http2ServerRequest;
export type Response = ServerResponse | Http2ServerResponse;

/** Not decided by its version: `GET / HTTP/2.0` is a lying HTTP/1 message. */
export const isHttp2 = (req: Request): req is Http2ServerRequest => 'stream' in req;

/**
 * Whether the request did not come from a connection: `inject`, `injectWS`, and fakes in tests and serverless runtimes. Such an
 * object may have no socket, no stream and no raw headers.
 */
export const isStandIn = (req: Request): boolean =>
  !isHttp2(req) && !(req instanceof IncomingMessage && typeof req.socket?.destroy === 'function');

/** The raw headers; rebuilt from the parsed ones for a request without them, such as one that a serverless runtime has made up. */
export const rawHeadersOf = (req: Request): string[] =>
  req.rawHeaders?.length > 0
    ? req.rawHeaders
    : Object.entries(req.headers ?? {}).flatMap(([name, value]) =>
        [value ?? []].flat().flatMap((one) => [name, String(one)]),
      );

/** The facts of a request. HTTP/2 pseudo-headers are moved out of `rawHeaders`. */
export function received(req: Request): HttpRequest {
  const { method, url, httpVersion } = req;
  const rawHeaders = rawHeadersOf(req);
  if (!isHttp2(req))
    return { method: method ?? '', target: url ?? '', version: httpVersion ?? '', rawHeaders };
  let authority: string | null = null;
  let scheme = '';
  let protocol: string | null = null;
  let i = 0;
  // Node refuses pseudo-headers after a field and repeated ones (RFC 9113 section 8.3).
  for (; i < rawHeaders.length && rawHeaders[i]!.startsWith(':'); i += 2) {
    const value = rawHeaders[i + 1]!;
    if (rawHeaders[i] === ':authority') authority = value;
    else if (rawHeaders[i] === ':scheme') scheme = value;
    else if (rawHeaders[i] === ':protocol') protocol = value;
  }
  return {
    method: method ?? '',
    target: url ?? '',
    version: httpVersion,
    rawHeaders: oneCookie(rawHeaders.slice(i)),
    h2: { authority, scheme, protocol },
  };
}

/** RFC 9113 section 8.2.3: cookie crumbs are joined into one line for HTTP/1. */
function oneCookie(rawHeaders: string[]): string[] {
  if (!rawHeaders.includes('cookie')) return rawHeaders;
  const crumbs = rawHeaders.filter((_, i) => i % 2 === 1 && rawHeaders[i - 1] === 'cookie');
  const others = rawHeaders.filter((_, i) => rawHeaders[i - (i % 2)] !== 'cookie');
  return [...others, 'cookie', crumbs.join('; ')];
}

/** Whether a body follows, or may follow, the head. */
export const hasBody = (req: Request): boolean =>
  isHttp2(req)
    ? !req.stream.endAfterHeaders
    : req.headers['transfer-encoding'] !== undefined || (req.headers['content-length'] ?? '0') !== '0';

const named = Symbol('sekisho.listener');
const connected = Symbol('sekisho.connection');

/** The addresses of a connection, kept because a closed socket no longer has them. */
interface KeptEnds extends ConnectionFacts {
  /** Address of the peer, as Node writes it. */
  readonly remote: string;
}

type KeptSocket = Socket & { [named]?: string; [connected]?: KeptEnds };

/** The connection's facts for events. @param client address of the client; behind a proxy its port is not known */
export function connectionOf(socket: Socket | undefined, client: string): ConnectionFacts {
  if (socket === undefined) return {};
  listenerName(socket);
  const kept = (socket as KeptSocket)[connected];
  if (kept === undefined) return {};
  const { remote, clientPort, ...facts } = kept;
  const { servername, alpnProtocol } = socket as Partial<TLSSocket>;
  const peer = parseIp(withoutZone(remote));
  return {
    ...facts,
    ...(peer !== null && unmapped(peer).text === client ? { clientPort } : {}),
    ...(servername ? { sni: printable(servername).slice(0, 255) } : {}),
    protocol: alpnProtocol === 'h2' ? 'h2' : 'http/1.1',
  };
}

/** The listener, for people: `http 127.0.0.1:8080`. Kept, since a closed socket no longer has its address. */
export const listenerName = (
  socket: KeptSocket | undefined,
  secure = socket !== undefined && 'encrypted' in socket,
): string => {
  const known = socket?.[named];
  if (known !== undefined) return known;
  const { localAddress = '?', localPort = 0 } = socket ?? {};
  const name = `${secure ? 'https' : 'http'} ${hostPort(localAddress, localPort)}`;
  if (socket !== undefined && localPort !== 0) {
    socket[named] = name;
    socket[connected] = {
      remote: socket.remoteAddress ?? '',
      clientPort: socket.remotePort ?? null,
      localAddress,
      localPort,
      session: sessionId(),
    };
  }
  return name;
};
