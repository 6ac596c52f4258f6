/** The connections to one backend: kept alive, bounded, with a bounded queue in front. */
import type { EventEmitter } from 'node:events';
import { type BackendAddress, backendName, speaksHttp2 } from './backend.ts';
import { UpstreamConnection } from './upstream-connection.ts';
import { UpstreamError } from './upstream-error.ts';
import type { Clock, Exchange, UpstreamTimeouts } from './upstream-exchange.ts';

export interface PoolBounds {
  /** Most connections at a time; with HTTP/2, requests. */
  readonly maxConnections: number;
  /** Most exchanges that wait for one; what comes beyond gets 503. */
  readonly maxQueue: number;
  /** Milliseconds an exchange waits for one; then 503. */
  readonly queueTimeout: number;
  /** Milliseconds an idle connection is kept: below the time after which the backend closes it (Apache: 5 s). */
  readonly idle: number;
}

/**
 * All that configures a connection. With less in it a site would use connections that were made by the rules of another one:
 * to a backend whose certificate it does not believe, or more of them than it may.
 */
export function poolKey(address: BackendAddress, bounds: PoolBounds): string {
  const { maxConnections, maxQueue, queueTimeout, idle } = bounds;
  const tls = address.kind === 'tls' ? Object.entries(address.tls) : [];
  return JSON.stringify([
    address.kind,
    backendName(address),
    speaksHttp2(address),
    tls,
    maxConnections,
    maxQueue,
    queueTimeout,
    idle,
  ]);
}

export interface PoolOptions extends UpstreamTimeouts, PoolBounds {}

/** Waits for a connection. */
export interface Waiter {
  /** The connection of the client, which has one to the backend of its own where it logged in on it. */
  readonly client: EventEmitter | null;
  onConnection(exchange: Exchange): void;
  onFailure(error: UpstreamError): void;
}

/** All ways to one backend. */
export interface BackendPool {
  readonly address: BackendAddress;
  readonly name: string;
  /** Exchanges under way or waiting. */
  readonly load: number;
  /** Whether it has an idle connection that this client has logged in on. */
  keepsFor(client: EventEmitter): boolean;
  /** Calls the waiter back with a connection, now or when one is free; or with 503 where the queue is full. */
  take(waiter: Waiter): void;
  /** The waiter does not wait any more. */
  leave(waiter: Waiter): void;
  /** Ends idle connections now and the busy ones with their exchange. */
  close(): void;
}

/** How often deadlines are looked at, in milliseconds. */
export const tick = 250;

export class Pool implements BackendPool {
  readonly address: BackendAddress;
  readonly name: string;
  readonly #options: PoolOptions;
  readonly #idle: UpstreamConnection[] = [];
  readonly #all = new Set<UpstreamConnection>();
  /** Idle ones that a client has logged in on, by the connection of that client; first the one that is idle longest. */
  readonly #owned = new Map<EventEmitter, UpstreamConnection>();
  /** Who waits, in order, and since when. */
  readonly #queue = new Map<Waiter, number>();
  readonly #clock = { now: performance.now() };
  readonly #timer: NodeJS.Timeout;
  #closed = false;

  constructor(address: BackendAddress, options: PoolOptions) {
    this.address = address;
    this.name = backendName(address);
    this.#options = options;
    this.#timer = setInterval(() => this.#onTick(), tick).unref();
  }

  get load(): number {
    return this.#all.size - this.#idle.length - this.#owned.size + this.#queue.size;
  }

  keepsFor(client: EventEmitter): boolean {
    return this.#owned.has(client);
  }

  take(waiter: Waiter): void {
    // The one used last is the one least likely to be closing.
    const idle = this.#ownedBy(waiter.client) ?? this.#idle.pop();
    if (idle === undefined && this.#all.size >= this.#options.maxConnections) this.#endOneOwned();
    if (idle !== undefined) waiter.onConnection(idle);
    else if (this.#all.size < this.#options.maxConnections) waiter.onConnection(this.#open());
    else if (this.#queue.size < this.#options.maxQueue) this.#queue.set(waiter, this.#clock.now);
    else
      waiter.onFailure(
        new UpstreamError(503, `${this.name} has no room: ${this.#queue.size} requests wait already`),
      );
  }

  leave(waiter: Waiter): void {
    this.#queue.delete(waiter);
  }

  close(): void {
    this.#closed = true;
    for (const connection of [...this.#idle, ...this.#owned.values()]) connection.destroy();
  }

  #ownedBy(client: EventEmitter | null): UpstreamConnection | undefined {
    const own = client === null ? undefined : this.#owned.get(client);
    if (own !== undefined) this.#owned.delete(client!);
    return own;
  }

  /** Who is logged in can do so again; who waits gets nothing else. */
  #endOneOwned(): void {
    const [oldest] = this.#owned.values();
    oldest?.destroy();
  }

  #open(): UpstreamConnection {
    const connection = new UpstreamConnection(
      this.address,
      this.#options,
      this.#clock as Clock,
      this.#onFree,
    );
    this.#all.add(connection);
    return connection;
  }

  readonly #onFree = (connection: UpstreamConnection, usable: boolean): void => {
    if (!usable) {
      if (!this.#all.delete(connection)) return;
      const at = this.#idle.indexOf(connection);
      if (at !== -1) this.#idle.splice(at, 1);
      const { owner } = connection;
      if (owner !== null && this.#owned.get(owner) === connection) this.#owned.delete(owner);
      if (this.#queue.size > 0 && this.#all.size < this.#options.maxConnections) this.#next(this.#open());
    } else if (this.#closed || (connection.owner !== null && this.#owned.has(connection.owner))) {
      connection.destroy();
    } else if (connection.owner !== null) {
      connection.idleSince = this.#clock.now;
      this.#owned.set(connection.owner, connection);
      if (this.#queue.size > 0) this.#endOneOwned();
    } else if (this.#queue.size > 0) this.#next(connection);
    else {
      connection.idleSince = this.#clock.now;
      this.#idle.push(connection);
    }
  };

  #next(connection: UpstreamConnection): void {
    const [waiter] = this.#queue.keys();
    this.#queue.delete(waiter!);
    waiter!.onConnection(connection);
  }

  /** What is under way as it closes has its deadlines still. */
  #onTick(): void {
    if (this.#closed && this.#all.size === 0 && this.#queue.size === 0) clearInterval(this.#timer);
    this.#clock.now = performance.now();
    for (const [waiter, since] of this.#queue) {
      if (this.#clock.now - since < this.#options.queueTimeout) break;
      this.#queue.delete(waiter);
      waiter.onFailure(new UpstreamError(503, `${this.name} has no room: a request waited too long`));
    }
    for (const connection of this.#all) {
      if (!connection.idle) connection.checkDeadline();
      else if (this.#clock.now - connection.idleSince > this.#options.idle) connection.destroy();
    }
  }
}
