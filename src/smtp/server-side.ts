/**
 * The mail server's side of a client's session: dialled, and dialled again where it has gone and nothing is lost by that.
 */
import type { ClientChannel } from './client-channel.ts';
import type { Reply } from './reply.ts';
import type { SessionContext } from './session-context.ts';
import { type Upstream, UpstreamLost } from './upstream.ts';

export class ServerSide {
  readonly #context: Pick<SessionContext, 'options' | 'backends' | 'ends'>;
  readonly #client: Pick<ClientChannel, 'onGone' | 'isGone' | 'isFinished' | 'tls'>;
  #upstream: Upstream | null = null;
  #helo: string | null = null;
  #delivered = false;
  /** Nothing has been said yet in a session that rested, which may have ended since, unseen. */
  #unproven = false;
  /** The client starts over, in a session where it has said its name alone. */
  #startsOver = false;
  /** A message or AUTH was asked for in the session there is. */
  #used = false;
  /** The mail server has let the client in by AUTH: no other session with it is as good as this. */
  authenticated = false;

  /** @param client nobody is dialled for once it has gone */
  constructor(
    context: SessionContext,
    client: Pick<ClientChannel, 'onGone' | 'isGone' | 'isFinished' | 'tls'>,
  ) {
    this.#context = context;
    this.#client = client;
  }

  /** The client's EHLO or HELO, once the mail server has taken it; null before. */
  get helo(): string | null {
    return this.#helo;
  }

  /** The session a message is under way in. @throws UpstreamLost where there is none */
  get upstream(): Upstream {
    if (this.#upstream === null) throw new UpstreamLost('no session');
    return this.#upstream;
  }

  /** Dials. @returns the greeting @throws UpstreamLost */
  async greeting(): Promise<Reply> {
    this.#upstream = await this.#dial(false);
    this.#unproven = this.#upstream.clients > 0;
    return this.#upstream.greeting;
  }

  /** Says EHLO or HELO. @throws UpstreamLost */
  async introduce(line: string): Promise<Reply> {
    this.#helo = null;
    const before = this.#unproven ? this.upstream.helo : null;
    // What the client before has said, under the same name, need not be said again.
    const answer = before?.line === line ? before.answer : await this.#anywhere(line);
    if (answer.code === 250) {
      this.#helo = line;
      this.upstream.helo = { line, answer };
    }
    return answer;
  }

  /** Says a command that no message is under way at. @throws UpstreamLost */
  async begin(line: string): Promise<Reply> {
    // In a session that another client has begun, or this one before TLS, the name said there still holds.
    if (this.#helo === null && (this.#startsOver || (this.#upstream?.clients ?? 0) > 0)) this.leave(false);
    this.#used = true;
    return this.#anywhere(line);
  }

  /** Says a command that belongs to what is under way. @throws UpstreamLost */
  command(line: string): Promise<Reply> {
    return this.upstream.command(line, this.#context.options.timeouts.reply);
  }

  /** Waits for the answer to the end of a message. @throws UpstreamLost */
  async delivery(): Promise<Reply> {
    const answer = await this.upstream.reply(this.#context.options.timeouts.delivery);
    if (answer.code < 300) this.#delivered = true;
    return answer;
  }

  /**
   * Forgets all that the client has said. In a session where that was its name, the next EHLO makes the mail server forget it
   * too: another one would be a process of the mail server begun and ended for nothing.
   *
   * @param underWay a message has been begun in it
   */
  startOver(underWay: boolean): void {
    if (this.#used || underWay || !this.#context.backends.keepsThroughTls) this.leave(underWay);
    this.#helo = null;
    this.#startsOver = true;
  }

  /** @param underWay a message has been begun in it */
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

  /** Ends it without a word. */
  drop(): void {
    this.#upstream?.drop();
  }

  /** In the session there is, or in another one where that one does not answer for having rested. */
  async #anywhere(line: string): Promise<Reply> {
    if (this.#unproven) {
      this.#unproven = false;
      try {
        const answer = await this.command(line);
        if (answer.code !== 421) return answer;
      } catch (error) {
        if (!(error instanceof UpstreamLost)) throw error;
      }
      this.drop();
    }
    if (this.#upstream?.isLost !== false) await this.#dialAfresh();
    return this.command(line);
  }

  /** A mail server may take minutes to greet: a client that leaves meanwhile is not to keep a place until then. */
  async #dial(fresh: boolean): Promise<Upstream> {
    const { backends, ends } = this.#context;
    const client = this.#client;
    let underWay: Upstream | null = null;
    // A client that has closed its side still gets the answer to its last command; before the greeting there is none.
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
    if (this.authenticated) throw new UpstreamLost('lost, and with it who the client is');
    this.#upstream = await this.#dial(true);
    const { code } = this.#upstream.greeting;
    if (code !== 220) throw new UpstreamLost(`the mail server greets with ${code}`);
    if (this.#helo !== null) await this.command(this.#helo);
  }
}
