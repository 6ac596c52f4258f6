/**
 * A listener where relay scanners look. It reads a bounded first message, records what was asked for, refuses and
 * closes. It has no code that connects or looks up a name, and no reply that grants anything.
 */
import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { clientPrefix, parseIp, unmapped, withoutZone } from '../address/ip.ts';
import { type ConnectionFacts, sessionId } from '../events/connection.ts';
import type { EventSink, ProbeEvent } from '../events/event.ts';
import { probeEvent } from '../events/probe-event.ts';
import { printable, redact } from '../events/redact.ts';
import { lingeringClose } from '../lingering-close.ts';
import { bind } from '../listener/bind.ts';
import { catalogue, type Rule } from '../rules/catalogue.ts';
import { classifyFirstBytes, type FirstBytes } from '../wire/first-bytes.ts';
import { writeMailbox } from '../wire/smtp-path.ts';
import {
  type Asked,
  conversationOf,
  longestMessage,
  mailRefused,
  rulesOf,
  type Step,
} from './conversation.ts';
import type { DecoyOptions } from './options.ts';
import { Tarpit } from './tarpit.ts';

export interface DecoyContext {
  /** Gets every probe. */
  readonly onEvent: EventSink;
  readonly log: { warn(fields: object, message: string): void; error(fields: object, message: string): void };
  /** Whether a client prefix is banned at this moment: it is closed without a byte. @default nobody is */
  readonly isBanned?: (prefix: string) => boolean;
}

export interface Decoy {
  /**
   * Starts to accept.
   *
   * @returns the address, with the port that was taken where 0 was asked for
   * @throws where it cannot be listened on, naming who has the port if that can be found
   */
  listen(): Promise<AddressInfo>;
  /** Stops to accept and closes every connection. */
  close(): Promise<void>;
  /** Connections held in the tarpit at the moment. */
  readonly held: number;
}

/** Makes a decoy; nothing is opened yet. @throws where `listen` is no ADDR:PORT */
export function createDecoy(options: DecoyOptions, context: DecoyContext): Decoy {
  return new DecoyListener(options, context);
}

class DecoyListener implements Decoy {
  readonly #options: DecoyOptions;
  readonly #context: DecoyContext;
  readonly #server: Server;
  readonly #address: { host: string; port: number };
  readonly #tarpit: Tarpit | null;
  /** Connections whose message is being read. */
  readonly #reading = new Set<Socket>();
  /** Those that were answered and are closing. `connections` bounds both together. */
  readonly #leaving = new Set<Socket>();

  constructor(options: DecoyOptions, context: DecoyContext) {
    const match = /^(?:\[([0-9A-Fa-f.:]+)\]|([0-9.]+)):(\d{1,5})$/.exec(options.listen);
    if (match === null)
      throw new Error(`decoys: ${options.listen} is no ADDR:PORT; write it as 0.0.0.0:3128 or [::]:3128`);
    this.#address = { host: match[1] ?? match[2]!, port: Number(match[3]) };
    this.#options = options;
    this.#context = context;
    this.#tarpit = options.tarpit === null ? null : new Tarpit(options.tarpit);
    // A client that closes its side behind its request still gets the answer.
    this.#server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => this.#accept(socket));
  }

  get held(): number {
    return this.#tarpit?.size ?? 0;
  }

  async listen(): Promise<AddressInfo> {
    await bind(this.#server, this.#address, 'decoys', 'stop that, or take the decoy out of the config');
    return this.#server.address() as AddressInfo;
  }

  async close(): Promise<void> {
    const closed = this.#server.listening ? once(this.#server, 'close') : null;
    if (closed !== null) this.#server.close();
    this.#tarpit?.close();
    for (const socket of [...this.#reading, ...this.#leaving]) socket.destroy();
    await closed;
  }

  #accept(socket: Socket): void {
    socket.on('error', ignore);
    const ends = endsOf(socket);
    const open = this.#reading.size + this.#leaving.size;
    if (ends === null || open >= this.#options.connections || this.#isBanned(ends.client)) {
      socket.destroy();
      return;
    }
    const { speaks } = this.#options;
    const converse = conversationOf(speaks);
    const listener = `${speaks} ${ends.listener}`;
    let bytes: Buffer = Buffer.alloc(0);
    let said = false;
    this.#reading.add(socket);

    const finish = (step: Extract<Step, { more: false }>): void => {
      clearTimeout(timer);
      this.#reading.delete(socket);
      socket.removeListener('data', onData);
      socket.removeListener('end', onEnd);
      socket.removeListener('close', onClose);
      const protocol = spoken[classifyFirstBytes(bytes)] ?? (speaks === 'smtp' ? 'smtp' : null);
      // Frees what was read: in the tarpit ten thousand of these would be kept.
      bytes = Buffer.alloc(0);
      for (const event of eventsOf(step.asked, listener, ends.client, { ...ends.connection, protocol }))
        this.#context.onEvent(event);
      if (!socket.destroyed) this.#answer(socket, speaks === 'smtp' ? mailRefused : step.refuse);
    };
    const look = (last: boolean): void => {
      const step = this.#converse(() => converse(bytes, last));
      if (!step.more) finish(step);
      else if (step.say !== undefined && !said) {
        said = true;
        socket.write(step.say);
      }
    };
    const onData = (chunk: Buffer): void => {
      const room = longestMessage - bytes.length;
      bytes = Buffer.concat([bytes, chunk.subarray(0, room)]);
      look(bytes.length >= longestMessage);
    };
    const onEnd = (): void => look(true);
    const onClose = (): void => look(true);
    const timer = setTimeout(() => look(true), this.#options.messageTime);
    socket.on('data', onData);
    socket.on('end', onEnd);
    socket.on('close', onClose);
    if (speaks === 'smtp' && this.#tarpit === null) socket.write(mailRefused);
  }

  /** A check that fails denies. */
  #converse(read: () => Step): Step {
    try {
      return read();
    } catch (error) {
      this.#context.log.error({ err: error }, 'decoys: a check failed; the connection was closed');
      return { more: false, asked: null, refuse: Buffer.alloc(0) };
    }
  }

  #isBanned(client: string): boolean {
    try {
      return this.#context.isBanned?.(clientPrefix(client) ?? client) ?? false;
    } catch (error) {
      this.#context.log.error(
        { err: error },
        'decoys: the ban list could not be asked; the client was refused',
      );
      return true;
    }
  }

  #answer(socket: Socket, refusal: Buffer): void {
    if (this.#tarpit?.hold(socket, refusal) === true) return;
    this.#leaving.add(socket);
    socket.once('close', () => this.#leaving.delete(socket));
    // The mail decoy has greeted with its refusal already.
    const said = this.#options.speaks === 'smtp' && this.#tarpit === null;
    lingeringClose(socket, said ? '' : refusal);
  }
}

interface Ends {
  readonly client: string;
  readonly listener: string;
  readonly connection: ConnectionFacts;
}

/** Names of what was sent, as events have them. */
const spoken: Partial<Record<FirstBytes, string>> = {
  'http-1': 'http/1.1',
  'http-0.9': 'http/0.9',
  'h2-preface': 'h2',
  socks4: 'socks4',
  socks5: 'socks5',
  tls: 'tls',
  smtp: 'smtp',
};

function* eventsOf(
  asked: Asked | null,
  listener: string,
  client: string,
  connection: ConnectionFacts,
): Generator<ProbeEvent> {
  if (asked === null) return;
  const time = Date.now();
  if (asked.kind === 'verdict') {
    const { verdict, head, body } = asked;
    yield probeEvent({ time, listener, client, connection, verdict, head, body });
    return;
  }
  for (const { verdict, line } of asked.recipients) {
    const rules = rulesOf(verdict);
    const rule = rules[0]!;
    const destination = printable(writeMailbox(verdict.effective)).slice(0, 512);
    const { seeks }: Rule = catalogue[rule];
    yield {
      time,
      listener,
      client,
      ...connection,
      site: null,
      action: 'block',
      rule,
      counts: true,
      rules,
      intent: 'mail-relay',
      destination: destination === '' ? null : destination,
      answer: 554,
      why: `The sender wanted ${seeks}${destination === '' ? '' : `: ${destination}`}.`,
      request: printable(redact(line)).slice(0, 1024),
      bytes: printable(redact(`${asked.before}${line}`)),
    };
  }
}

function endsOf(socket: Socket): Ends | null {
  const client = parseIp(withoutZone(socket.remoteAddress ?? ''));
  const local = parseIp(withoutZone(socket.localAddress ?? ''));
  if (client === null || local === null) return null;
  const { text, family } = unmapped(local);
  const host = family === 6 ? `[${text}]` : text;
  const localPort = socket.localPort ?? 0;
  const clientPort = socket.remotePort ?? null;
  return {
    client: unmapped(client).text,
    listener: `${host}:${localPort}`,
    connection: { clientPort, localAddress: text, localPort, session: sessionId() },
  };
}

const ignore = (): void => {};
