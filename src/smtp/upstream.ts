/** One session with a mail server: sends commands, one at a time, and reads their replies. */
import { connect, isIP, type Socket } from 'node:net';
import { connect as connectTls, TLSSocket } from 'node:tls';
import { refusedHere } from '../listener/refused-dial.ts';
import { deliver, post } from './coalesced-writes.ts';
import type { UpstreamTls } from './options.ts';
import { type Reply, ReplyReader, reply } from './reply.ts';

/** The mail server closed, hangs, or does not speak SMTP: an open message must be taken for not accepted. */
export class UpstreamLost extends Error {
  override name = 'UpstreamLost';
}

export interface HostPort {
  readonly host: string;
  readonly port: number;
}

const notGreeted = reply(421, ['4.3.0 Not greeted yet']);

/** Shared, since its stack is never read. */
const sessionEnded = new UpstreamLost('the session has ended');

/**
 * The read buffer of all sessions without TLS, decoded before the next read. A stream would take a zeroed 64 KiB buffer for each reply of
 * thirty bytes: a tenth of the guard's processor time.
 */
const replies = Buffer.allocUnsafeSlow(65_536);

export class Upstream {
  readonly target: HostPort;
  #socket: Socket;
  /** The mail server's greeting; 421 until `Backends` has read it. */
  greeting = notGreeted;
  /** The EHLO or HELO in force, and the reply to it. */
  helo: { readonly line: string; readonly answer: Reply; readonly pipelines: boolean } | null = null;
  /** Clients this session has served. */
  clients = 0;
  /** The client as announced to the mail server: only the same client may reuse the session. Empty: not announced. */
  identity = '';
  #allWell = true;
  readonly #onRead = (length: number): boolean => {
    this.#read(replies.subarray(0, length));
    return true;
  };
  readonly #onData = (chunk: Buffer): void => this.#read(chunk);
  readonly #reader = new ReplyReader();
  /** For the replies to come, in order. */
  #waiting: { resolve(reply: Reply): void; reject(error: Error): void }[] = [];
  #unasked: Reply | null = null;
  #lost: UpstreamLost | null = null;
  #timer: NodeJS.Timeout | null = null;
  #timeout = 0;
  /** Called once if the session is lost, not for `quit`. */
  onLost: (() => void) | null = null;

  /** @param securely TLS will follow: read through the stream, which TLS can wrap */
  private constructor(target: HostPort, securely: boolean) {
    this.target = target;
    const { host, port } = target;
    // No keep-alive probes: every wait has its own timeout.
    const how = securely ? {} : { onread: { buffer: replies, callback: this.#onRead } };
    this.#socket = connect({ host, port, noDelay: true, ...how });
    if (securely) this.#socket.on('data', this.#onData);
    this.#watch(this.#socket);
  }

  #watch(socket: Socket): void {
    // After `quit` the end is no error: making one with its stack costs more than closing.
    socket.on('error', (cause) => {
      if (this.#lost === null)
        this.#lose(new UpstreamLost(`${cause.message}${refusedHere(cause)}`, { cause }));
    });
    socket.on('close', () => {
      if (this.#lost === null) this.#lose(new UpstreamLost('the mail server closed the connection'));
    });
  }

  /** To write messages to. */
  get socket(): Socket {
    return this.#socket;
  }

  /**
   * Starts TLS.
   *
   * @throws UpstreamLost if the handshake fails or takes longer than `timeout` milliseconds, or the certificate is invalid
   */
  async secure({ ca, servername, verify }: UpstreamTls, timeout: number): Promise<void> {
    deliver();
    const plain = this.#socket;
    plain.off('data', this.#onData);
    // RFC 3207 section 6 (CVE-2011-0411): plaintext after STARTTLS may be injected, and must not be read as replies under TLS.
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
   * Connects, without waiting for the greeting.
   *
   * @param securely the caller will call `secure`
   * @throws UpstreamLost if connecting fails or takes longer than `timeout` milliseconds
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

  /** A reply the mail server sent without a command; null: none. */
  get unasked(): Reply | null {
    return this.#unasked;
  }

  get isLost(): boolean {
    return this.#lost !== null;
  }

  /**
   * Whether nothing is pending and nothing was ever refused: a mail server counts refusals, and slows down or ends a session with many
   * of them.
   */
  get isSpotless(): boolean {
    return this.#lost === null && this.#waiting.length === 0 && this.#unasked === null && this.#allWell;
  }

  /** Keeps the EHLO or HELO, if it was accepted. */
  introduced(line: string, answer: Reply): void {
    if (answer.code !== 250) return;
    const pipelines = answer.lines.some((text, at) => at > 0 && /^PIPELINING[ \t]*$/i.test(text));
    this.helo = { line, answer, pipelines };
  }

  /** Sends a command and waits for its reply. @throws UpstreamLost */
  command(line: string, timeout: number): Promise<Reply> {
    this.#say(`${line}\r\n`);
    return this.reply(timeout);
  }

  /**
   * Sends two commands in one write (RFC 2920) and waits for both replies.
   *
   * @returns the second reply is null if the session is lost before it
   * @throws UpstreamLost if the session is lost before the first reply
   */
  pipelined(first: string, second: string, timeout: number): Promise<[Reply, Reply | null]> {
    this.#say(`${first}\r\n${second}\r\n`);
    return Promise.all([this.reply(timeout), this.reply(timeout).catch(() => null)]);
  }

  #say(text: string): void {
    // An unsolicited reply, such as the 421 of a server that shuts down, would be taken for the reply to this command.
    if (this.#unasked !== null) {
      this.drop(new UpstreamLost(`the mail server said ${this.#unasked.code} unasked`));
      this.#unasked = null;
    }
    if (this.#lost === null) post(this.#socket, text);
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
      this.#waiting.push({ resolve, reject });
      this.#expectWithin(timeout);
    });
  }

  /** One timer is refreshed for each reply, which is cheaper than making one each time. */
  #expectWithin(timeout: number): void {
    if (this.#timer !== null && this.#timeout === timeout) {
      this.#timer.refresh();
      return;
    }
    clearTimeout(this.#timer ?? undefined);
    this.#timeout = timeout;
    this.#timer = setTimeout(() => {
      // Between two commands no reply is due; the next command refreshes the timer.
      if (this.#waiting.length > 0) this.drop(new UpstreamLost('no reply in time'));
    }, timeout);
  }

  /** Closes the connection without QUIT: after part of a refused message the server must not see an end of it. */
  drop(why = new UpstreamLost('dropped')): void {
    this.#lose(why);
    this.#socket.destroy();
  }

  /** Sends QUIT and closes. Does not wait for the reply. */
  quit(): void {
    if (this.#lost !== null) return;
    this.onLost = null;
    this.#lost = sessionEnded;
    clearTimeout(this.#timer ?? undefined);
    // The answer to QUIT changes nothing, so do not wait for it, as Postfix does not (smtp_skip_quit_response).
    if (this.#waiting.length === 0 && !(this.#socket instanceof TLSSocket)) {
      post(this.#socket, 'QUIT\r\n', true);
      return;
    }
    deliver();
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
        const waiting = this.#waiting.shift();
        // 334: after a cancelled AUTH the server may still wait for a password, and would take the next EHLO for it.
        if (reply.code >= 400 || reply.code === 334) this.#allWell = false;
        if (waiting !== undefined) waiting.resolve(reply);
        else if (this.#unasked === null) this.#unasked = reply;
        else throw new Error('several replies to one command');
      }
    } catch (cause) {
      this.drop(new UpstreamLost('the mail server does not speak SMTP', { cause }));
    }
  }

  #lose(why: UpstreamLost): void {
    if (this.#lost !== null) return;
    this.#lost = why;
    clearTimeout(this.#timer ?? undefined);
    for (const { reject } of this.#waiting.splice(0)) reject(why);
    this.onLost?.();
  }
}
