/**
 * A third party of our own: what an open relay reaches when it relays. Only this listener knows the answer to an ask, so
 * whoever gives that answer has fetched it here; whoever asks it has been sent by us.
 */
import { createHmac, randomBytes } from 'node:crypto';
import { EventEmitter, once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';

/** Bytes looked at of each connection. */
const kept = 8_192;
/** Connections that may be open at a time; more are closed unheard. */
const maxOpen = 64;
/** Connections written down; the internet may find a public canary while the audit runs. */
const maxHits = 10_000;
/** Milliseconds that a silent connection is held. */
const silence = 15_000;

/** One question, put to the server by one technique. */
export interface Ask {
  /** Stands in the path and the User-Agent of the request. */
  readonly id: string;
  readonly path: string;
  /** What the canary answers, and nobody else can know. */
  readonly answer: string;
}

export interface CanaryHit {
  /** Of which ask; null where the connection has not told (yet), as with TLS or FTP. */
  readonly ask: string | null;
  /** The address it came from. */
  readonly from: string;
  /** `HTTP`, `TLS`, `nothing` or `bytes`: what it has said. */
  readonly said: string;
  /** Port of the canary it came to. */
  readonly port: number;
}

export interface CanaryOptions {
  /** Address to listen on. */
  readonly listen: string;
  /** Port to listen on. @default 0, any free one */
  readonly port?: number | undefined;
  /** Host under which the server reaches it. @default the listening address */
  readonly host?: string | undefined;
  /** Port under which the server reaches it. @default the listening port */
  readonly externalPort?: number | undefined;
  /** Ports to listen on beside it, for servers that choose the port themselves. @default none */
  readonly ears?: readonly number[] | undefined;
  /** Addresses of the same machine to listen on too, at the canary's own port. @default none */
  readonly beside?: readonly string[] | undefined;
}

export class Canary {
  /** Address or name under which the server reaches it, without brackets. */
  readonly host: string;
  readonly port: number;
  readonly #listen: string;
  readonly #servers: Server[] = [];
  readonly #hosts = new Set<string>();
  readonly #deaf = new Map<number, string>();
  readonly #open = new Set<Socket>();
  readonly #hits: { ask: string | null; from: string; said: string; port: number }[] = [];
  readonly #asks = new Set<string>();
  readonly #events = new EventEmitter().setMaxListeners(0);
  readonly #secret = randomBytes(32);

  private constructor(listen: string, port: number, options: CanaryOptions) {
    this.#listen = listen;
    this.host = options.host ?? listen;
    this.port = options.externalPort ?? port;
  }

  /** @throws Error where it cannot listen there; an ear that cannot be opened is {@link deaf} */
  static async open(options: CanaryOptions): Promise<Canary> {
    const server = await listening(options.listen, options.port ?? 0);
    const { port } = server.address() as AddressInfo;
    const canary = new Canary(options.listen, port, options);
    canary.#hear(server, port);
    // Behind a router only the port that it passes on is heard: what is asked of the others comes to the router itself.
    const outside = options.host !== undefined && options.host !== options.listen;
    await Promise.all([
      ...(options.ears ?? []).map(async (ear) => {
        if (ear === canary.port) return;
        if (outside) return void canary.#deaf.set(ear, 'only its own port is passed on to it');
        try {
          canary.#hear(await listening(options.listen, ear), ear);
        } catch (error) {
          canary.#deaf.set(ear, reasons[(error as NodeJS.ErrnoException).code ?? ''] ?? String(error));
        }
      }),
      ...(outside ? [] : (options.beside ?? [])).map(async (host) => {
        try {
          canary.#hear(await listening(host, port), port);
          canary.#hosts.add(host);
        } catch {
          // Then it cannot be named by this address.
        }
      }),
    ]);
    return canary;
  }

  /** Ports among its ears that it could not listen on, and why: a server that asks there goes unheard. */
  get deaf(): ReadonlyMap<number, string> {
    return this.#deaf;
  }

  /** Whether its own port is heard at this address too. */
  hears(host: string): boolean {
    return host === this.#listen || this.#hosts.has(host);
  }

  /** The addresses beside its own at which its port is heard. */
  get beside(): readonly string[] {
    return [...this.#hosts];
  }

  /** `ADDR:PORT`, with brackets where it is IPv6. */
  get authority(): string {
    return this.at(this.port);
  }

  at(port: number): string {
    return `${this.host.includes(':') ? `[${this.host}]` : this.host}:${port}`;
  }

  newAsk(): Ask {
    const id = `ask-${randomBytes(12).toString('hex')}`;
    this.#asks.add(id);
    return { id, path: `/sekisho-audit/${id}`, answer: this.#answer(id) };
  }

  /** Who has asked this; null where nobody has. */
  hit({ id }: Ask): CanaryHit | null {
    return this.#hits.find(({ ask }) => ask === id) ?? null;
  }

  /** How many connections so far. */
  get count(): number {
    return this.#hits.length;
  }

  /** Connections after the first `since` that have not told an ask. */
  silentSince(since: number): readonly CanaryHit[] {
    return this.#hits.slice(since).filter(({ ask }) => ask === null);
  }

  /** Settles when this has been asked, or `silent` and somebody has connected without telling. */
  async reached({ id }: Ask, silent: boolean, signal: AbortSignal): Promise<void> {
    for (;;) {
      const [what] = await once(this.#events, 'hit', { signal });
      if (what === id || (silent && what === null)) return;
    }
  }

  async close(): Promise<void> {
    const closed = this.#servers.map((server) => once(server.close(), 'close'));
    for (const socket of this.#open) socket.destroy();
    await Promise.all(closed);
  }

  #hear(server: Server, port: number): void {
    this.#servers.push(server);
    server.on('connection', (socket) => this.#accept(socket, port));
  }

  #answer(id: string): string {
    return `canary-${createHmac('sha256', this.#secret).update(id).digest('hex').slice(0, 24)}`;
  }

  #accept(socket: Socket, port: number): void {
    socket.on('error', () => {});
    if (this.#open.size >= maxOpen || this.#hits.length >= maxHits) return void socket.destroy();
    this.#open.add(socket);
    socket.once('close', () => this.#open.delete(socket));
    socket.setTimeout(silence, () => socket.destroy());
    const hit = { ask: null as string | null, from: plain(socket.remoteAddress), said: 'nothing', port };
    this.#hits.push(hit);
    this.#events.emit('hit', null);
    let bytes = Buffer.alloc(0);
    socket.on('data', (chunk: Buffer) => {
      bytes = Buffer.concat([bytes, chunk]).subarray(0, kept);
      const text = bytes.toString('latin1');
      hit.said =
        bytes[0] === 0x16 ? 'TLS' : /^[A-Z]+ \S+( HTTP\/1\.[01])?\r?\n/.test(text) ? 'HTTP' : 'bytes';
      const ask = /ask-[0-9a-f]{24}/.exec(text)?.[0] ?? null;
      if (ask !== null && hit.ask === null && this.#asks.has(ask)) {
        hit.ask = ask;
        this.#events.emit('hit', ask);
      }
      if (socket.writableEnded) return;
      if (hit.said === 'TLS') socket.end();
      else if (hit.said !== 'HTTP') {
        if (ask !== null) socket.end(`${this.#answer(ask)}\r\n`);
      } else if (!/^\S+ \S+ HTTP/.test(text) || /\r?\n\r?\n/.test(text)) {
        socket.end(this.#page(hit.ask, text.startsWith('HEAD ')));
      }
    });
  }

  #page(ask: string | null, headOnly: boolean): string {
    // An ask of somebody else's audit gets no answer of ours.
    const answer = ask === null ? 'canary' : this.#answer(ask);
    const head = `HTTP/1.1 200 OK\r\nX-Canary: ${answer}\r\nContent-Type: text/plain\r\nContent-Length: ${answer.length + 1}\r\nConnection: close\r\n\r\n`;
    return headOnly ? head : `${head}${answer}\n`;
  }
}

const reasons: Readonly<Record<string, string>> = {
  EACCES: 'only root may listen there',
  EADDRINUSE: 'another server has it',
};

async function listening(host: string, port: number): Promise<Server> {
  const server = createServer({ noDelay: true });
  server.listen({ host, port, exclusive: true });
  await once(server, 'listening');
  return server;
}

/** Dual-stack sockets name IPv4 peers as IPv4-mapped IPv6. */
const plain = (address = ''): string => address.replace(/^::ffff:(?=\d+\.)/, '');
