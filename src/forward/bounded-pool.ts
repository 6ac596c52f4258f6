/** What pools of HTTP/1 connections and of HTTP/2 connections share: the bounds, the queue and the timer. */
import type { EventEmitter } from 'node:events';
import { type BackendAddress, backendName, speaksHttp2 } from './backend.ts';
import { UpstreamError } from './upstream-error.ts';
import type { Exchange, UpstreamTimeouts } from './upstream-exchange.ts';

export interface PoolBounds {
  /** Most connections at a time; over HTTP/2, most requests. */
  readonly maxConnections: number;
  /** Most exchanges in the queue; any further one gets 503. */
  readonly maxQueue: number;
  /** Milliseconds an exchange waits in the queue; then 503. */
  readonly queueTimeout: number;
  /** Milliseconds an idle connection is kept: less than the backend's own idle timeout (Apache: 5 s). */
  readonly idle: number;
}

export interface PoolOptions extends UpstreamTimeouts, PoolBounds {}

/**
 * Everything that configures a connection. With less in the key, a site would use connections made by the rules of another:
 * to a backend whose certificate it does not trust, or more of them than it may.
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

/** An exchange that needs a connection. */
export interface Waiter {
  /** The connection of the client; a client that logged in on a backend connection gets that one back. */
  readonly client: EventEmitter | null;
  onConnection(exchange: Exchange): void;
  onFailure(error: UpstreamError): void;
}

interface Queued {
  readonly waiter: Waiter;
  readonly since: number;
}

/** The connections to one backend. */
export interface BackendPool {
  readonly address: BackendAddress;
  readonly name: string;
  /** Exchanges under way or queued. */
  readonly load: number;
  /** Whether it has an idle connection that this client has logged in on. */
  keepsFor(client: EventEmitter): boolean;
  /** Calls the waiter with a connection, now or when one is free; or with 503 where the queue is full. */
  take(waiter: Waiter): void;
  /** Takes the waiter out of the queue. */
  leave(waiter: Waiter): void;
  /** Closes idle connections now and busy ones after their exchange. */
  close(): void;
}

/** How often deadlines are checked, in milliseconds. */
export const tick = 250;

export abstract class BoundedPool implements BackendPool {
  readonly address: BackendAddress;
  readonly name: string;
  protected readonly options: PoolOptions;
  /** First in, first out. Not a Map, for the reason that `Members` gives. */
  protected readonly queue: Queued[] = [];
  protected readonly clock = { now: performance.now() };
  protected closed = false;
  readonly #timer: NodeJS.Timeout;

  constructor(address: BackendAddress, options: PoolOptions) {
    this.address = address;
    this.name = backendName(address);
    this.options = options;
    this.#timer = setInterval(() => this.#onTick(), tick).unref();
  }

  abstract get load(): number;
  abstract keepsFor(client: EventEmitter): boolean;
  abstract take(waiter: Waiter): void;
  abstract close(): void;
  /** Connections, whatever their state. */
  protected abstract get size(): number;
  protected abstract checkConnections(): void;

  leave(waiter: Waiter): void {
    const at = this.queue.findIndex((queued) => queued.waiter === waiter);
    if (at !== -1) this.queue.splice(at, 1);
  }

  /** Queues the waiter, where fewer than `most` wait. */
  protected enqueue(waiter: Waiter, most: number): boolean {
    if (this.queue.length < most) {
      this.queue.push({ waiter, since: this.clock.now });
      return true;
    }
    waiter.onFailure(
      new UpstreamError(503, `${this.name} has no room: ${this.queue.length} requests wait already`),
    );
    return false;
  }

  /** Takes the first waiter out of the queue, which is not empty. */
  protected dequeue(): Waiter {
    return this.queue.shift()!.waiter;
  }

  /** Goes on after `close` until the last exchange has ended, since that still has deadlines. */
  #onTick(): void {
    if (this.closed && this.size === 0 && this.queue.length === 0) clearInterval(this.#timer);
    this.clock.now = performance.now();
    while (this.queue.length > 0 && this.clock.now - this.queue[0]!.since >= this.options.queueTimeout)
      this.dequeue().onFailure(new UpstreamError(503, `${this.name} has no room: a request waited too long`));
    this.checkConnections();
  }
}
