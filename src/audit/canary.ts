/**
 * The canary: the third party that an open relay connects to. Only the canary knows the answer to a challenge, so a server that
 * returns the answer has fetched it here, and a connection that names a challenge was caused by our request.
 */
import { createHmac, randomBytes } from 'node:crypto';
import { EventEmitter, once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';

/** Bytes read from each connection. */
const kept = 8_192;
/** Open connections at a time; more are closed unread. */
const maxOpen = 64;
/** Connections recorded: internet scanners may find a public canary while the audit runs. */
const maxHits = 10_000;
/** Idle timeout of a connection in milliseconds. */
const silence = 15_000;

/** What one technique asks the server to fetch. */
export interface Challenge {
  /** Part of the path and of the User-Agent. */
  readonly id: string;
  readonly path: string;
  /** The canary's answer, which nobody else can know. */
  readonly answer: string;
}

export interface CanaryHit {
  /** Id of the challenge; null while the connection has named none, as with TLS or FTP. */
  readonly challenge: string | null;
  /** The address it came from. */
  readonly from: string;
  /** What it sent: `HTTP`, `TLS`, `nothing` or `bytes`. */
  readonly said: string;
  /** Local port of the canary. */
  readonly port: number;
}

export interface CanaryOptions {
  /** Address to listen on. */
  readonly listen: string;
  /** Port to listen on. @default 0, any free port */
  readonly port?: number | undefined;
  /** Host that the server reaches the canary by. @default the listening address */
  readonly host?: string | undefined;
  /** Port that the server reaches the canary by. @default the listening port */
  readonly externalPort?: number | undefined;
  /** More ports to listen on, for servers that choose the port themselves. @default none */
  readonly extraPorts?: readonly number[] | undefined;
  /** More addresses of this machine to listen on, at the canary's port. @default none */
  readonly extraAddresses?: readonly string[] | undefined;
}

export class Canary {
  /** Address or name that the server reaches the canary by, without brackets. */
  readonly host: string;
  readonly port: number;
  readonly #listen: string;
  readonly #servers: Server[] = [];
  readonly #hosts = new Set<string>();
  readonly #unheardPorts = new Map<number, string>();
  readonly #open = new Set<Socket>();
  readonly #hits: { challenge: string | null; from: string; said: string; port: number }[] = [];
  readonly #asks = new Set<string>();
  readonly #events = new EventEmitter().setMaxListeners(0);
  readonly #secret = randomBytes(32);

  private constructor(listen: string, port: number, options: CanaryOptions) {
    this.#listen = listen;
    this.host = options.host ?? listen;
    this.port = options.externalPort ?? port;
  }

  /** @throws Error if it cannot listen on its own port; extra ports that fail are in {@link unheardPorts} */
  static async open(options: CanaryOptions): Promise<Canary> {
    const server = await listening(options.listen, options.port ?? 0);
    const { port } = server.address() as AddressInfo;
    const canary = new Canary(options.listen, port, options);
    canary.#hear(server, port);
    // A router in front forwards only the canary's port: connections to other ports end at the router.
    const outside = options.host !== undefined && options.host !== options.listen;
    await Promise.all([
      ...(options.extraPorts ?? []).map(async (extra) => {
        if (extra === canary.port) return;
        if (outside) return void canary.#unheardPorts.set(extra, 'only the canary port is forwarded to it');
        try {
          canary.#hear(await listening(options.listen, extra), extra);
        } catch (error) {
          canary.#unheardPorts.set(
            extra,
            reasons[(error as NodeJS.ErrnoException).code ?? ''] ?? String(error),
          );
        }
      }),
      ...(outside ? [] : (options.extraAddresses ?? [])).map(async (host) => {
        try {
          canary.#hear(await listening(host, port), port);
          canary.#hosts.add(host);
        } catch {
          // Techniques that name this address are skipped.
        }
      }),
    ]);
    return canary;
  }

  /** Extra ports that it could not listen on, and why: connections to them go unnoticed. */
  get unheardPorts(): ReadonlyMap<number, string> {
    return this.#unheardPorts;
  }

  /** Whether it listens at this address, on its own port. */
  listensAt(host: string): boolean {
    return host === this.#listen || this.#hosts.has(host);
  }

  /** The extra addresses that it listens on. */
  get extraAddresses(): readonly string[] {
    return [...this.#hosts];
  }

  /** `ADDR:PORT`, with brackets around IPv6. */
  get authority(): string {
    return this.at(this.port);
  }

  at(port: number): string {
    return `${this.host.includes(':') ? `[${this.host}]` : this.host}:${port}`;
  }

  newChallenge(): Challenge {
    const id = `ask-${randomBytes(12).toString('hex')}`;
    this.#asks.add(id);
    return { id, path: `/sekisho-audit/${id}`, answer: this.#answer(id) };
  }

  /** The connection that named this challenge; null if none has. */
  hit({ id }: Challenge): CanaryHit | null {
    return this.#hits.find(({ challenge }) => challenge === id) ?? null;
  }

  /** Connections so far. */
  get count(): number {
    return this.#hits.length;
  }

  /** Connections after the first `since` that have named no challenge. */
  anonymousSince(since: number): readonly CanaryHit[] {
    return this.#hits.slice(since).filter(({ challenge }) => challenge === null);
  }

  /** Settles when a connection names this challenge or, with `anyConnection`, at the next connection. */
  async reached({ id }: Challenge, anyConnection: boolean, signal: AbortSignal): Promise<void> {
    for (;;) {
      const [what] = await once(this.#events, 'hit', { signal });
      if (what === id || (anyConnection && what === null)) return;
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
    const hit = {
      challenge: null as string | null,
      from: plain(socket.remoteAddress),
      said: 'nothing',
      port,
    };
    this.#hits.push(hit);
    this.#events.emit('hit', null);
    let bytes = Buffer.alloc(0);
    socket.on('data', (chunk: Buffer) => {
      bytes = Buffer.concat([bytes, chunk]).subarray(0, kept);
      const text = bytes.toString('latin1');
      hit.said =
        bytes[0] === 0x16 ? 'TLS' : /^[A-Z]+ \S+( HTTP\/1\.[01])?\r?\n/.test(text) ? 'HTTP' : 'bytes';
      const challenge = /ask-[0-9a-f]{24}/.exec(text)?.[0] ?? null;
      if (challenge !== null && hit.challenge === null && this.#asks.has(challenge)) {
        hit.challenge = challenge;
        this.#events.emit('hit', challenge);
      }
      if (socket.writableEnded) return;
      if (hit.said === 'TLS') socket.end();
      else if (hit.said !== 'HTTP') {
        if (challenge !== null) socket.end(`${this.#answer(challenge)}\r\n`);
      } else if (!/^\S+ \S+ HTTP/.test(text) || /\r?\n\r?\n/.test(text)) {
        socket.end(this.#page(hit.challenge, text.startsWith('HEAD ')));
      }
    });
  }

  #page(challenge: string | null, headOnly: boolean): string {
    // A challenge from another audit gets no answer that proves anything.
    const answer = challenge === null ? 'canary' : this.#answer(challenge);
    const head = `HTTP/1.1 200 OK\r\nX-Canary: ${answer}\r\nContent-Type: text/plain\r\nContent-Length: ${answer.length + 1}\r\nConnection: close\r\n\r\n`;
    return headOnly ? head : `${head}${answer}\n`;
  }
}

const reasons: Readonly<Record<string, string>> = {
  EACCES: 'only root may listen there',
  EADDRINUSE: 'another server listens there',
};

async function listening(host: string, port: number): Promise<Server> {
  const server = createServer({ noDelay: true });
  server.listen({ host, port, exclusive: true });
  await once(server, 'listening');
  return server;
}

/** Dual-stack sockets report IPv4 peers as IPv4-mapped IPv6 addresses. */
const plain = (address = ''): string => address.replace(/^::ffff:(?=\d+\.)/, '');
