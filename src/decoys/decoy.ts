/**
 * A listener on a port that relay scanners try. It holds a bounded conversation, records what was asked for, refuses and closes. It has no
 * code that connects or looks up a name, and no reply that grants anything.
 */
import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import type { TLSSocket, Server as TlsServer } from 'node:tls';
import { hostPort } from '../address/host-port.ts';
import { parseIp, unmapped, withoutZone } from '../address/ip.ts';
import { type ConnectionFacts, sessionId } from '../events/connection.ts';
import { detectProtocol } from '../events/detected-protocol.ts';
import type { EventSink } from '../events/event.ts';
import { printable } from '../events/redact.ts';
import { lingeringClose } from '../lingering-close.ts';
import { bind } from '../listener/bind.ts';
import { peekFirstByte } from '../listener/first-byte.ts';
import { askedEvent, type Ends } from './asked-event.ts';
import { type Asked, anyProtocol, type Conversation, type Step } from './conversation.ts';
import { mailConversation } from './mail-server.ts';
import type { DecoyOptions } from './options.ts';
import { dropped, httpRefusals, type RefuseHttp } from './refusals.ts';
import { Tarpit } from './tarpit.ts';
import { helloSeen, tlsServer } from './tls.ts';
import { turnConversation } from './turn-server.ts';

export interface DecoyContext {
  /** Gets every probe, those of banned clients too: a ban denies service, and a decoy gives none. */
  readonly onEvent: EventSink;
  readonly log: { warn(fields: object, message: string): void; error(fields: object, message: string): void };
}

export interface Decoy {
  /**
   * Starts accepting.
   *
   * @returns the address, with the port chosen for port 0
   * @throws if it can't listen, naming the program that has the port if known
   */
  listen(): Promise<AddressInfo>;
  /** Stops accepting and closes every connection. */
  close(): Promise<void>;
  /** Connections held in the tarpit. */
  readonly held: number;
}

/** Makes a decoy; opens nothing yet. @throws if `listen` is not ADDR:PORT */
export function createDecoy(options: DecoyOptions, context: DecoyContext): Decoy {
  return new DecoyListener(options, context);
}

class DecoyListener implements Decoy {
  readonly #options: DecoyOptions;
  readonly #context: DecoyContext;
  readonly #server: Server;
  readonly #address: { host: string; port: number };
  readonly #tarpit: Tarpit | null;
  readonly #refuseHttp: RefuseHttp;
  /** Null: no TLS. */
  readonly #tls: TlsServer | null;
  /** Connections in the TLS handshake or the conversation. */
  readonly #reading = new Set<Socket>();
  /** The ends of each connection in the TLS handshake. */
  readonly #handshakes = new WeakMap<Socket, Ends>();
  /** Refused connections that are closing. `connections` bounds both sets together. */
  readonly #leaving = new Set<Socket>();

  constructor(options: DecoyOptions, context: DecoyContext) {
    const match = /^(?:\[([0-9A-Fa-f.:]+)\]|([0-9.]+)):(\d{1,5})$/.exec(options.listen);
    if (match === null)
      throw new Error(`decoys: ${options.listen} is not ADDR:PORT; write it as 0.0.0.0:3128 or [::]:3128`);
    this.#address = { host: match[1] ?? match[2]!, port: Number(match[3]) };
    this.#options = options;
    this.#context = context;
    this.#tarpit = options.tarpit === null ? null : new Tarpit(options.tarpit);
    this.#refuseHttp = httpRefusals(options.skin, options.realm);
    this.#tls =
      options.speaks === 'tls'
        ? tlsServer(options.messageTime, {
            onAgreed: (socket) => this.#agreed(socket),
            onFailed: (socket) => {
              const ends = this.#named(socket);
              this.#record([helloSeen(nameOf(ends))], ends, { protocol: 'tls' });
            },
          })
        : null;
    // A client that closes its side after its request still gets the answer.
    this.#server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => this.#accept(socket));
  }

  get held(): number {
    return this.#tarpit?.size ?? 0;
  }

  async listen(): Promise<AddressInfo> {
    await bind(this.#server, this.#address, 'decoys', 'stop that, or remove the decoy from the config');
    return this.#server.address() as AddressInfo;
  }

  async close(): Promise<void> {
    const closed = this.#server.listening ? once(this.#server, 'close') : null;
    if (closed !== null) this.#server.close();
    this.#tarpit?.close();
    for (const socket of [...this.#reading, ...this.#leaving]) socket.destroy();
    await closed;
    // The server closes before its last sockets emit 'close', which records their probes: wait for those.
    while (this.#reading.size + this.#leaving.size > 0) await new Promise(setImmediate);
  }

  #accept(socket: Socket): void {
    socket.on('error', ignore);
    const open = this.#reading.size + this.#leaving.size;
    const ends = this.#endsOf(socket);
    if (ends === null || open >= this.#options.connections) {
      socket.destroy();
      return;
    }
    const tls = this.#tls;
    if (tls === null) {
      this.#talk(socket, ends);
      return;
    }
    this.#reading.add(socket);
    this.#handshakes.set(socket, ends);
    socket.once('close', () => this.#reading.delete(socket));
    peekFirstByte(socket, this.#options.messageTime, false, (speaksTls) => {
      // Most proxy scanners speak plain HTTP or SOCKS to any port.
      if (!speaksTls) {
        this.#talk(socket, ends);
        return;
      }
      // A client that closes its side in mid-handshake has left.
      socket.allowHalfOpen = false;
      tls.emit('connection', socket);
    });
  }

  /** The TLS handshake has succeeded. */
  #agreed(socket: TlsOver): void {
    socket.on('error', ignore);
    socket.allowHalfOpen = true;
    const ends = this.#named(socket);
    if (socket._parent !== undefined) this.#reading.delete(socket._parent);
    if (ends === null) socket.destroy();
    else this.#talk(socket, ends, helloSeen(nameOf(ends)));
  }

  /** The ends, with the server name of the hello. */
  #named(socket: TlsOver): Ends | null {
    const ends = socket._parent === undefined ? undefined : this.#handshakes.get(socket._parent);
    if (ends === undefined) return null;
    const { servername } = socket as { servername?: string | false };
    if (!servername) return ends;
    return { ...ends, connection: { ...ends.connection, sni: printable(servername).slice(0, 255) } };
  }

  /** @param unasked recorded if the client leaves without asking for anything */
  #talk(socket: Socket, ends: Ends, unasked?: Asked): void {
    this.#reading.add(socket);
    const conversation = this.#conversation(ends);
    let bytes: Buffer = Buffer.alloc(0);
    const finish = (step: Extract<Step, { more: false }>): void => {
      clearTimeout(timer);
      socket.removeListener('data', onData);
      socket.removeListener('end', onEnd);
      socket.removeListener('close', onClose);
      const nothing = step.asked.length === 0 && bytes.length === 0 && unasked !== undefined;
      this.#record(
        nothing ? [unasked] : step.asked,
        ends,
        nothing ? { protocol: 'tls' } : detectProtocol(bytes),
        socket,
      );
      // Free the bytes read: the tarpit holds ten thousand of these closures.
      bytes = Buffer.alloc(0);
      this.#reading.delete(socket);
      if (!socket.destroyed) this.#answer(socket, step.refuse.bytes);
    };
    const look = (last: boolean): void => {
      const step = this.#read(conversation, bytes, last);
      if (!step.more) {
        finish(step);
        return;
      }
      const { say, asked = [] } = step;
      // With a tarpit, the first refusal goes there, and the conversation ends.
      if (this.#tarpit !== null && asked.length > 0) {
        finish({ more: false, asked, refuse: { bytes: say ?? dropped.bytes, answer: asked[0]!.answer } });
        return;
      }
      this.#record(asked, ends, detectProtocol(bytes), socket);
      if (say !== undefined && !socket.destroyed) {
        socket.write(say);
        timer.refresh();
      }
    };
    const onData = (chunk: Buffer): void => {
      const room = conversation.limit - bytes.length;
      bytes = Buffer.concat([bytes, chunk.subarray(0, room)]);
      look(bytes.length >= conversation.limit);
    };
    const onEnd = (): void => look(true);
    const onClose = (): void => look(true);
    const timer = setTimeout(() => look(true), this.#options.messageTime);
    socket.on('data', onData);
    socket.on('end', onEnd);
    socket.on('close', onClose);
    if (conversation.greeting.length > 0) socket.write(conversation.greeting);
  }

  #conversation({ connection }: Ends): Conversation {
    const { speaks, realm } = this.#options;
    if (speaks === 'turn') return turnConversation(realm ?? 'turn', this.#refuseHttp);
    if (speaks !== 'smtp') return anyProtocol(this.#refuseHttp);
    const { localAddress } = connection;
    return mailConversation(localAddress?.includes(':') ? `[IPv6:${localAddress}]` : `[${localAddress}]`);
  }

  /** Closes without a byte if the check throws: a check that fails denies. */
  #read(conversation: Conversation, bytes: Buffer, last: boolean): Step {
    try {
      return conversation.read(bytes, last);
    } catch (error) {
      this.#context.log.error({ err: error }, 'decoys: a check failed; the connection was closed');
      return { more: false, asked: [], refuse: dropped };
    }
  }

  /** Records what was asked; departed clients are recorded with the answer `drop`. */
  #record(
    asked: readonly Asked[],
    ends: Ends | null,
    spoken: Pick<ConnectionFacts, 'protocol' | 'sni'>,
    socket?: Socket,
  ): void {
    if (ends === null) return;
    const gone = socket?.destroyed === true;
    for (const one of asked)
      this.#context.onEvent(
        askedEvent(gone ? { ...one, answer: 'drop' } : one, {
          ...ends,
          connection: { ...ends.connection, ...spoken },
        }),
      );
  }

  #answer(socket: Socket, refusal: Buffer): void {
    if (this.#tarpit?.hold(socket, refusal) === true) return;
    this.#leaving.add(socket);
    socket.once('close', () => this.#leaving.delete(socket));
    lingeringClose(socket, refusal);
  }

  #endsOf(socket: Socket): Ends | null {
    const client = parseIp(withoutZone(socket.remoteAddress ?? ''));
    const local = parseIp(withoutZone(socket.localAddress ?? ''));
    if (client === null || local === null) return null;
    const { text } = unmapped(local);
    const localPort = socket.localPort ?? 0;
    return {
      client: unmapped(client).text,
      listener: `decoy ${this.#options.speaks} ${hostPort(text, localPort)}`,
      connection: {
        clientPort: socket.remotePort ?? null,
        localAddress: text,
        localPort,
        session: sessionId(),
      },
    };
  }
}

/** Node keeps the underlying socket in `_parent`. */
type TlsOver = TLSSocket & { readonly _parent?: Socket };

const nameOf = (ends: Ends | null): string => ends?.connection.sni ?? '';

const ignore = (): void => {};
