/**
 * An address that accepts connections, plain or TLS, with or without PROXY headers. Every connection ends up at the HTTP/1 or
 * the HTTP/2 front end, and both use the same checkpoint.
 */
import { once } from 'node:events';
import { type AddressInfo, createServer as createTcp, type Socket, type Server as TcpServer } from 'node:net';
import {
  createSecureContext,
  createServer as createTls,
  type SecureContextOptions,
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
import { OpenSockets } from './open-sockets.ts';
import { takeProxyHeader } from './proxy-header.ts';
import { bindAlone, type PortSharing } from './shared-port.ts';

/** Serves connections from their first byte. */
export interface FrontEnd {
  take(socket: Socket): void;
  /** Closes idle connections now, and the others after their current answer. */
  close(): void;
  /** Called once every connection has closed. */
  stop(): void;
}

export interface ListenerOptions {
  readonly host: string;
  readonly port: number;
  /** A socket already bound by systemd; null: the listener binds. */
  readonly inherited: number | null;
  /** Which other sockets listen at the same address. */
  readonly sharing: PortSharing;
  /** Null: plain HTTP. */
  readonly tls: readonly CertificateFiles[] | null;
  /** Requests certificates from clients; null: it does not. */
  readonly clients: ClientCertificates | null;
  /** Key and certificate that answer a TLS-ALPN-01 challenge for a name (RFC 8737); null: no order for it is in progress. */
  readonly proofOf: ((servername: string) => string | null) | null;
  /** Which peers must send a PROXY header; null: none. */
  readonly proxyPeers: ((address: string) => boolean) | null;
  /** Milliseconds for a client to send a PROXY header, and to complete the TLS handshake. */
  readonly headerTime: number;
  /** Serves HTTP/1. */
  readonly http1: FrontEnd;
  /** Answers clients that speak plain HTTP to a TLS listener. */
  readonly plain: FrontEnd;
  /** Serves HTTP/2, over TLS only. */
  readonly http2: FrontEnd;
  /** Called for each accepted connection; false: it is cut off before a byte is read. */
  readonly mayConnect: (socket: Socket) => boolean;
  /** Called with the client that a PROXY header names. */
  readonly onClient: (socket: Socket, address: string) => void;
  /** Called with the server name of a TLS hello, and again after the handshake, then with the connection it ran `over`. */
  readonly onName: (socket: Socket, name: string, over?: Socket) => void;
  /** Called with the subject of the client's certificate (RFC 4514). */
  readonly onCertificate: (socket: Socket, name: string) => void;
  readonly onError: (error: Error) => void;
}

/**
 * Accepting sockets per address. Node accepts one connection per socket and event-loop turn (libuv 1.52). With 1,000 busy
 * connections a turn takes 20 ms, and a new client would wait for seconds.
 */
export const acceptors = 16;

export class Listener {
  readonly #options: ListenerOptions;
  readonly #certificates: Certificates | null;
  readonly #tls: TlsServer | null;
  /** For clients that support only RSA and send no server name, if the certificates need it. Made on first use. */
  #tlsForRsa: TlsServer | null = null;
  readonly #challenges: TlsServer | null;
  /** The first binds the address; the others share it. */
  readonly #accepting: readonly TcpServer[];
  /** Clients named by PROXY headers, by the balancer's socket. */
  readonly #named = new WeakMap<Socket, string>();
  /** Clients that support only certificates with an RSA key. */
  readonly #withoutEcdsa = new WeakSet<Socket>();
  /** Every connection, including upgraded ones, which the front ends no longer track. */
  readonly #sockets = new OpenSockets();

  /** @throws Error if a certificate can't be used */
  constructor(options: ListenerOptions) {
    this.#options = options;
    this.#certificates = options.tls === null ? null : this.#readCertificates(options.tls);
    this.#tls =
      this.#certificates === null ? null : this.#tlsServer(this.#certificates, this.#certificates.standard);
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

  /** @throws Error if the address can't be bound */
  async listen(): Promise<void> {
    const { host, port, inherited, sharing } = this.#options;
    const [first, ...others] = this.#accepting;
    if (sharing === 'own') await bindAlone({ host, port });
    const reusePort = sharing !== 'none';
    const more = inherited === null ? { reusePort } : { fd: inherited };
    await bind(first!, { host, port, ...more }, 'listen');
    if (inherited !== null) checkInherited(first!.address(), { host, port });
    const bound = first!.address() as AddressInfo;
    await Promise.all(others.map((server) => bind(server, { host, port: bound.port, reusePort }, 'listen')));
  }

  /** @param files the new file names. @default unchanged */
  reloadCertificates(files?: readonly CertificateFiles[]): void {
    this.#certificates?.reload(files);
  }

  /** Stops accepting, drains, and cuts off what is left after the deadline (milliseconds). */
  async close(deadline: number): Promise<void> {
    const closed = Promise.all(
      this.#accepting.filter(({ listening }) => listening).map((server) => once(server, 'close')),
    );
    for (const server of this.#accepting) server.close();
    this.#certificates?.close();
    this.#options.http1.close();
    this.#options.http2.close();
    this.#options.plain.close();
    const timer = setTimeout(() => this.#sockets.destroy(), deadline);
    await closed;
    clearTimeout(timer);
    // A server closes before the 'close' events of its last sockets, which may still record events.
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
      onReload: () => {
        if (this.#tls !== null) certificates.apply(this.#tls);
        this.#tlsForRsa = null;
      },
    };
    const certificates = new Certificates(files, events, this.#options.clients?.ca);
    return certificates;
  }

  /** @param standard shown to clients that send no server name */
  #tlsServer(certificates: Certificates, standard: SecureContextOptions): TlsServer {
    const { clients } = this.#options;
    const withoutEcdsa = this.#withoutEcdsa;
    const server = createTls({
      ...standard,
      requestCert: clients !== null,
      rejectUnauthorized: clients?.verify === 'require',
      ALPNProtocols: ['h2', 'http/1.1'],
      // Node calls it with the TLS socket as `this`.
      SNICallback: function (this: unknown, servername, done): void {
        const { _parent } = this as { readonly _parent?: Socket };
        const rsaAlone = _parent !== undefined && withoutEcdsa.has(_parent);
        done(null, certificates.contextFor(servername, !rsaAlone));
      },
      handshakeTimeout: this.#options.headerTime,
    });
    certificates.staple(server);
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

  /** @returns false: the connection was cut off */
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

  /** Like nginx, looks at the first byte: a browser that follows an old http: link to a TLS port gets an explanation. */
  #takeTls(socket: Socket, tls: TlsServer): void {
    if (socket.destroyed) return;
    const challenges = this.#challenges;
    peekFirstByte(socket, this.#options.headerTime, challenges !== null, (speaksTls, bytes) => {
      if (!speaksTls) {
        this.#options.plain.take(socket);
        return;
      }
      // A client that leaves during the handshake would otherwise keep its connection slot until the handshake times out.
      socket.allowHalfOpen = false;
      if (challenges !== null && bytes.includes(acmeProtocol)) {
        challenges.emit('connection', socket);
        return;
      }
      const { name, takesEcdsa } = readHello(bytes);
      if (!takesEcdsa) this.#withoutEcdsa.add(socket);
      if (name !== null) this.#options.onName(socket, name);
      const server = takesEcdsa || name !== null ? tls : this.#serverForRsa(tls);
      server.emit('connection', socket);
    });
  }

  /** Without a server name Node calls no SNICallback, which chooses by the client's keys where there is a name. */
  #serverForRsa(usual: TlsServer): TlsServer {
    const certificates = this.#certificates!;
    const standard = certificates.standardForRsa;
    if (standard === null) return usual;
    this.#tlsForRsa ??= this.#tlsServer(certificates, standard);
    return this.#tlsForRsa;
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

/** The ALPN entry in the hello of a validating server (RFC 8737 section 3). */
const acmeProtocol = Buffer.from('\x0aacme-tls/1');

/** Completes the handshake with a validating server and closes. Ordinary clients never see a challenge's certificate. */
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
