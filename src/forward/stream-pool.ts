/** The HTTP/2 connections to one backend. Each carries many exchanges; their number is bounded as with HTTP/1. */
import { maxBackendStreams } from '../h2/bounds.ts';
import { BackendStream } from './backend-stream.ts';
import { BoundedPool, type Waiter } from './bounded-pool.ts';
import type { ConnectionWatch } from './connection-watch.ts';
import { StreamConnection } from './stream-connection.ts';
import { UpstreamError } from './upstream-error.ts';

/**
 * Milliseconds after which a connection takes no more exchanges. Without it a connection that is never idle would stay with the
 * address a name had when it was dialled, or with one server behind a balancer after the others have restarted.
 */
const maxAge = 300_000;

/** `maxConnections` bounds exchanges here. */
export class StreamPool extends BoundedPool implements ConnectionWatch {
  readonly #connections = new Set<StreamConnection>();

  override get load(): number {
    return this.#busy + this.queue.length;
  }

  protected override get size(): number {
    return this.#connections.size;
  }

  /** Over HTTP/2 a login belongs to a request, not to the connection. */
  override keepsFor(): boolean {
    return false;
  }

  override take(waiter: Waiter): void {
    const connection = this.#withRoom();
    if (connection !== null) {
      waiter.onConnection(new BackendStream(connection));
      return;
    }
    const { maxQueue, maxConnections } = this.options;
    // While the first connection is being dialled, the exchanges that will fit on it wait too.
    if (!this.enqueue(waiter, maxQueue + maxConnections - this.#busy)) return;
    try {
      this.#openForQueue();
    } catch (error) {
      this.leave(waiter);
      throw error;
    }
  }

  override close(): void {
    this.closed = true;
    for (const connection of this.#connections) connection.leave();
  }

  onReady(): void {
    this.#serve();
  }

  onRoom(connection: StreamConnection): void {
    this.#serve();
    if (this.closed && connection.load === 0) connection.leave();
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
    if (this.#busy >= this.options.maxConnections) return null;
    for (const connection of this.#connections) if (connection.room > 0) return connection;
    return null;
  }

  #serve(): void {
    while (this.queue.length > 0) {
      const connection = this.#withRoom();
      if (connection === null) break;
      this.dequeue().onConnection(new BackendStream(connection));
    }
    try {
      this.#openForQueue();
    } catch (error) {
      this.#failAll(new UpstreamError(502, `cannot dial: ${String(error)}`, 'unsent', error));
    }
  }

  /** Opens as many connections as the queue needs; each is expected to take `maxBackendStreams` until its SETTINGS say less. */
  #openForQueue(): void {
    const { maxConnections } = this.options;
    const waiting = Math.min(this.queue.length, maxConnections - this.#busy);
    let connecting = 0;
    for (const connection of this.#connections) {
      // Another connection to this backend would take none either.
      if (connection.refuses) return;
      if (connection.connecting) connecting++;
    }
    while (connecting * maxBackendStreams < waiting && this.#connections.size < maxConnections) {
      this.#connections.add(new StreamConnection(this.address, this.options, this.clock, this));
      connecting++;
    }
  }

  #failAll(error: UpstreamError): void {
    for (const { waiter } of this.queue.splice(0)) waiter.onFailure(error);
  }

  protected override checkConnections(): void {
    const { now } = this.clock;
    for (const connection of this.#connections) {
      connection.checkDeadlines();
      const idle = connection.load === 0 && now - connection.idleSince > this.options.idle;
      if (!connection.connecting && (idle || now - connection.since > maxAge)) connection.leave();
    }
  }
}
