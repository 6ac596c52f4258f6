/** The mail guard: its listeners, the limits of all sessions together, and shutdown. */
import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { clientPrefix, parseIp, unmapped, withoutZone } from '../address/ip.ts';
import { sessionId } from '../events/connection.ts';
import type { EventSink } from '../events/event.ts';
import { bind } from '../listener/bind.ts';
import { Members } from '../listener/members.ts';
import { OpenSockets } from '../listener/open-sockets.ts';
import { takeProxyHeader } from '../listener/proxy-header.ts';
import type { RuleId } from '../rules/catalogue.ts';
import { logMail, type MailCounts } from './accepted-mail.ts';
import { Accounts } from './accounts.ts';
import { parseHostPort } from './backends.ts';
import { withLiteral } from './domains.ts';
import { mailEvent } from './mail-event.ts';
import type { SmtpOptions } from './options.ts';
import type { ClientEnds } from './proxy-header.ts';
import { Session } from './session.ts';
import { connectionOf, listenerName, type SmtpLog } from './session-context.ts';
import { type Listener, Settings } from './settings.ts';

export interface SmtpGuardContext {
  /** Gets every refusal. */
  readonly onEvent: EventSink;
  readonly log: SmtpLog;
  /** Whether a client is banned now, by its address or its counting prefix. @default nobody is */
  readonly isBanned?: (prefix: string, address: string) => boolean;
  /**
   * Called for a session from outside `relayFrom` that asked only for recipients that a rule refuses.
   *
   * @param rule the one that the first of them broke
   */
  readonly onOffence?: (address: string, rule: RuleId) => void;
  /** Called for each message the mail server accepted from a client. */
  readonly onDelivered?: (address: string) => void;
  /** Called when an account suddenly sends much more than before, and with null once that is over. */
  readonly onRise?: (account: string, reason: string | null) => void;
}

export interface SmtpGuard {
  /**
   * Starts accepting.
   *
   * @returns the addresses, with the ports chosen for port 0
   * @throws if it can't listen on one of them; then it listens on none
   */
  listen(): Promise<AddressInfo[]>;
  /**
   * Prepares new options; `commit` applies them to clients that connect from then on. Bound addresses stay; each takes the settings of
   * the new listener with the same address, if there is one.
   *
   * @throws as `createSmtpGuard` does; the old options stay in force then
   */
  prepare(options: SmtpOptions): { commit(): void; abort(): void };
  /**
   * Graceful shutdown: stops accepting, lets open messages end, and closes.
   *
   * @param grace milliseconds after which open connections are cut off (default 10000)
   */
  close(grace?: number): Promise<void>;
  /** Open sessions. */
  readonly sessions: number;
  /** Mail accepted since the start. */
  readonly counts: Readonly<MailCounts>;
}

/**
 * Makes a guard; opens nothing yet.
 *
 * @throws if a domain, prefix, backend, listener, certificate or key is invalid, saying which
 */
export function createSmtpGuard(options: SmtpOptions, context: SmtpGuardContext): SmtpGuard {
  return new Guard(options, context);
}

/** Milliseconds for a balancer to send its PROXY header, which is its first packet. */
const headerTime = 10_000;

class Guard implements SmtpGuard {
  readonly #context: SmtpGuardContext;
  #settings: Settings;
  readonly #servers: Server[] = [];
  readonly #sessions = new Members<Session>();
  /** Includes ended sessions until their last reply is sent. */
  readonly #sockets = new OpenSockets();
  /** Open connections by client prefix. An entry is deleted with its last connection, so `limits.connections` bounds the map. */
  readonly #byClient = new Map<string, number>();
  readonly #accounts: Accounts;
  readonly #ticking: NodeJS.Timeout;
  readonly counts: MailCounts = { messages: 0, recipients: 0, bytes: 0 };

  constructor(options: SmtpOptions, context: SmtpGuardContext) {
    this.#context = context;
    this.#settings = new Settings(options, context.log);
    this.#accounts = new Accounts(
      () => performance.now(),
      (account, reason) => {
        if (reason !== null)
          context.log.warn({ event: 'account', account }, `smtp: account ${account}: ${reason}`);
        context.onRise?.(account, reason);
      },
    );
    this.#ticking = setInterval(() => this.#accounts.tick(), 60_000).unref();
  }

  prepare(options: SmtpOptions): { commit(): void; abort(): void } {
    const next = new Settings(options, this.#context.log, this.#settings);
    return {
      commit: () => {
        this.#settings.close(true);
        this.#settings = next;
      },
      abort: () => next.close(),
    };
  }

  get sessions(): number {
    return this.#sessions.size;
  }

  async listen(): Promise<AddressInfo[]> {
    try {
      for (const listener of this.#settings.listeners) {
        const { address } = listener.options;
        const { host, port } = parseHostPort(address);
        // allowHalfOpen: a client that closes its side after its last command still gets the reply.
        const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) =>
          this.#accept(socket, this.#currentListener(listener)),
        );
        await bind(
          server,
          { host, port },
          'smtp',
          'move the mail server to another port, such as 127.0.0.1:10025',
        );
        this.#servers.push(server);
      }
    } catch (error) {
      await this.close(0);
      throw error;
    }
    return this.#servers.map((server) => server.address() as AddressInfo);
  }

  async close(grace = 10_000): Promise<void> {
    const closed = this.#servers.splice(0).map((server) => {
      const done = once(server, 'close');
      server.close();
      return done;
    });
    this.#settings.close();
    clearInterval(this.#ticking);
    for (const session of this.#sessions) session.stop();
    const timer = setTimeout(() => {
      for (const session of this.#sessions) session.destroy();
      this.#sockets.destroy();
    }, grace);
    await Promise.all(closed);
    clearTimeout(timer);
  }

  /** A listener's current settings: after a reload, those of the new listener with the same address. */
  #currentListener(listener: Listener): Listener {
    const { listeners } = this.#settings;
    if (listeners.includes(listener)) return listener;
    return listeners.find(({ options }) => options.address === listener.options.address) ?? listener;
  }

  #accept(socket: Socket, listener: Listener): void {
    socket.on('error', ignore);
    this.#sockets.add(socket);
    const ends = endsOf(socket);
    if (ends === null) {
      socket.destroy();
      return;
    }
    if (!listener.options.proxyProtocol || !this.#settings.trustedProxies.contains(ends.address)) {
      this.#admit(socket, listener, ends);
      return;
    }
    takeProxyHeader(socket, headerTime, (source) => {
      const address = source === null ? ends.address : canonical(source);
      if (address === null) socket.destroy();
      else this.#admit(socket, listener, { ...ends, address });
    });
  }

  #admit(socket: Socket, listener: Listener, ends: ClientEnds): void {
    const { options, relayFrom, policy, certificates } = this.#settings;
    const prefix = clientPrefix(ends.address) ?? ends.address;
    // `auth: required` holds for `relayFrom` too: the address gives no right to relay.
    const mayRelay = listener.options.auth !== 'required' && relayFrom.contains(ends.address);
    const refusal = this.#refusal(prefix, mayRelay, ends);
    if (refusal !== null) {
      // A client that expects TLS could not read it.
      socket.end(listener.options.tls === 'implicit' ? '' : `${refusal}\r\n`);
      socket.resume();
      setTimeout(() => socket.destroy(), 2_000).unref();
      return;
    }
    const { onEvent, onOffence, onDelivered, log } = this.#context;
    const session = new Session(socket, {
      options,
      listener: listener.options,
      policy: withLiteral(policy, ends.localAddress),
      backends: listener.backends,
      certificates,
      ends,
      prefix,
      accounts: this.#accounts,
      mayRelay,
      normalizes: this.#settings.normalizes(ends.address),
      onEvent,
      onOffence: (rule) => onOffence?.(ends.address, rule),
      isBanned: () => this.#isBanned(prefix, ends.address),
      onDelivered: (mail) => {
        this.counts.messages++;
        this.counts.recipients += mail.to.length;
        this.counts.bytes += mail.size;
        logMail(log, mail);
        onDelivered?.(ends.address);
      },
      log,
    });
    this.#sessions.add(session);
    this.#byClient.set(prefix, (this.#byClient.get(prefix) ?? 0) + 1);
    void session.run().finally(() => {
      this.#sessions.delete(session);
      const left = this.#byClient.get(prefix)! - 1;
      if (left === 0) this.#byClient.delete(prefix);
      else this.#byClient.set(prefix, left);
    });
  }

  #refusal(prefix: string, mayRelay: boolean, ends: ClientEnds): string | null {
    const { limits } = this.#settings.options;
    if (this.#isBanned(prefix, ends.address)) {
      this.#context.onEvent(
        mailEvent({
          time: Date.now(),
          listener: listenerName(ends),
          client: ends.address,
          connection: connectionOf(ends),
          rules: ['client-banned'],
          effective: null,
          answer: 421,
          request: '',
          before: '',
        }),
      );
      // 421, never 5yz: a mail provider sends for many users, and 421 keeps their mail in its queue until the ban ends.
      return '421 4.7.1 Access refused, try again later';
    }
    if (this.#sessions.size >= limits.connections) return '421 4.7.0 Too many connections';
    if (!mayRelay && (this.#byClient.get(prefix) ?? 0) >= limits.connectionsPerClient)
      return '421 4.7.0 Too many connections from your address';
    return null;
  }

  /** True if the ban list throws: a check that fails denies. */
  #isBanned(prefix: string, address: string): boolean {
    try {
      return this.#context.isBanned?.(prefix, address) ?? false;
    } catch (error) {
      this.#context.log.error(
        { err: error },
        'smtp: the ban list could not be checked; the client was refused',
      );
      return true;
    }
  }
}

function endsOf(socket: Socket): ClientEnds | null {
  const client = canonical(socket.remoteAddress);
  const local = canonical(socket.localAddress);
  if (client === null || local === null) return null;
  return {
    address: client,
    port: socket.remotePort ?? 0,
    localAddress: local,
    localPort: socket.localPort ?? 0,
    session: sessionId(),
  };
}

function canonical(address: string | undefined): string | null {
  const ip = parseIp(withoutZone(address ?? ''));
  return ip === null ? null : unmapped(ip).text;
}

const ignore = (): void => {};
