/** The mail servers behind the guard: dealt out in turn, passed over where they do not greet. */
import { capabilitiesOf } from './capabilities.ts';
import type { SmtpOptions, UpstreamTls } from './options.ts';
import { type ClientEnds, proxyHeader, proxyHeader2, type TlsFacts } from './proxy-header.ts';
import type { Reply } from './reply.ts';
import { Resting } from './resting.ts';
import { Turns } from './turns.ts';
import { type HostPort, Upstream, UpstreamLost } from './upstream.ts';

type BackendOptions = Pick<SmtpOptions, 'xclient' | 'proxyProtocol' | 'reuse' | 'timeouts' | 'backendTls'> & {
  /** Each HOST:PORT. */
  readonly backends: readonly string[];
};

/** The client that a session with a mail server is for. */
export interface Client extends ClientEnds {
  /** Null: it speaks in the clear. */
  readonly tls: TlsFacts | null;
}

/** Whoever waits for a session. */
export interface Caller {
  /** Nobody waits any more. */
  readonly isGone: boolean;
  /** Told of a connection that has not greeted yet, to drop it where the wait is over. */
  onConnect(upstream: Upstream): void;
}

const nobody: Caller = { isGone: false, onConnect: () => {} };

export class Backends {
  readonly #targets: readonly HostPort[];
  readonly #options: BackendOptions;
  readonly #onTrouble: (what: string, backend: string) => void;
  /** Null: each client gets a session of its own. */
  readonly #resting: Resting | null;
  readonly #turns: Turns;
  /** Of the configured ones. */
  readonly #demanding = new Set<string>();
  /** Attributes of XCLIENT that each mail server offers; one that has taken them is not asked again for each client. */
  readonly #attributes = new Map<HostPort, ReadonlySet<string>>();

  /**
   * @param onTrouble told what is wrong with a backend, as the second half of a sentence
   * @throws where a backend is not written HOST:PORT
   */
  constructor(options: BackendOptions, onTrouble: (what: string, backend: string) => void) {
    this.#targets = options.backends.map(parseHostPort);
    if (this.#targets.length === 0) throw new Error('smtp: no backend; write backend: HOST:PORT');
    this.#turns = new Turns(this.#targets.length);
    this.#options = options;
    this.#onTrouble = onTrouble;
    // A session that was told the client's address is that client's: neither XCLIENT nor PROXY can be said twice in it.
    const anonymous = !options.xclient && options.proxyProtocol === false;
    this.#resting = options.reuse && anonymous ? new Resting() : null;
  }

  /**
   * A session that rests at the mail server whose turn it is, or else one opened at the first that greets: with 220, or with
   * the 5xx by which it wants none of this client.
   *
   * @param fresh not one that another client has had
   * @param caller told of each connection, before its greeting
   * @throws UpstreamLost where none greets
   */
  async dial(client: Client, fresh = false, caller: Caller = nobody): Promise<Upstream> {
    let last: UpstreamLost | null = null;
    const turns = this.#turns.next();
    for (const [at, index] of turns.entries()) {
      const target = this.#targets[index]!;
      const rested = fresh ? null : (this.#resting?.take(target) ?? null);
      if (rested !== null) return rested;
      try {
        return await this.#open(target, client, at === turns.length - 1, caller);
      } catch (cause) {
        // The mail server is not to blame for a client that has left.
        if (caller.isGone) throw cause;
        last = cause instanceof UpstreamLost ? cause : new UpstreamLost('dialling failed', { cause });
        this.#turns.failed(index);
        this.#onTrouble(`passed over: ${last.message}`, this.#options.backends[index]!);
      }
    }
    throw last ?? new UpstreamLost('no mail server');
  }

  /**
   * Takes back a session that a client has done with.
   *
   * @param asNew it has carried mail, none of it is under way, and it is nobody's by AUTH
   */
  leave(upstream: Upstream, asNew: boolean): void {
    if (asNew && this.#resting !== null) this.#resting.put(upstream);
    else upstream.quit();
  }

  /** Tells, once, of a mail server that takes no mail in the clear: clients get its 530, which none of them can do anything about. */
  demandsTls({ host, port }: HostPort): void {
    const backend = this.#options.backends.find((text) => {
      const target = parseHostPort(text);
      return target.host === host && target.port === port;
    });
    if (backend === undefined || this.#demanding.has(backend)) return;
    this.#demanding.add(backend);
    this.#onTrouble('takes mail under TLS alone, so none gets through: write smtp.backendTls', backend);
  }

  /** Whether the mail server is told who the client is. */
  get tellsClient(): boolean {
    return this.#options.xclient || this.#options.proxyProtocol !== false;
  }

  /** Whether a session goes on being what the mail server was told of it once the client speaks TLS: a header of version 2 tells that. */
  get keepsThroughTls(): boolean {
    return this.#options.proxyProtocol !== 'v2';
  }

  /** Ends the sessions that nobody has. */
  close(): void {
    this.#resting?.close();
  }

  async #open(target: HostPort, client: Client, last: boolean, caller: Caller): Promise<Upstream> {
    const { connect, greeting: patience } = this.#options.timeouts;
    const upstream = await Upstream.connect(target, connect, this.#options.backendTls !== null);
    try {
      if (caller.isGone) throw new UpstreamLost('the client has left');
      caller.onConnect(upstream);
      const { proxyProtocol, backendTls } = this.#options;
      if (proxyProtocol === 'v1') upstream.socket.write(proxyHeader(client), 'latin1');
      if (proxyProtocol === 'v2') upstream.socket.write(proxyHeader2(client, client.tls));
      if (backendTls?.mode === 'implicit') await upstream.secure(backendTls, connect);
      let greeting = await upstream.reply(last ? patience : Math.min(connect, patience));
      if (greeting.code === 220 && backendTls?.mode === 'starttls')
        await this.#startTls(upstream, backendTls);
      if (greeting.code === 220 && this.#options.xclient) greeting = await this.#xclient(upstream, client);
      // 4xx: this server can't just now, another one may. 5xx: it knows the client and wants none of it.
      if (greeting.code !== 220 && greeting.code < 500)
        throw new UpstreamLost(`the mail server greets with ${greeting.code}`);
      upstream.greeting = greeting;
      return upstream;
    } catch (error) {
      upstream.drop();
      throw error;
    }
  }

  async #startTls(upstream: Upstream, tls: UpstreamTls): Promise<void> {
    const { reply, connect } = this.#options.timeouts;
    const { offered } = capabilitiesOf(await upstream.command('EHLO sekisho.invalid', reply));
    // RFC 3207 section 6: whoever takes the offer out of the reply would else read the mail.
    if (!offered.has('STARTTLS'))
      throw new UpstreamLost('STARTTLS is not offered; set it up there, or take backendTls out here');
    const { code } = await upstream.command('STARTTLS', reply);
    if (code !== 220) throw new UpstreamLost(`STARTTLS was answered with ${code}`);
    await upstream.secure(tls, connect);
  }

  /** XCLIENT_README of Postfix. The reply is a greeting again, and the session starts over. */
  async #xclient(upstream: Upstream, client: Client): Promise<Reply> {
    const { reply } = this.#options.timeouts;
    const known = this.#attributes.get(upstream.target);
    const attributes = known ?? (await this.#offeredAttributes(upstream));
    // Without it the mail server would take the client for this machine, which it may let relay.
    if (!attributes.has('ADDR'))
      throw new UpstreamLost(
        'XCLIENT is not offered to this machine; fix: add its address to smtpd_authorized_xclient_hosts',
      );
    const address = client.address.includes(':') ? `IPV6:${client.address}` : client.address;
    let line = `XCLIENT ADDR=${address}`;
    if (attributes.has('PORT')) line += ` PORT=${client.port}`;
    // No look-up is made for a client, so its name stays unknown; said, since a server may else look up ours.
    if (attributes.has('NAME')) line += ' NAME=[UNAVAILABLE]';
    const answer = await upstream.command(line, reply);
    if (answer.code === 220) {
      this.#attributes.set(upstream.target, attributes);
      return answer;
    }
    if (known === undefined) return answer;
    // It may have been set up anew since, or want an EHLO before it.
    this.#attributes.delete(upstream.target);
    return this.#xclient(upstream, client);
  }

  async #offeredAttributes(upstream: Upstream): Promise<ReadonlySet<string>> {
    const ehlo = await upstream.command('EHLO sekisho.invalid', this.#options.timeouts.reply);
    return new Set(capabilitiesOf(ehlo).offered.get('XCLIENT')?.toUpperCase().split(/\s+/) ?? []);
  }
}

/** @throws where the text is no HOST:PORT */
export function parseHostPort(text: string): HostPort {
  const match = /^(?:\[([0-9A-Fa-f.:]+)\]|([A-Za-z0-9._-]+)):(\d{1,5})$/.exec(text);
  const port = Number(match?.[3]);
  if (match === null || port > 65_535)
    throw new Error(`smtp: ${text} is no HOST:PORT; write it as 127.0.0.1:2525`);
  return { host: match[1] ?? match[2]!, port };
}
