/** The mail servers behind the guard: tried round-robin, skipping those that do not greet. */
import { capabilitiesOf } from './capabilities.ts';
import { IdleSessions } from './idle-sessions.ts';
import type { SmtpOptions, UpstreamTls } from './options.ts';
import { type ClientEnds, proxyHeader, proxyHeader2, type TlsFacts } from './proxy-header.ts';
import type { Reply } from './reply.ts';
import { RoundRobin } from './round-robin.ts';
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

/** The caller that waits for a session. */
export interface Caller {
  /** The client has left; stop dialling. */
  readonly isGone: boolean;
  /** Gets each connection before its greeting, to drop it if the client leaves. */
  onConnect(upstream: Upstream): void;
}

const nobody: Caller = { isGone: false, onConnect: () => {} };

export class Backends {
  readonly #targets: readonly HostPort[];
  readonly #options: BackendOptions;
  readonly #onTrouble: (what: string, backend: string) => void;
  /** Null: each connection of a client gets a session of its own. */
  readonly #idle: IdleSessions | null;
  readonly #order: RoundRobin;
  /** Backends already reported as demanding TLS. */
  readonly #demanding = new Set<string>();
  /** XCLIENT attributes each mail server offers, kept once it accepted them, to save an EHLO for each client. */
  readonly #attributes = new Map<HostPort, ReadonlySet<string>>();

  /**
   * @param onTrouble gets what is wrong with a backend, as the second half of a sentence
   * @throws if a backend is not HOST:PORT
   */
  constructor(options: BackendOptions, onTrouble: (what: string, backend: string) => void) {
    this.#targets = options.backends.map(parseHostPort);
    if (this.#targets.length === 0) throw new Error('smtp: no backend; write backend: HOST:PORT');
    this.#order = new RoundRobin(this.#targets.length);
    this.#options = options;
    this.#onTrouble = onTrouble;
    this.#idle = options.reuse ? new IdleSessions() : null;
  }

  /**
   * Takes an idle session with the next mail server, or opens one with the first that greets: with 220, or with 5xx, which refuses this
   * client.
   *
   * @param fresh never reuse an earlier session
   * @param caller gets each connection before its greeting
   * @throws UpstreamLost if no mail server greets
   */
  async dial(client: Client, fresh = false, caller: Caller = nobody): Promise<Upstream> {
    let last: UpstreamLost | null = null;
    const identity = this.#identityOf(client);
    const order = this.#order.next();
    for (const [at, index] of order.entries()) {
      const target = this.#targets[index]!;
      const idle = fresh ? null : (this.#idle?.take(target, identity) ?? null);
      if (idle !== null) return idle;
      try {
        const upstream = await this.#open(target, client, at === order.length - 1, caller);
        upstream.identity = identity;
        return upstream;
      } catch (cause) {
        // A client that left is no fault of the mail server: do not skip it next time.
        if (caller.isGone) throw cause;
        last = cause instanceof UpstreamLost ? cause : new UpstreamLost('dialling failed', { cause });
        this.#order.failed(index);
        this.#onTrouble(`skipped: ${last.message}`, this.#options.backends[index]!);
      }
    }
    throw last ?? new UpstreamLost('no mail server');
  }

  /**
   * Takes back a session its client has finished with.
   *
   * @param asNew it delivered mail, no message is open and no account is signed in, so the next client may have it
   */
  leave(upstream: Upstream, asNew: boolean): void {
    if (asNew && this.#idle !== null) this.#idle.put(upstream);
    else upstream.quit();
  }

  /** Reports, once, a mail server that demands TLS from the guard: clients get its 530 and can do nothing about it. */
  demandsTls({ host, port }: HostPort): void {
    const backend = this.#options.backends.find((text) => {
      const target = parseHostPort(text);
      return target.host === host && target.port === port;
    });
    if (backend === undefined || this.#demanding.has(backend)) return;
    this.#demanding.add(backend);
    this.#onTrouble('accepts mail only under TLS, so none gets through: set smtp.backendTls', backend);
  }

  /** Whether the mail server learns the client's address. */
  get tellsClient(): boolean {
    return this.#options.xclient || this.#options.proxyProtocol !== false;
  }

  /** Whether a session can go on after the client starts TLS. A PROXY header of version 2 has stated that there was no TLS. */
  get keepsThroughTls(): boolean {
    return this.#options.proxyProtocol !== 'v2';
  }

  /** Ends the idle sessions. */
  close(): void {
    this.#idle?.close();
  }

  /**
   * The client as announced to the mail server by XCLIENT or PROXY header, once per session: such a session serves only that client.
   * Without the port, which differs for each connection of the client.
   */
  #identityOf({ address, localAddress, localPort, tls }: Client): string {
    if (!this.tellsClient) return '';
    return JSON.stringify([address, localAddress, localPort, this.keepsThroughTls ? null : tls]);
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
      // 4xx: try another server. 5xx: the server refuses this client, and so would the others.
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
    // RFC 3207 section 6: an attacker who strips STARTTLS from the reply must not get the mail in the clear.
    if (!offered.has('STARTTLS'))
      throw new UpstreamLost('STARTTLS is not offered; set it up there, or remove backendTls here');
    const { code } = await upstream.command('STARTTLS', reply);
    if (code !== 220) throw new UpstreamLost(`STARTTLS was answered with ${code}`);
    await upstream.secure(tls, connect);
  }

  /** Sends XCLIENT (Postfix XCLIENT_README). The reply is a new greeting: the session starts over. */
  async #xclient(upstream: Upstream, client: Client): Promise<Reply> {
    const { reply } = this.#options.timeouts;
    const known = this.#attributes.get(upstream.target);
    const attributes = known ?? (await this.#offeredAttributes(upstream));
    // Without XCLIENT the mail server would take the client for this machine, which it may allow to relay.
    if (!attributes.has('ADDR'))
      throw new UpstreamLost(
        'XCLIENT is not offered to this machine; add its address to smtpd_authorized_xclient_hosts',
      );
    const address = client.address.includes(':') ? `IPV6:${client.address}` : client.address;
    let line = `XCLIENT ADDR=${address}`;
    if (attributes.has('PORT')) line += ` PORT=${client.port}`;
    // The guard looks up no names. Say so: a server may otherwise use our name for the client.
    if (attributes.has('NAME')) line += ' NAME=[UNAVAILABLE]';
    const answer = await upstream.command(line, reply);
    if (answer.code === 220) {
      this.#attributes.set(upstream.target, attributes);
      return answer;
    }
    // RFC 7504: 521 refuses this client, and the server closes.
    if (known === undefined || answer.code === 521) return answer;
    // The server may have been reconfigured, or want an EHLO before XCLIENT.
    this.#attributes.delete(upstream.target);
    return this.#xclient(upstream, client);
  }

  async #offeredAttributes(upstream: Upstream): Promise<ReadonlySet<string>> {
    const ehlo = await upstream.command('EHLO sekisho.invalid', this.#options.timeouts.reply);
    return new Set(capabilitiesOf(ehlo).offered.get('XCLIENT')?.toUpperCase().split(/\s+/) ?? []);
  }
}

/** @throws if the text is not HOST:PORT */
export function parseHostPort(text: string): HostPort {
  const match = /^(?:\[([0-9A-Fa-f.:]+)\]|([A-Za-z0-9._-]+)):(\d{1,5})$/.exec(text);
  const port = Number(match?.[3]);
  if (match === null || port > 65_535)
    throw new Error(`smtp: ${text} is not HOST:PORT; write it as 127.0.0.1:2525`);
  return { host: match[1] ?? match[2]!, port };
}
