/** The client's side of a session: lines in, replies out, each bounded in size and time; TLS when asked for. */
import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import { lingeringClose } from '../lingering-close.ts';
import type { Certificates } from '../listener/certificates.ts';
import { readInPlace } from '../listener/read-in-place.ts';
import { type CommandLine, CommandLines } from './command-lines.ts';
import { deliver, post } from './outbox.ts';
import type { TlsFacts } from './proxy-header.ts';

/** The client has gone. */
export class ClientGone extends Error {
  override name = 'ClientGone';
}

/** The usual end of a session: one for all, since an error with its stack costs more than the rest of the closing. */
const clientClosed = new ClientGone('the client closed the connection');

/** The client kept silent, or did not take what was said, for too long. */
export class ClientSlow extends Error {
  override name = 'ClientSlow';
}

/** RFC 5321 section 4.5.3.1.4 asks for 512; parameters of extensions may add to it. */
export const longestCommand = 4096;
/** RFC 4954 section 4: a line of an AUTH exchange. */
export const longestAuthLine = 12_288;
/** Bytes of commands kept while one is being carried out. */
const aheadLimit = 65_536;
/** Bytes of replies kept for a client that does not read. */
const unreadLimit = 65_536;

/** Read into by all sessions in the clear, in turn; what is to outlast the read is copied. */
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
  readonly #onData = (chunk: Buffer): void => this.#receive(chunk);
  /** Told when the client goes or closes its side, whatever is being waited for. */
  onGone: (() => void) | null = null;

  /**
   * @param lenient a bare CR or LF ends a line too
   * @param unread nothing is read before `startTls`
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

  /** How it speaks TLS; null: it does not. */
  get tls(): TlsFacts | null {
    if (!(this.#socket instanceof TLSSocket)) return null;
    return { version: this.#socket.getProtocol() ?? '', cipher: this.#socket.getCipher().name };
  }

  /** It has closed its side, and nothing that it sent is left to be carried out. */
  get isFinished(): boolean {
    return this.#ended && this.pending === 0;
  }

  /** Bytes that have come and are no command yet, or one that has not been reached. */
  get pending(): number {
    return this.#lines.pending + this.#socket.readableLength;
  }

  /** The same bytes, at most 4096 of them, latin1. Nothing more is read after this. */
  peek(): string {
    const buffered: Buffer | null = this.#socket.readableLength > 0 ? this.#socket.read() : null;
    if (buffered !== null) this.#lines.push(buffered);
    return this.#lines.takeRest().subarray(0, 4096).toString('latin1');
  }

  say(text: string): void {
    if (!this.#socket.destroyed && this.#socket.writable) post(this.#socket, text);
  }

  /**
   * The next line; null where the client has closed its side.
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
   * Armed once a line, not once a byte: who sends a byte a minute is slow. One timer, begun anew for each line, in place
   * of one made and thrown away for each.
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
      // Between two lines nobody waits, and the next one begins it anew.
      if (this.#wake === null) return;
      this.#late = true;
      this.#wake();
    }, timeout);
  }

  #forgetTime(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
  }

  /** Hands everything that comes to a sink instead of making lines of it; what has come already first. */
  divert(sink: (chunk: Buffer) => void): void {
    this.#sink = sink;
    const rest = this.#lines.takeRest();
    if (rest.length > 0) sink(rest);
    // Its side is closed already: no end of a message can come any more.
    if (this.#ended || this.#error !== null) queueMicrotask(() => this.onGone?.());
    this.resume();
  }

  /** Back to lines, beginning with bytes that the sink has not used. */
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
   * Goes on under TLS. Nothing that came in the clear may be left over.
   *
   * @throws ClientGone where the handshake fails, ClientSlow where it takes too long
   */
  async startTls(certificates: Certificates, timeout: number): Promise<void> {
    deliver();
    const plain = this.#socket;
    plain.removeAllListeners('data');
    plain.removeAllListeners('end');
    const secure = new TLSSocket(plain, {
      isServer: true,
      secureContext: certificates.standardContext,
      SNICallback: (name, done) => done(null, certificates.contextFor(name)),
    });
    const shaken = Promise.withResolvers<void>();
    const timer = setTimeout(() => secure.destroy(new ClientSlow('no TLS handshake in time')), timeout);
    const fail = (error?: unknown): void =>
      shaken.reject(
        error instanceof ClientSlow
          ? error
          : new ClientGone('no TLS handshake with the client', { cause: error }),
      );
    // A client that closes in the middle is told of to readers alone; what comes behind the handshake stays unread.
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

  /** Says a last thing and closes; what still comes is not read, but waited off, so that the answer is not lost. */
  end(text = ''): void {
    const socket = this.#socket;
    this.#sink = null;
    this.#error ??= clientClosed;
    this.#forgetTime();
    // Whoever waits for a line gets none any more; else its session with the mail server would stay open.
    this.#wake?.();
    socket.off('data', this.#onData);
    if (socket.destroyed) return;
    deliver();
    lingeringClose(socket, text);
  }

  destroy(): void {
    this.#socket.destroy();
  }

  #listen(socket: Socket): void {
    // What was read of it already, by whoever took a PROXY header off.
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
    // After the end of the session.
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
