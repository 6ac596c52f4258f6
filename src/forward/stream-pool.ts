/** The connections of HTTP/2 to one backend: each carries many exchanges, so that few are needed. Bounded as those of HTTP/1 are. */
import { maxBackendStreams } from '../h2/bounds.ts';
import { type BackendAddress, backendName } from './backend.ts';
import { BackendStream } from './backend-stream.ts';
import type { ConnectionWatch } from './connection-watch.ts';
import { type BackendPool, type PoolOptions, tick, type Waiter } from './pool.ts';
import { StreamConnection } from './stream-connection.ts';
import { UpstreamError } from './upstream-error.ts';

/**
 * Milliseconds after which a connection takes no more exchanges. One that is never idle would stay where a name led when it was dialled, and beside
 * a backend that has started anew behind a balancer.
 */
const maxAge = 300_000;

export class StreamPool implements BackendPool, ConnectionWatch {
  readonly address: BackendAddress;
  readonly name: string;
  readonly #options: PoolOptions;
  readonly #connections = new Set<StreamConnection>();
  /** Who waits, in order, and since when. */
  readonly #queue = new Map<Waiter, number>();
  readonly #clock = { now: performance.now() };
  readonly #timer: NodeJS.Timeout;
  #closed = false;

  /** @param options its `maxConnections` bounds exchanges here */
  constructor(address: BackendAddress, options: PoolOptions) {
    this.address = address;
    this.name = backendName(address);
    this.#options = options;
    this.#timer = setInterval(() => this.#onTick(), tick).unref();
  }

  get load(): number {
    return this.#busy + this.#queue.size;
  }

  /** A login holds for a request here, not for a connection. */
  keepsFor(): boolean {
    return false;
  }

  take(waiter: Waiter): void {
    const connection = this.#withRoom();
    if (connection !== null) {
      waiter.onConnection(new BackendStream(connection));
      return;
    }
    const { maxQueue, maxConnections } = this.#options;
    if (this.#queue.size >= maxQueue + maxConnections - this.#busy) {
      waiter.onFailure(
        new UpstreamError(503, `${this.name} has no room: ${this.#queue.size} requests wait already`),
      );
      return;
    }
    this.#queue.set(waiter, this.#clock.now);
    try {
      this.#openForQueue();
    } catch (error) {
      this.#queue.delete(waiter);
      throw error;
    }
  }

  leave(waiter: Waiter): void {
    this.#queue.delete(waiter);
  }

  close(): void {
    this.#closed = true;
    for (const connection of this.#connections) connection.leave();
  }

  onReady(): void {
    this.#serve();
  }

  onRoom(connection: StreamConnection): void {
    this.#serve();
    if (this.#closed && connection.load === 0) connection.leave();
  }

  onGone(connection: StreamConnection, error: UpstreamError | null): void {
    this.#connections.delete(connection);
    const others = [...this.#connections].some((one) => one.connecting || one.load > 0 || one.room > 0);
    if (error === null || others) this.#serve();
    else this.#failAll(error);
  }

  /** Exchanges under way. */
  get #busy(): number {
    let busy = 0;
    for (const { load } of this.#connections) busy += load;
    return busy;
  }

  #withRoom(): StreamConnection | null {
    if (this.#busy >= this.#options.maxConnections) return null;
    for (const connection of this.#connections) if (connection.room > 0) return connection;
    return null;
  }

  #serve(): void {
    while (this.#queue.size > 0) {
      const connection = this.#withRoom();
      if (connection === null) break;
      const [waiter] = this.#queue.keys();
      this.#queue.delete(waiter!);
      waiter!.onConnection(new BackendStream(connection));
    }
    try {
      this.#openForQueue();
    } catch (error) {
      this.#failAll(new UpstreamError(502, `cannot dial: ${String(error)}`, 'unsent', error));
    }
  }

  /** How many streams a connection takes is known once it is there. */
  #openForQueue(): void {
    const { maxConnections } = this.#options;
    const waiting = Math.min(this.#queue.size, maxConnections - this.#busy);
    let connecting = 0;
    for (const connection of this.#connections) {
      // It takes none at all: another one would not either.
      if (connection.refuses) return;
      if (connection.connecting) connecting++;
    }
    while (connecting * maxBackendStreams < waiting && this.#connections.size < maxConnections) {
      this.#connections.add(new StreamConnection(this.address, this.#options, this.#clock, this));
      connecting++;
    }
  }

  #failAll(error: UpstreamError): void {
    const waiters = [...this.#queue.keys()];
    this.#queue.clear();
    for (const waiter of waiters) waiter.onFailure(error);
  }

  /** What is under way as it closes has its deadlines still. */
  #onTick(): void {
    if (this.#closed && this.#connections.size === 0 && this.#queue.size === 0) clearInterval(this.#timer);
    this.#clock.now = performance.now();
    const { now } = this.#clock;
    for (const [waiter, since] of this.#queue) {
      if (now - since < this.#options.queueTimeout) break;
      this.#queue.delete(waiter);
      waiter.onFailure(new UpstreamError(503, `${this.name} has no room: a request waited too long`));
    }
    for (const connection of this.#connections) {
      connection.checkDeadlines();
      const idle = connection.load === 0 && now - connection.idleSince > this.#options.idle;
      if (!connection.connecting && (idle || now - connection.since > maxAge)) connection.leave();
    }
  }
}
