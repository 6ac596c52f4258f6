/**
 * An upgraded connection (WebSocket), carried by http-proxy. The attempt has already picked and dialled the backend, sent the
 * handshake and read the 101, as with every request; http-proxy would do that without fail-over or bounds. So http-proxy gets a fake
 * connection: it discards the handshake that http-proxy sends, answers with the 101 already read, and then carries bytes both ways.
 */
import { Agent, type IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';
import type { ProxyServer } from 'http-proxy';
import type { ResponseHead } from '../wire/response-head.ts';
import type { Attempt } from './attempt.ts';

let proxy: Promise<ProxyServer> | null = null;

/** Loaded on the first upgrade: most gateways never see one. */
function proxyServer(): Promise<ProxyServer> {
  proxy ??= import('http-proxy').then(({ createProxyServer }) => {
    // A broken connection is closed; there is nothing to report.
    return createProxyServer().on('error', ignore);
  });
  return proxy;
}

/** Milliseconds. */
const lingerTime = 1000;

export class Tunnel extends Duplex {
  readonly #attempt: Attempt;
  /** The handshake that http-proxy has written so far; null once it is complete. */
  #handshake: string | null = '';
  readonly #answer: string;
  /** Bytes of the backend before that; the first one pauses it. */
  #early: (Buffer | null)[] = [];
  #written: ((error?: Error | null) => void) | null = null;

  /** @param answer the 101 for http-proxy to read */
  constructor(attempt: Attempt, answer: string) {
    super();
    this.#attempt = attempt;
    this.#answer = answer;
  }

  /** Bytes of the backend. */
  onData(data: Buffer): void {
    if (this.#handshake !== null) {
      this.#early.push(data);
      this.#attempt.pause();
    } else if (!this.push(data)) this.#attempt.pause();
  }

  /** The backend ended its side. */
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

  // node:http and http-proxy call these on a socket.
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

  /** As nginx does: when one side has ended, the other gets only the time for bytes in flight. */
  #endSoon(): void {
    setTimeout(() => this.destroy(), lingerTime).unref();
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#attempt.cancel();
    done(error);
  }
}

/**
 * Writes the 101 and carries the bytes after it.
 *
 * @param client an HTTP/1 connection that nothing else reads
 * @param early bytes that the client sent after its handshake
 * @param idle milliseconds the connection may be silent both ways
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
  const agent = new Agent();
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
      // Last: http-proxy removes every timeout from the socket.
      client.setTimeout(idle, () => client.destroy());
    })
    .catch(() => client.destroy());
  return tunnel;
}

function ignore(): void {}
