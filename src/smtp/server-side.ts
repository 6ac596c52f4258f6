/** The mail server's side of a client's session: dials, and redials a lost session where that loses no mail. */
import type { ClientChannel } from './client-channel.ts';
import { isDone, type Reply } from './reply.ts';
import type { SessionContext } from './session-context.ts';
import { type Upstream, UpstreamLost } from './upstream.ts';

/** The mail server ends the session with this reply. */
const isShuttingDown = ({ code }: Reply): boolean => code === 421;
/** A 4yz to MAIL may be a limit on the messages of a session: Exim's 421 after 1000, OpenSMTPD's 452 after 100. */
const isForNow = ({ code }: Reply): boolean => code >= 400 && code < 500;

export class ServerSide {
  readonly #context: Pick<SessionContext, 'options' | 'backends' | 'ends'>;
  readonly #client: Pick<ClientChannel, 'onGone' | 'isGone' | 'isFinished' | 'tls'>;
  #upstream: Upstream | null = null;
  #helo: string | null = null;
  #delivered = false;
  /** A reused session that has not answered any command of this client yet. */
  #unproven = false;
  /** The client starts over in a session that has seen only its EHLO. */
  #startsOver = false;
  /** The current session has seen MAIL or AUTH. */
  #used = false;
  /** The client signed in, in this session: no other session can replace it. */
  authenticated = false;

  /** @param client dialling stops once it has left */
  constructor(
    context: SessionContext,
    client: Pick<ClientChannel, 'onGone' | 'isGone' | 'isFinished' | 'tls'>,
  ) {
    this.#context = context;
    this.#client = client;
  }

  /** The client's EHLO or HELO, once the mail server accepted it; null before. */
  get helo(): string | null {
    return this.#helo;
  }

  /** The current session. @throws UpstreamLost if there is none */
  get upstream(): Upstream {
    if (this.#upstream === null) throw new UpstreamLost('no session');
    return this.#upstream;
  }

  get #isLost(): boolean {
    return this.#upstream?.isLost ?? true;
  }

  /** Dials. @returns the greeting @throws UpstreamLost */
  async greeting(): Promise<Reply> {
    this.#upstream = await this.#dial(false);
    this.#unproven = this.#upstream.clients > 0;
    return this.#upstream.greeting;
  }

  /** Sends EHLO or HELO. @throws UpstreamLost */
  async introduce(line: string): Promise<Reply> {
    this.#helo = null;
    const before = this.#unproven ? this.upstream.helo : null;
    // The previous client sent the same line, so its reply holds.
    const answer =
      before?.line === line
        ? before.answer
        : // OpenSMTPD refuses a second EHLO with 503.
          await this.#anywhere(
            () => this.command(line),
            ({ code }) => code !== 250,
          );
    if (answer.code === 250) {
      this.#helo = line;
      this.#startsOver = false;
      this.upstream.introduced(line, answer);
    }
    return answer;
  }

  /** Sends AUTH. Redials first if needed. @throws UpstreamLost */
  signIn(line: string): Promise<Reply> {
    this.#prepare();
    return this.#anywhere(() => this.command(line), isShuttingDown);
  }

  /** Sends MAIL. Redials first if needed. @throws UpstreamLost */
  begin(line: string): Promise<Reply> {
    this.#prepare();
    return this.#anywhere(() => this.command(line), isForNow);
  }

  /**
   * Sends MAIL and the first RCPT: in one write if the mail server offers PIPELINING. Redials first if needed.
   *
   * @returns both replies; the second is null if MAIL was refused
   * @throws UpstreamLost
   */
  beginMessage(mail: string, rcpt: string): Promise<[Reply, Reply | null]> {
    this.#prepare();
    return this.#anywhere(
      () => this.#mailAndRcpt(mail, rcpt),
      ([begun, first]) => isForNow(begun) || (first !== null && isShuttingDown(first)),
    );
  }

  async #mailAndRcpt(mail: string, rcpt: string): Promise<[Reply, Reply | null]> {
    const { upstream } = this;
    if (upstream.helo?.pipelines !== true) {
      const begun = await this.command(mail);
      return [begun, isDone(begun) ? await this.command(rcpt) : null];
    }
    const [begun, first] = await upstream.pipelined(mail, rcpt, this.#context.options.timeouts.reply);
    // A server that refuses MAIL and closes before its reply to RCPT, as Exim's `drop` does, has refused the sender all the same. Its reply
    // to RCPT does not matter: the client must send RSET, which is forwarded.
    if (!isDone(begun)) return [begun, null];
    if (first === null) throw new UpstreamLost('lost after MAIL');
    return [begun, first];
  }

  /** For a command that may begin something. */
  #prepare(): void {
    // The EHLO in a reused session is another client's, or this client's from before TLS: don't send mail under it.
    if (this.#helo === null && (this.#startsOver || (this.#upstream?.clients ?? 0) > 0)) this.leave(false);
    this.#used = true;
  }

  /** Sends a command of the open message or AUTH exchange. @throws UpstreamLost */
  command(line: string): Promise<Reply> {
    return this.upstream.command(line, this.#context.options.timeouts.reply);
  }

  /** Sends RSET. @returns null if the session is lost, and with it any open message */
  async reset(): Promise<Reply | null> {
    try {
      return await this.command('RSET');
    } catch (error) {
      if (error instanceof UpstreamLost) return null;
      throw error;
    }
  }

  /** Waits for the reply to the end of a message. @throws UpstreamLost */
  async delivery(): Promise<Reply> {
    const answer = await this.upstream.reply(this.#context.options.timeouts.delivery);
    if (answer.code < 300) this.#delivered = true;
    return answer;
  }

  /**
   * Forgets everything the client sent. A session that has seen only EHLO is kept, since the next EHLO resets it: a new session would
   * start a mail server process for nothing.
   *
   * @param underWay it has an open message
   */
  startOver(underWay: boolean): void {
    if (this.#used || !this.#context.backends.keepsThroughTls) this.leave(underWay);
    this.#helo = null;
    this.#startsOver = true;
  }

  /** Ends the session, or keeps it idle for the next client. @param underWay it has an open message */
  leave(underWay: boolean): void {
    if (this.#upstream === null) return;
    const asNew = this.#delivered && !underWay && !this.authenticated;
    this.#context.backends.leave(this.#upstream, asNew);
    this.#upstream = null;
    this.#helo = null;
    this.#unproven = false;
    this.#startsOver = false;
    this.#used = false;
  }

  /** Closes the connection without QUIT. */
  drop(): void {
    this.#upstream?.drop();
  }

  /** Whether earlier commands in the session, from another client or before TLS, may be why the mail server refuses or closes it. */
  get #isSecondHand(): boolean {
    return this.#startsOver || (this.#upstream?.clients ?? 0) > 0;
  }

  /**
   * Sends commands in the current session; in a new one if that is lost. If a second-hand session refuses them or is lost, they
   * are sent in a new one: reuse must not make any answer worse.
   */
  async #anywhere<T>(send: () => Promise<T>, isOver: (answer: T) => boolean): Promise<T> {
    this.#unproven = false;
    if (this.#isSecondHand && !this.authenticated && !this.#isLost) {
      try {
        const answer = await send();
        if (!isOver(answer)) return answer;
        this.upstream.quit();
      } catch (error) {
        if (!(error instanceof UpstreamLost)) throw error;
        this.drop();
      }
    }
    if (this.#isLost) await this.#dialAfresh();
    return send();
  }

  /** A mail server may take minutes to greet: a client that leaves meanwhile must not hold a connection until then. */
  async #dial(fresh: boolean): Promise<Upstream> {
    const { backends, ends } = this.#context;
    const client = this.#client;
    let underWay: Upstream | null = null;
    // A half-closed client still gets the reply to its last command; before the greeting it has sent none.
    const left = (): boolean => client.isGone || (!fresh && client.isFinished);
    client.onGone = () => {
      if (left()) underWay?.drop();
    };
    try {
      return await backends.dial({ ...ends, tls: client.tls }, fresh, {
        get isGone() {
          return left();
        },
        onConnect: (upstream) => {
          underWay = upstream;
        },
      });
    } finally {
      client.onGone = null;
    }
  }

  async #dialAfresh(): Promise<void> {
    if (this.authenticated) throw new UpstreamLost('lost, and with it the sign-in');
    this.#upstream = await this.#dial(true);
    this.#startsOver = false;
    const { code } = this.#upstream.greeting;
    if (code !== 220) throw new UpstreamLost(`the mail server greets with ${code}`);
    if (this.#helo !== null) this.#upstream.introduced(this.#helo, await this.command(this.#helo));
  }
}
