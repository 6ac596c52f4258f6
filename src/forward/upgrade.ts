/** Upgraded connections (WebSocket), carried by http-proxy to a backend of the site. */
import { type ClientRequest, type IncomingMessage, STATUS_CODES } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import type { Socket } from 'node:net';
import { createProxyServer, type ProxyServer } from 'http-proxy';
import { type BackendAddress, backendName, tlsOptions } from './backend.ts';
import { UpstreamError } from './upstream-error.ts';

export interface UpgradeOptions {
  /** Milliseconds that connecting to a backend may take. */
  readonly connect: number;
  /** Milliseconds that a backend may take to answer the handshake. */
  readonly headers: number;
  /** Milliseconds an upgraded connection may be silent both ways. */
  readonly idle: number;
}

export class Upgrader {
  readonly #proxy: ProxyServer;
  readonly #options: UpgradeOptions;
  /** Client connections on which an answer to the handshake has begun. */
  readonly #answered = new WeakSet<Socket>();

  constructor(options: UpgradeOptions, onFailure: (error: UpstreamError) => void) {
    this.#options = options;
    // toProxy: the path goes out as it is, not through a URL parser that would read another one.
    this.#proxy = createProxyServer({
      ws: true,
      toProxy: true,
      prependPath: false,
      connectTimeout: options.connect,
    });
    this.#proxy.on('proxyReqWs', (proxyReq, req, socket) => {
      proxyReq.path = req.url!;
      this.#watch(proxyReq, socket);
    });
    this.#proxy.on('error', (error, _req, res, backend) => {
      const socket = res as Socket;
      const status = error instanceof HandshakeTimeout ? 504 : 502;
      const name = String(backend ?? 'the backend');
      // A client that goes away is nobody's failure.
      if (!socket.destroyed)
        onFailure(
          new UpstreamError(status, `${name} broke an upgraded connection: ${error.message}`, 'sent', error),
        );
      // Behind an answer these bytes would be taken for a part of it, behind a 101 for a WebSocket frame.
      if (socket.destroyed || this.#answered.has(socket)) return;
      socket.write(
        `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`,
      );
    });
  }

  /** http-proxy leaves a handshake alone that is not answered, or that nobody waits for any more. */
  #watch(proxyReq: ClientRequest, socket: Socket): void {
    refuseOtherProtocols(proxyReq);
    // Here, since http-proxy takes every timeout off the socket first.
    socket.setTimeout(this.#options.idle, () => socket.destroy());
    const timer = setTimeout(() => proxyReq.destroy(new HandshakeTimeout()), this.#options.headers);
    const onGone = () => {
      socket.destroy();
      proxyReq.destroy();
    };
    // Nobody reads the socket yet, and an end shows to a reader only. What came early stays in it.
    const look = () => {
      if (socket.readableLength === 0) socket.read(0);
    };
    socket.on('readable', look).once('end', onGone).once('close', onGone);
    const onAnswer = () => {
      this.#answered.add(socket);
      clearTimeout(timer);
      socket.off('readable', look).off('end', onGone);
    };
    proxyReq.once('upgrade', onAnswer).once('response', onAnswer);
    // http-proxy only says goodbye to the other side: one that does not answer that would be kept for good, since the
    // idle timeout is the client's and goes with it.
    proxyReq.once('upgrade', (_response, upstream: Socket) => {
      socket.once('close', () => upstream.destroy());
      upstream.once('close', () => socket.destroySoon());
    });
    proxyReq.once('close', () => {
      clearTimeout(timer);
      socket.off('close', onGone);
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

/** Behind a 101 of anything but a WebSocket nobody would judge what passes: h2c is a whole server without a checkpoint. */
function refuseOtherProtocols(proxyReq: ClientRequest): void {
  const emit = proxyReq.emit.bind(proxyReq) as (event: string | symbol, ...args: unknown[]) => boolean;
  proxyReq.emit = (event: string | symbol, ...args: unknown[]): boolean => {
    const [response, upstream] = args as [IncomingMessage, Socket];
    if (event !== 'upgrade' || response.headers.upgrade?.toLowerCase() === 'websocket')
      return emit(event, ...args);
    upstream.destroy();
    return emit('error', new Error('it switched to another protocol than WebSocket'));
  };
}

class HandshakeTimeout extends Error {
  override readonly message = 'did not answer the handshake in time';
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
