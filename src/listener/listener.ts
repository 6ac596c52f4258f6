/**
 * One address that accepts connections: plain or TLS, with or without PROXY headers. Whatever it speaks, a connection ends
 * at one of two front ends, of HTTP/1 and of HTTP/2, and both ask the same checkpoint.
 */
import { once } from 'node:events';
import { type AddressInfo, createServer as createTcp, type Socket, type Server as TcpServer } from 'node:net';
import {
  createSecureContext,
  createServer as createTls,
  type TLSSocket,
  type Server as TlsServer,
} from 'node:tls';
import { hostPort } from '../address/host-port.ts';
import { readHello } from '../wire/client-hello.ts';
import { bind } from './bind.ts';
import { type CertificateFiles, Certificates } from './certificates.ts';
import { type ClientCertificates, clientName } from './client-certificate.ts';
import { peekFirstByte } from './first-byte.ts';
import { checkInherited } from './inherited-sockets.ts';
import { takeProxyHeader } from './proxy-header.ts';
import { bindAlone, type PortSharing } from './shared-port.ts';

/** A front end: takes connections of which nothing has been read, and serves them. */
export interface FrontEnd {
  take(socket: Socket): void;
  /** Ends connections that wait for a request now, and the others with their answer. */
  close(): void;
  /** Every connection is gone. */
  stop(): void;
}

export interface ListenerOptions {
  readonly host: string;
  readonly port: number;
  /** A socket that is bound already, by systemd; null: this one binds. */
  readonly inherited: number | null;
  /** Who else listens at the same address. */
  readonly sharing: PortSharing;
  /** Null: plain HTTP. */
  readonly tls: readonly CertificateFiles[] | null;
  /** Certificates that clients are asked for; null: none. */
  readonly clients: ClientCertificates | null;
  /** What answers a challenge of TLS-ALPN-01 for a name (RFC 8737): key and certificate; null: nobody orders for it. */
  readonly proofOf: ((servername: string) => string | null) | null;
  /** Peers of which a PROXY header is expected; null: of nobody. */
  readonly proxyPeers: ((address: string) => boolean) | null;
  /** Milliseconds for a client to send a PROXY header, and for TLS to be agreed on. */
  readonly headerTime: number;
  /** Serves HTTP/1. */
  readonly http1: FrontEnd;
  /** Tells clients that speak plain HTTP to a listener of TLS so. */
  readonly plain: FrontEnd;
  /** Serves HTTP/2, which is spoken over TLS alone. */
  readonly http2: FrontEnd;
  /** Told of a connection as it is accepted; false: it is cut off before a byte is read. */
  readonly mayConnect: (socket: Socket) => boolean;
  /** A client that a PROXY header names. */
  readonly onClient: (socket: Socket, address: string) => void;
  /** A name in a TLS hello, as it comes; and again once TLS is agreed on, `over` that connection. */
  readonly onName: (socket: Socket, name: string, over?: Socket) => void;
  /** Whom the certificate names that a client has shown (RFC 4514). */
  readonly onCertificate: (socket: Socket, name: string) => void;
  readonly onError: (error: Error) => void;
}

/**
 * Sockets that accept at one address. Node takes one connection from each in a turn of the event loop (libuv 1.52), and
 * among 1,000 busy connections a turn lasts 20 ms: a newcomer would wait for seconds.
 */
export const acceptors = 16;

export class Listener {
  readonly #options: ListenerOptions;
  readonly #certificates: Certificates | null;
  readonly #tls: TlsServer | null;
  readonly #challenges: TlsServer | null;
  /** The first has the address; the others share it. */
  readonly #accepting: readonly TcpServer[];
  /** Clients that PROXY headers named, by the socket of the balancer. */
  readonly #named = new WeakMap<Socket, string>();
  /** Clients that know certificates with an RSA key alone. */
  readonly #withoutEcdsa = new WeakSet<Socket>();
  /** Every connection, upgraded ones included: the servers of requests forget those. */
  readonly #sockets = new Set<Socket>();

  /** @throws Error where a certificate can't be used */
  constructor(options: ListenerOptions) {
    this.#options = options;
    this.#certificates = options.tls === null ? null : this.#readCertificates(options.tls);
    this.#tls = this.#certificates === null ? null : this.#tlsServer(this.#certificates);
    const { proofOf } = options;
    this.#challenges =
      this.#tls === null || proofOf === null ? null : challengeServer(proofOf, options.headerTime);
    const take = (socket: Socket): void =>
      this.#tls === null ? this.#serve(socket) : this.#takeTls(socket, this.#tls);
    const { proxyPeers } = options;
    const onConnection = (socket: Socket): void => {
      if (!options.mayConnect(socket)) {
        socket.destroy();
        return;
      }
      this.#sockets.add(socket);
      socket.once('close', () => this.#sockets.delete(socket));
      if (proxyPeers === null) take(socket);
      else this.#takeProxied(socket, proxyPeers, take);
    };
    const several = options.sharing === 'none' ? 1 : acceptors;
    this.#accepting = Array.from({ length: several }, () => createTcp(tcp, onConnection));
  }

  /** `http 127.0.0.1:8080`, once it accepts. */
  get name(): string {
    const { address, port } = this.#accepting[0]!.address() as AddressInfo;
    return `${this.#certificates === null ? 'http' : 'https'} ${hostPort(address, port)}`;
  }

  /** @throws Error where the address can't be bound */
  async listen(): Promise<void> {
    const { host, port, inherited, sharing } = this.#options;
    const [first, ...others] = this.#accepting;
    // Sockets that share an address are let in beside those of another gateway of the same user, which would get half of its connections.
    if (sharing === 'own') await bindAlone({ host, port });
    const reusePort = sharing !== 'none';
    const more = inherited === null ? { reusePort } : { fd: inherited };
    await bind(first!, { host, port, ...more }, 'listen');
    if (inherited !== null) checkInherited(first!.address(), { host, port });
    const bound = first!.address() as AddressInfo;
    await Promise.all(others.map((server) => bind(server, { host, port: bound.port, reusePort }, 'listen')));
  }

  /** @param files others than before. @default the same */
  reloadCertificates(files?: readonly CertificateFiles[]): void {
    this.#certificates?.reload(files);
  }

  /** Accepts no more, lets requests under way end, and cuts off what is left after the deadline (milliseconds). */
  async close(deadline: number): Promise<void> {
    const closed = Promise.all(
      this.#accepting.filter(({ listening }) => listening).map((server) => once(server, 'close')),
    );
    for (const server of this.#accepting) server.close();
    this.#certificates?.close();
    this.#options.http1.close();
    this.#options.http2.close();
    this.#options.plain.close();
    const timer = setTimeout(() => {
      for (const socket of this.#sockets) socket.destroy();
    }, deadline);
    await closed;
    clearTimeout(timer);
    // A server is closed before its last sockets have said so: what their senders wanted is told by then, and not lost.
    while (this.#sockets.size > 0) await new Promise(setImmediate);
    this.#options.http1.stop();
    this.#options.http2.stop();
    this.#options.plain.stop();
  }

  #serve(socket: Socket): void {
    if (socket.destroyed) return;
    this.#options.http1.take(socket);
  }

  #readCertificates(files: readonly CertificateFiles[]): Certificates {
    const events = {
      onError: this.#options.onError,
      onReload: () => this.#tls?.setSecureContext(certificates.standard),
    };
    const certificates = new Certificates(files, events, this.#options.clients?.ca);
    return certificates;
  }

  #tlsServer(certificates: Certificates): TlsServer {
    const { clients } = this.#options;
    const withoutEcdsa = this.#withoutEcdsa;
    const server = createTls({
      ...certificates.standard,
      requestCert: clients !== null,
      rejectUnauthorized: clients?.verify === 'require',
      ALPNProtocols: ['h2', 'http/1.1'],
      // Node calls it as a method of the connection.
      SNICallback: function (this: unknown, servername, done): void {
        const { _parent } = this as { readonly _parent?: Socket };
        const rsaAlone = _parent !== undefined && withoutEcdsa.has(_parent);
        done(null, certificates.contextFor(servername, !rsaAlone));
      },
      handshakeTimeout: this.#options.headerTime,
    });
    server.on('secureConnection', (socket: TLSSocket & { _parent?: Socket }) => {
      const named = socket._parent === undefined ? undefined : this.#named.get(socket._parent);
      if (named !== undefined) this.#options.onClient(socket, named);
      if (socket.servername) this.#options.onName(socket, socket.servername, socket._parent);
      if (clients !== null && !this.#nameClient(socket, clients)) return;
      socket.setNoDelay(true);
      socket.allowHalfOpen = true;
      if (socket.alpnProtocol === 'h2') this.#options.http2.take(socket);
      else this.#serve(socket);
    });
    server.on('tlsClientError', (_error, socket) => socket.destroy());
    return server;
  }

  /** False: the connection is cut off. */
  #nameClient(socket: TLSSocket, { verify }: ClientCertificates): boolean {
    try {
      const name = clientName(socket, verify);
      if (name !== null) this.#options.onCertificate(socket, name);
      return true;
    } catch {
      socket.destroy();
      return false;
    }
  }

  /** nginx looks at the first byte as well: a browser that is sent plain HTTP by an old link is told what is wrong. */
  #takeTls(socket: Socket, tls: TlsServer): void {
    if (socket.destroyed) return;
    const challenges = this.#challenges;
    peekFirstByte(socket, this.#options.headerTime, challenges !== null, (speaksTls, bytes) => {
      if (!speaksTls) {
        this.#options.plain.take(socket);
        return;
      }
      // Who leaves in the middle of the handshake is gone: the connection would else count for its client until the handshake times out.
      socket.allowHalfOpen = false;
      if (challenges !== null && bytes.includes(acmeProtocol)) {
        challenges.emit('connection', socket);
        return;
      }
      const { name, takesEcdsa } = readHello(bytes);
      if (!takesEcdsa) this.#withoutEcdsa.add(socket);
      if (name !== null) this.#options.onName(socket, name);
      tls.emit('connection', socket);
    });
  }

  #takeProxied(
    socket: Socket,
    proxyPeers: (address: string) => boolean,
    take: (socket: Socket) => void,
  ): void {
    const { headerTime, onClient, mayConnect } = this.#options;
    if (socket.destroyed) return;
    if (!proxyPeers(socket.remoteAddress ?? '')) {
      take(socket);
      return;
    }
    takeProxyHeader(socket, headerTime, (source) => {
      if (source !== null) {
        this.#named.set(socket, source);
        onClient(socket, source);
        if (!mayConnect(socket)) {
          socket.destroy();
          return;
        }
      }
      take(socket);
    });
  }
}

/** As it stands in the ALPN extension of a hello of a validating server (RFC 8737 section 3). */
const acmeProtocol = Buffer.from('\x0aacme-tls/1');

/** Shakes hands with a validating server, and says nothing else. Ordinary clients never see the certificate of a challenge. */
function challengeServer(
  proofOf: (servername: string) => string | null,
  handshakeTimeout: number,
): TlsServer {
  const server = createTls({
    ALPNProtocols: ['acme-tls/1'],
    handshakeTimeout,
    SNICallback: (servername, done) => {
      try {
        const pem = proofOf(servername.toLowerCase());
        done(null, pem === null ? undefined : createSecureContext({ cert: pem, key: pem }));
      } catch (error) {
        done(error as Error);
      }
    },
  });
  server.on('secureConnection', (socket) => {
    socket.on('error', () => {});
    socket.end();
  });
  server.on('tlsClientError', (_error, socket) => socket.destroy());
  return server;
}

const tcp = { noDelay: true, allowHalfOpen: true };
