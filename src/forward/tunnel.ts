/**
 * An upgraded connection (WebSocket), carried by http-proxy. The handshake is over by then: the attempt has picked the
 * backend, dialled it, sent the handshake and read the 101, as it does with every request. http-proxy would do all of that
 * by itself, without fail-over or bounds; so it gets a stand-in for the connection, on which the handshake that it sends
 * goes nowhere and the 101 is the one that was read. From there on it carries bytes both ways.
 */
import { Agent, type IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';
import type { ProxyServer } from 'http-proxy';
import type { ResponseHead } from '../wire/response-head.ts';
import type { Attempt } from './attempt.ts';

let proxy: Promise<ProxyServer> | null = null;

/** Loaded with the first upgrade: most gateways never see one. */
function proxyServer(): Promise<ProxyServer> {
  proxy ??= import('http-proxy').then(({ createProxyServer }) => {
    const server = createProxyServer({ ws: true, toProxy: true, prependPath: false });
    // A connection that breaks is closed, and nobody is to be told.
    return server.on('error', ignore);
  });
  return proxy;
}

/** Milliseconds. */
const lingerTime = 1000;

export class Tunnel extends Duplex {
  readonly #attempt: Attempt;
  /** The last bytes of the handshake that http-proxy writes; null once it is over. */
  #handshake: string | null = '';
  readonly #answer: string;
  /** What the backend has said by then. It is paused with the first of it. */
  #early: (Buffer | null)[] = [];
  #written: ((error?: Error | null) => void) | null = null;

  /** @param answer the 101, as http-proxy gets to read it */
  constructor(attempt: Attempt, answer: string) {
    super({ allowHalfOpen: true });
    this.#attempt = attempt;
    this.#answer = answer;
  }

  /** The backend says more. */
  onData(data: Buffer): void {
    if (this.#handshake !== null) {
      this.#early.push(data);
      this.#attempt.pause();
    } else if (!this.push(data)) this.#attempt.pause();
  }

  /** The backend says no more. */
  onEnd(): void {
    if (this.#handshake !== null) this.#early.push(null);
    else this.push(null);
    this.#endSoon();
  }

  /** The backend takes more. */
  onDrain(): void {
    const written = this.#written;
    this.#written = null;
    written?.();
  }

  // What node:http and http-proxy ask of a socket.
  setTimeout(): this {
    return this;
  }
  setNoDelay(): this {
    return this;
  }
  setKeepAlive(): this {
    return this;
  }
  ref(): this {
    return this;
  }
  unref(): this {
    return this;
  }

  override _read(): void {
    this.#attempt.resume();
  }

  override _write(chunk: Buffer, _encoding: string, done: (error?: Error | null) => void): void {
    if (this.#handshake !== null) {
      this.#handshake += chunk.toString('latin1');
      if (this.#handshake.includes('\r\n\r\n')) {
        this.#handshake = null;
        this.push(this.#answer, 'latin1');
        for (const data of this.#early) this.push(data);
        this.#early = [];
      }
      done();
    } else if (this.#attempt.write(chunk)) done();
    else this.#written = done;
  }

  override _final(done: () => void): void {
    this.#attempt.end();
    this.#endSoon();
    done();
  }

  /** As with nginx, where one side has ended the other is not waited for longer than what is on its way takes. */
  #endSoon(): void {
    setTimeout(() => this.destroy(), lingerTime).unref();
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#attempt.cancel();
    done(error);
  }
}

/**
 * Carries what comes behind a 101, and writes the 101.
 *
 * @param client of HTTP/1, where nobody reads any more
 * @param early what the client sent behind its handshake
 * @param idle milliseconds that the connection may be silent both ways
 */
export function carryUpgrade(
  client: Socket,
  early: Buffer | null,
  attempt: Attempt,
  head: ResponseHead,
  idle: number,
): Tunnel {
  const answer = `HTTP/1.1 101 ${head.reason}\r\n${head.fields}Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n`;
  const tunnel = new Tunnel(attempt, answer);
  tunnel.on('error', ignore);
  client.on('error', ignore);
  client.once('close', () => tunnel.destroy());
  tunnel.once('close', () => client.destroySoon());
  const agent = new Agent({ keepAlive: false });
  agent.createConnection = () => tunnel;
  const handshake = {
    method: 'GET',
    url: '/',
    httpVersion: '1.1',
    headers: { host: 'backend', connection: 'Upgrade', upgrade: 'websocket' },
    socket: client,
    connection: client,
  } as unknown as IncomingMessage;
  const target = { protocol: 'http:', host: '127.0.0.1', port: 80 };
  proxyServer()
    .then((server) => {
      if (tunnel.destroyed) return;
      server.ws(handshake, client, early ?? Buffer.alloc(0), { target, agent }, () => client.destroy());
      // After http-proxy has taken every timeout off the socket.
      client.setTimeout(idle, () => client.destroy());
    })
    .catch(() => client.destroy());
  return tunnel;
}

function ignore(): void {}
