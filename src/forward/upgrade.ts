/** Upgraded connections (WebSocket), carried by http-proxy to a backend of the site. */
import type { IncomingMessage } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import type { Socket } from 'node:net';
import { createProxyServer, type ProxyServer } from 'http-proxy';
import { type BackendAddress, backendName, tlsOptions } from './backend.ts';
import { UpstreamError } from './upstream-error.ts';

export interface UpgradeOptions {
  /** Milliseconds that connecting to a backend may take. */
  readonly connect: number;
  /** Milliseconds an upgraded connection may be silent both ways. */
  readonly idle: number;
}

export class Upgrader {
  readonly #proxy: ProxyServer;
  readonly #options: UpgradeOptions;

  constructor(options: UpgradeOptions, onFailure: (error: UpstreamError) => void) {
    this.#options = options;
    // toProxy: the path goes out as it is, not through a URL parser that would read another one.
    this.#proxy = createProxyServer({
      ws: true,
      toProxy: true,
      prependPath: false,
      connectTimeout: options.connect,
    });
    this.#proxy.on('proxyReqWs', (proxyReq, req) => {
      proxyReq.path = req.url!;
    });
    this.#proxy.on('error', (error, _req, res, backend) => {
      onFailure(
        new UpstreamError(
          502,
          `${String(backend ?? 'the backend')} broke an upgraded connection: ${error.message}`,
          'sent',
          error,
        ),
      );
      const socket = res as Socket;
      // After the 101 these bytes would be taken for a WebSocket frame.
      if (!socket.destroyed && socket.bytesWritten === 0) {
        socket.write('HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\nConnection: close\r\n\r\n');
      }
    });
  }

  /**
   * Passes a judged handshake on. The request is given the target and the headers to forward first, since http-proxy
   * sends what it finds on it.
   *
   * @param head `forwardedHead` of the handshake
   * @param rest bytes that came in behind it
   */
  carry(
    req: IncomingMessage,
    socket: Socket,
    rest: Buffer,
    address: BackendAddress,
    path: string,
    head: string,
  ): void {
    socket.setTimeout(this.#options.idle, () => socket.destroy());
    req.url = path;
    req.headers = Object.create(null) as typeof req.headers;
    for (const line of head.split('\r\n').slice(1, -2)) {
      const colon = line.indexOf(': ');
      addHeader(req.headers, line.slice(0, colon), line.slice(colon + 2));
    }
    const agent = address.kind === 'tls' ? { agent: new HttpsAgent(tlsOptions(address.tls)) } : {};
    this.#proxy.ws(req, socket, rest, { target: target(address), ...agent }, (error) => {
      this.#proxy.emit('error', error, req, socket, backendName(address));
    });
  }
}

/** Several lines of one name stay several. */
function addHeader(headers: IncomingMessage['headers'], name: string, value: string): void {
  const key = name.toLowerCase();
  const known = headers[key];
  headers[key] = known === undefined ? value : Array.isArray(known) ? [...known, value] : [known, value];
}

function target(address: BackendAddress) {
  if (address.kind === 'unix')
    return { socketPath: address.path, protocol: 'http:', host: 'localhost', port: 80 };
  return { protocol: address.kind === 'tls' ? 'https:' : 'http:', host: address.host, port: address.port };
}
