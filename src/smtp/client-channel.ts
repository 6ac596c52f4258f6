/** The client's side of a session: lines in, replies out, each bounded in size and time; TLS after STARTTLS. */
import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import { lingeringClose } from '../lingering-close.ts';
import type { Certificates } from '../listener/certificates.ts';
import { peekFirstByte } from '../listener/first-byte.ts';
import { readByStream, readInPlace } from '../listener/read-in-place.ts';
import { readHello } from '../wire/client-hello.ts';
import { deliver, post } from './coalesced-writes.ts';
import { type CommandLine, CommandLines } from './command-lines.ts';
import type { TlsFacts } from './proxy-header.ts';

/** The client closed or lost the connection. */
export class ClientGone extends Error {
  override name = 'ClientGone';
}

/** The usual end of a session. Shared: making an error with its stack costs more than the rest of closing. */
const clientClosed = new ClientGone('the client closed the connection');

/** The client sent nothing, or read nothing, for too long. */
export class ClientSlow extends Error {
  override name = 'ClientSlow';
}

/** RFC 5321 section 4.5.3.1.4 requires 512; extension parameters may add to that. */
export const longestCommand = 4096;
/** RFC 4954 section 4: the longest line of an AUTH exchange. */
export const longestAuthLine = 12_288;
/** Bytes of pipelined commands kept while one is carried out. */
const aheadLimit = 65_536;
/** Bytes of replies kept for a client that does not read. */
const unreadLimit = 65_536;

/** Read buffer of all sessions without TLS; what must outlast a read is copied. */
const memory = Buffer.allocUnsafeSlow(65_536);

export class ClientChannel {
  #socket: Socket;
  readonly #lines: CommandLines;
  #sink: ((chunk: Buffer) => void) | null = null;
  #wake: (() => void) | null = null;
  #ended = false;
  #error: Error | null = null;
  #timer: NodeJS.Timeout | null = null;
  #timeout = 0;
  #late = false;
  /** The last answer is posted, and closes the connection. */
  #closing = false;
  readonly #onData = (chunk: Buffer): void => this.#receive(chunk);
  /** Called when the client leaves or closes its side, whatever the session waits for. */
  onGone: (() => void) | null = null;

  /**
   * @param lenient a bare CR or LF also ends a line
   * @param unread read nothing before `startTls`
   */
  constructor(socket: Socket, lenient = false, unread = false) {
    this.#lines = new CommandLines(lenient);
    this.#socket = socket;
    if (!unread) this.#listen(socket);
  }

  get socket(): Socket {
    return this.#socket;
  }

  get isGone(): boolean {
    return this.#socket.destroyed || this.#error !== null;
  }

  /** TLS version and cipher; null: no TLS. */
  get tls(): TlsFacts | null {
    if (!(this.#socket instanceof TLSSocket)) return null;
    return { version: this.#socket.getProtocol() ?? '', cipher: this.#socket.getCipher().name };
  }

  /** The client has closed its side, and all its commands are carried out. */
  get isFinished(): boolean {
    return this.#ended && this.pending === 0;
  }

  /** Bytes received that no command has been made of yet. */
  get pending(): number {
    return this.#lines.pending + this.#socket.readableLength;
  }

  /** The pending bytes, at most 4096 of them, latin1. Ends reading. */
  peek(): string {
    const buffered: Buffer | null = this.#socket.readableLength > 0 ? this.#socket.read() : null;
    if (buffered !== null) this.#lines.push(buffered);
    return this.#lines.takeRest().subarray(0, 4096).toString('latin1');
  }

  say(text: string): void {
    if (!this.#socket.destroyed && this.#socket.writable) post(this.#socket, text);
  }

  /**
   * Answers QUIT and closes at once, as mail servers do, where nothing is left unread: a client has nothing to say after QUIT, so no
   * reset can overtake the answer. Under TLS `end` closes.
   */
  bye(text: string): void {
    if (this.pending > 0 || this.#socket instanceof TLSSocket) {
      this.say(text);
      return;
    }
    if (this.#socket.destroyed || !this.#socket.writable) return;
    this.#closing = true;
    post(this.#socket, text, true);
  }

  /**
   * The next line; null once the client has closed its side.
   *
   * @throws ClientSlow, ClientGone
   */
  async line(longest: number, timeout: number): Promise<CommandLine | null> {
    if (this.#socket.writableLength > unreadLimit) await this.#drained(timeout);
    const ready = this.#lines.next(longest);
    if (ready !== null) return ready;
    this.#expectWithin(timeout);
    try {
      for (;;) {
        if (this.#error !== null) throw this.#error;
        if (this.#ended) return null;
        if (this.#late) throw new ClientSlow('no command in time');
        this.#resumeWhenRoom();
        await new Promise<void>((wake) => {
          this.#wake = wake;
        });
        const line = this.#lines.next(longest);
        if (line !== null) return line;
      }
    } finally {
      this.#wake = null;
    }
  }

  /**
   * Starts the time for one line. Bytes do not extend it: a client that sends one byte a minute is too slow. One timer is refreshed for
   * each line, which is cheaper than making one each time.
   */
  #expectWithin(timeout: number): void {
    this.#late = false;
    if (this.#timer !== null && this.#timeout === timeout) {
      this.#timer.refresh();
      return;
    }
    this.#forgetTime();
    this.#timeout = timeout;
    this.#timer = setTimeout(() => {
      // Between two lines no line is due; the next wait refreshes the timer.
      if (this.#wake === null) return;
      this.#late = true;
      this.#wake();
    }, timeout);
  }

  #forgetTime(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
  }

  /** Sends all bytes to a sink instead of cutting them into lines, beginning with the pending ones. */
  divert(sink: (chunk: Buffer) => void): void {
    this.#sink = sink;
    const rest = this.#lines.takeRest();
    if (rest.length > 0) sink(rest);
    // The client has closed its side: the end of the message can't come any more.
    if (this.#ended || this.#error !== null) queueMicrotask(() => this.onGone?.());
    this.resume();
  }

  /** Cuts lines again, beginning with the bytes the sink did not use. */
  restore(unused: Buffer): void {
    this.#sink = null;
    if (unused.length > 0) this.#lines.push(unused);
    this.#resumeWhenRoom();
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    if (!this.#ended) this.#socket.resume();
  }

  /**
   * Starts TLS. The caller has checked that no plaintext is pending.
   *
   * @throws ClientGone if the handshake fails, ClientSlow if it takes too long
   */
  async startTls(certificates: Certificates, timeout: number): Promise<void> {
    deliver();
    const plain = this.#socket;
    plain.removeAllListeners('data');
    plain.removeAllListeners('end');
    const takesEcdsa = !certificates.hasSeveralKinds || (await supportsEcdsa(plain, timeout));
    const { stapling } = certificates;
    const secure = new TLSSocket(plain, {
      isServer: true,
      secureContext: certificates.standardContext(takesEcdsa),
      ...(stapling === undefined ? {} : { server: stapling }),
      SNICallback: (name, done) => done(null, certificates.contextFor(name, takesEcdsa)),
    });
    const shaken = Promise.withResolvers<void>();
    const timer = setTimeout(() => secure.destroy(new ClientSlow('no TLS handshake in time')), timeout);
    const fail = (error?: unknown): void =>
      shaken.reject(
        error instanceof ClientSlow
          ? error
          : new ClientGone('no TLS handshake with the client', { cause: error }),
      );
    // Only a reader learns that a client closed in mid-handshake. Data after the handshake stays unread.
    const onReadable = (): void => {
      if (secure.readableLength === 0) secure.read();
    };
    secure.once('secure', shaken.resolve);
    secure.on('readable', onReadable);
    for (const event of ['error', 'close', 'end']) secure.once(event, fail);
    this.#socket = secure;
    try {
      await shaken.promise;
    } finally {
      clearTimeout(timer);
      secure.off('readable', onReadable);
      for (const event of ['error', 'close', 'end']) secure.off(event, fail);
    }
    this.#listen(secure);
  }

  /** Sends a last text and closes. Later bytes are discarded until the client closes, so that no reset overtakes the text. */
  end(text = ''): void {
    const socket = this.#socket;
    this.#sink = null;
    this.#error ??= clientClosed;
    this.#forgetTime();
    // Wake a session waiting for a line, or its session with the mail server would stay open.
    this.#wake?.();
    socket.off('data', this.#onData);
    if (socket.destroyed || this.#closing) return;
    deliver();
    lingeringClose(socket, text);
  }

  destroy(): void {
    this.#socket.destroy();
  }

  #listen(socket: Socket): void {
    // Bytes read together with the inbound PROXY header.
    const early: Buffer | null = socket.readableLength > 0 ? socket.read() : null;
    const inPlace = readInPlace(
      socket,
      () => memory,
      (bytes) => {
        this.#receive(Buffer.from(bytes));
        return true;
      },
    );
    if (inPlace) socket.resume();
    else socket.on('data', this.#onData);
    if (early !== null) this.#lines.push(early);
    socket.on('end', () => {
      this.#ended = true;
      this.#wake?.();
      this.onGone?.();
    });
    socket.on('error', (cause) => {
      if (this.#error === null) this.#gone(new ClientGone(cause.message, { cause }));
    });
    socket.on('close', () => this.#gone(clientClosed));
  }

  #gone(error: Error): void {
    this.#forgetTime();
    if (this.#error !== null) return;
    this.#error = error;
    this.#wake?.();
    this.onGone?.();
  }

  #receive(chunk: Buffer): void {
    // The session is over.
    if (this.#error !== null) return;
    if (this.#sink !== null) {
      this.#sink(chunk);
      return;
    }
    this.#lines.push(chunk);
    if (this.#lines.pending > aheadLimit) this.#socket.pause();
    this.#wake?.();
  }

  #resumeWhenRoom(): void {
    if (this.#lines.pending <= aheadLimit) this.resume();
  }

  async #drained(timeout: number): Promise<void> {
    const socket = this.#socket;
    const drained = Promise.withResolvers<void>();
    const timer = setTimeout(() => drained.reject(new ClientSlow('the client does not read')), timeout);
    this.#wake = () => {
      if (this.#error !== null) drained.reject(this.#error);
    };
    socket.once('drain', drained.resolve);
    try {
      await drained.promise;
    } finally {
      clearTimeout(timer);
      this.#wake = null;
      socket.off('drain', drained.resolve);
    }
  }
}

/**
 * Whether a client that begins TLS supports certificates with an ECDSA key. Its hello stays unread on the socket.
 *
 * @throws ClientGone, ClientSlow
 */
async function supportsEcdsa(socket: Socket, timeout: number): Promise<boolean> {
  if (socket.destroyed) throw clientClosed;
  readByStream(socket);
  const hello = Promise.withResolvers<boolean>();
  const onClose = (): void => hello.reject(clientClosed);
  socket.once('close', onClose);
  // Set before the timer of `peekFirstByte`, which would only close the connection.
  const timer = setTimeout(() => {
    hello.reject(new ClientSlow('no TLS handshake in time'));
    // A client that expects TLS could not read an answer.
    socket.destroy();
  }, timeout);
  peekFirstByte(socket, timeout, true, (_speaksTls, bytes) => hello.resolve(readHello(bytes).takesEcdsa));
  try {
    return await hello.promise;
  } finally {
    clearTimeout(timer);
    socket.off('close', onClose);
  }
}
