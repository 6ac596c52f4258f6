/** A raw connection to the audited server, bounded in time and size. */
import { once } from 'node:events';
import { createConnection, type Socket } from 'node:net';
import { connect as connectTls, type TLSSocket } from 'node:tls';

/** Bytes kept per reply. */
const kept = 262_144;

export interface DialOptions {
  readonly host: string;
  readonly port: number;
  /** TLS from the first byte, with this server name (null: no SNI). @default plain */
  readonly tls?: { readonly servername: string | null; readonly alpn?: readonly string[] } | undefined;
  /** Milliseconds to connect, TLS handshake included. */
  readonly timeout: number;
}

/** Connecting failed or timed out. */
export class UnreachableError extends Error {
  override readonly name = 'UnreachableError';
}

export class Connection {
  #socket: Socket;
  readonly #chunks: Buffer[] = [];
  #size = 0;
  #ended: 'closed' | 'reset' | null = null;
  #wake: () => void = () => {};

  private constructor(socket: Socket) {
    this.#socket = socket;
    this.#listen();
  }

  /** @throws UnreachableError */
  static async dial({ host, port, tls, timeout }: DialOptions): Promise<Connection> {
    // allowHalfOpen: a server that has closed its side may still read what we send.
    const socket = createConnection({ host, port, noDelay: true, allowHalfOpen: true });
    const signal = AbortSignal.timeout(timeout);
    let outer: Socket = socket;
    try {
      await once(socket, 'connect', { signal });
      if (tls !== undefined) outer = await secure(socket, tls, signal);
    } catch (cause) {
      socket.destroy();
      const what =
        cause instanceof Error && cause.name === 'AbortError' ? 'no answer in time' : String(cause);
      throw new UnreachableError(`cannot connect to ${host}:${port}: ${what}`, { cause });
    }
    return new Connection(outer);
  }

  /** Null while the connection is open. */
  get ended(): 'closed' | 'reset' | null {
    return this.#ended;
  }

  /** Everything received so far in the current layer (plain or TLS). */
  get received(): Buffer {
    return Buffer.concat(this.#chunks);
  }

  /** The local address. */
  get localAddress(): string {
    return this.#socket.localAddress ?? '';
  }

  /** Strings are sent as latin1. */
  send(bytes: string | Buffer): void {
    if (this.#socket.writable) this.#socket.write(bytes, 'latin1');
  }

  /**
   * Reads until `enough`, the end of the connection, the size limit or the timeout.
   *
   * @param patience timeout in milliseconds
   * @param idle milliseconds without a byte, after the first byte, that also end the read
   * @returns everything received, earlier reads included
   */
  async until(enough: (bytes: Buffer) => boolean, patience: number, idle = patience): Promise<Buffer> {
    const over = Promise.withResolvers<void>();
    let quiet: NodeJS.Timeout | undefined;
    const look = (): void => {
      const bytes = this.received;
      if (this.#ended !== null || this.#size >= kept || enough(bytes)) {
        over.resolve();
        return;
      }
      clearTimeout(quiet);
      if (bytes.length > 0) quiet = setTimeout(over.resolve, idle);
    };
    const limit = setTimeout(over.resolve, patience);
    this.#wake = look;
    look();
    await over.promise;
    this.#wake = () => {};
    clearTimeout(quiet);
    clearTimeout(limit);
    return this.received;
  }

  /** STARTTLS: discards everything received before. @throws UnreachableError */
  async startTls(servername: string | null, timeout: number): Promise<void> {
    this.#socket.removeAllListeners('data');
    try {
      this.#socket = await secure(this.#socket, { servername }, AbortSignal.timeout(timeout));
    } catch (cause) {
      throw new UnreachableError(`TLS failed: ${String(cause)}`, { cause });
    }
    this.#chunks.length = 0;
    this.#size = 0;
    this.#listen();
  }

  close(): void {
    this.#socket.destroy();
  }

  #listen(): void {
    const end = (how: 'closed' | 'reset') => {
      this.#ended ??= how;
      this.#wake();
    };
    this.#socket.on('data', (chunk: Buffer) => {
      if (this.#size >= kept) return;
      this.#chunks.push(chunk);
      this.#size += chunk.length;
      this.#wake();
    });
    this.#socket.on('end', () => end('closed'));
    this.#socket.on('close', () => end('closed'));
    // EPIPE: the peer closed while we were sending; its last bytes may still be unread.
    this.#socket.on('error', ({ code }: NodeJS.ErrnoException) => code !== 'EPIPE' && end('reset'));
  }
}

/** The certificate is not verified: the audit inspects the server and trusts nothing it sends. */
async function secure(
  socket: Socket,
  { servername, alpn }: NonNullable<DialOptions['tls']>,
  signal: AbortSignal,
): Promise<TLSSocket> {
  const secured = connectTls({
    socket,
    rejectUnauthorized: false,
    minVersion: 'TLSv1',
    ...(servername === null ? {} : { servername }),
    ...(alpn === undefined ? {} : { ALPNProtocols: [...alpn] }),
  });
  try {
    await once(secured, 'secureConnect', { signal });
  } catch (error) {
    secured.destroy();
    throw error;
  }
  return secured;
}
