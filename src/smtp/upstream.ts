/** One session with a mail server. Speaks only what it is told, and takes an answer for each thing it says. */
import { connect, isIP, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { refusedHere } from '../listener/refused-dial.ts';
import type { UpstreamTls } from './options.ts';
import { deliver, post } from './outbox.ts';
import { type Reply, ReplyReader, reply } from './reply.ts';

/** The mail server is gone, hangs, or speaks no SMTP: nothing that was under way can be believed accepted. */
export class UpstreamLost extends Error {
  override name = 'UpstreamLost';
}

export interface HostPort {
  readonly host: string;
  readonly port: number;
}

const notGreeted = reply(421, ['4.3.0 Not greeted yet']);

/** Nobody looks where it came from, so one is enough for all sessions. */
const sessionEnded = new UpstreamLost('the session has ended');

/**
 * What every mail server says is read into here, and made text of before anything else is read. A buffer each, which is
 * what a stream takes, is 64 KiB filled with zeros for a reply of thirty bytes: a tenth of the guard's processor time.
 */
const replies = Buffer.allocUnsafeSlow(65_536);

export class Upstream {
  readonly target: HostPort;
  #socket: Socket;
  /** What the mail server greeted with; 421 until whoever reads the greeting has put it here. */
  greeting = notGreeted;
  /** The EHLO or HELO that holds in it, and what the mail server said to it. */
  helo: { readonly line: string; readonly answer: Reply } | null = null;
  /** Clients whose sessions were carried on it, and have ended. */
  clients = 0;
  #allWell = true;
  readonly #onRead = (length: number): boolean => {
    this.#read(replies.subarray(0, length));
    return true;
  };
  readonly #onData = (chunk: Buffer): void => this.#read(chunk);
  readonly #reader = new ReplyReader();
  #waiting: { resolve(reply: Reply): void; reject(error: Error): void } | null = null;
  #unasked: Reply | null = null;
  #lost: UpstreamLost | null = null;
  #timer: NodeJS.Timeout | null = null;
  #timeout = 0;
  /** Told once, when the session ends otherwise than by `quit` or `drop`. */
  onLost: (() => void) | null = null;

  /** @param securely TLS is to come: then what is read goes through a stream, which TLS can be put over */
  private constructor(target: HostPort, securely: boolean) {
    this.target = target;
    const { host, port } = target;
    // No keep-alive probes: whatever waits here has a timeout of its own, so they would only cost system calls.
    const how = securely ? {} : { onread: { buffer: replies, callback: this.#onRead } };
    this.#socket = connect({ host, port, noDelay: true, ...how });
    if (securely) this.#socket.on('data', this.#onData);
    this.#watch(this.#socket);
  }

  #watch(socket: Socket): void {
    // The usual end is no error: one with its stack costs more than the rest of the closing.
    socket.on('error', (cause) => {
      if (this.#lost === null)
        this.#lose(new UpstreamLost(`${cause.message}${refusedHere(cause)}`, { cause }));
    });
    socket.on('close', () => {
      if (this.#lost === null) this.#lose(new UpstreamLost('the mail server closed the connection'));
    });
  }

  /** What is written goes here. */
  get socket(): Socket {
    return this.#socket;
  }

  /**
   * Goes on under TLS.
   *
   * @throws UpstreamLost where no handshake comes about in `timeout` milliseconds, or the certificate is not believed
   */
  async secure({ ca, servername, verify }: UpstreamTls, timeout: number): Promise<void> {
    deliver();
    const plain = this.#socket;
    plain.off('data', this.#onData);
    // RFC 3207 section 6 (CVE-2011-0411): what came in the clear is no word of the server behind TLS.
    if (this.#unasked !== null || this.#reader.isInside || plain.readableLength > 0)
      throw new UpstreamLost('the mail server spoke in the clear after STARTTLS');
    const name = servername ?? this.target.host;
    const secured = Promise.withResolvers<void>();
    const socket = connectTls({
      socket: plain,
      host: name,
      ...(isIP(name) === 0 ? { servername: name } : {}),
      ...(ca === null ? {} : { ca }),
      rejectUnauthorized: verify,
      minVersion: 'TLSv1.2',
    });
    this.#socket = socket;
    this.#watch(socket);
    const timer = setTimeout(() => this.drop(new UpstreamLost('no TLS handshake in time')), timeout);
    socket.once('secureConnect', secured.resolve);
    this.onLost = () => secured.reject(this.#lost);
    try {
      await secured.promise;
    } finally {
      clearTimeout(timer);
      this.onLost = null;
    }
    socket.on('data', this.#onData);
  }

  /**
   * Connects. The greeting is yet to come.
   *
   * @param securely `secure` is to be called
   * @throws UpstreamLost where no connection comes about in `timeout` milliseconds
   */
  static async connect(target: HostPort, timeout: number, securely = false): Promise<Upstream> {
    const upstream = new Upstream(target, securely);
    const connected = Promise.withResolvers<void>();
    const timer = setTimeout(() => upstream.drop(new UpstreamLost('no connection in time')), timeout);
    upstream.socket.once('connect', connected.resolve);
    upstream.onLost = () => connected.reject(upstream.#lost);
    try {
      await connected.promise;
    } finally {
      clearTimeout(timer);
      upstream.onLost = null;
    }
    return upstream;
  }

  /** What the mail server has said though nothing was asked; null where it has kept silent. */
  get unasked(): Reply | null {
    return this.#unasked;
  }

  get isLost(): boolean {
    return this.#lost !== null;
  }

  /**
   * Whether nothing is under way and nothing was ever refused: a mail server counts what it refuses, and slows down or ends
   * a session with much of it.
   */
  get isSpotless(): boolean {
    return this.#lost === null && this.#waiting === null && this.#unasked === null && this.#allWell;
  }

  /** Says a command and waits for its reply. @throws UpstreamLost */
  command(line: string, timeout: number): Promise<Reply> {
    // An answer that nobody asked for would be taken for that of the next command: 421 of a server that shuts down.
    if (this.#unasked !== null)
      this.drop(new UpstreamLost(`the mail server said ${this.#unasked.code} unasked`));
    if (this.#lost === null) post(this.#socket, `${line}\r\n`);
    return this.reply(timeout);
  }

  /** Waits for a reply. @throws UpstreamLost */
  reply(timeout: number): Promise<Reply> {
    if (this.#unasked !== null) {
      const reply = this.#unasked;
      this.#unasked = null;
      return Promise.resolve(reply);
    }
    if (this.#lost !== null) return Promise.reject(this.#lost);
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject };
      this.#expectWithin(timeout);
    });
  }

  /** One timer, begun anew for each reply, in place of one made and thrown away for each. */
  #expectWithin(timeout: number): void {
    if (this.#timer !== null && this.#timeout === timeout) {
      this.#timer.refresh();
      return;
    }
    clearTimeout(this.#timer ?? undefined);
    this.#timeout = timeout;
    this.#timer = setTimeout(() => {
      // Nothing is waited for between two commands; the next one begins it anew.
      if (this.#waiting !== null) this.drop(new UpstreamLost('no reply in time'));
    }, timeout);
  }

  /** Ends the session without a word: after part of a refused message the server must not see an end of it. */
  drop(why = new UpstreamLost('dropped')): void {
    this.#lose(why);
    this.#socket.destroy();
  }

  /** Takes leave; does not wait. */
  quit(): void {
    if (this.#lost !== null) return;
    this.onLost = null;
    this.#lost = sessionEnded;
    clearTimeout(this.#timer ?? undefined);
    deliver();
    // Not closed to write: that is a system call of its own, and the answer to QUIT ends it both ways.
    this.#socket.write('QUIT\r\n', 'latin1');
    this.#socket.setTimeout(5_000, () => this.#socket.destroy());
  }

  #read(chunk: Buffer): void {
    if (this.#lost !== null) {
      this.#socket.destroy();
      return;
    }
    try {
      for (const reply of this.#reader.push(chunk)) {
        const waiting = this.#waiting;
        this.#waiting = null;
        // 334: who breaks off an AUTH leaves a server that waits for a password, and would take the next EHLO for one.
        if (reply.code >= 400 || reply.code === 334) this.#allWell = false;
        if (waiting !== null) waiting.resolve(reply);
        else if (this.#unasked === null) this.#unasked = reply;
        else throw new Error('several replies to one command');
      }
    } catch (cause) {
      this.drop(new UpstreamLost('the mail server speaks no SMTP', { cause }));
    }
  }

  #lose(why: UpstreamLost): void {
    if (this.#lost !== null) return;
    this.#lost = why;
    clearTimeout(this.#timer ?? undefined);
    const waiting = this.#waiting;
    this.#waiting = null;
    waiting?.reject(why);
    this.onLost?.();
  }
}
