/** The HTTP/1 connections to one backend: kept alive, bounded, with a bounded queue. */
import type { EventEmitter } from 'node:events';
import { Members } from '../listener/members.ts';
import { BoundedPool, type Waiter } from './bounded-pool.ts';
import { UpstreamConnection } from './upstream-connection.ts';

export class Pool extends BoundedPool {
  readonly #idle: UpstreamConnection[] = [];
  readonly #all = new Members<UpstreamConnection>();
  /** Idle connections that a client has logged in on, by the connection of that client; the one idle longest comes first. */
  readonly #owned = new Map<EventEmitter, UpstreamConnection>();

  override get load(): number {
    return this.#all.size - this.#idle.length - this.#owned.size + this.queue.length;
  }

  protected override get size(): number {
    return this.#all.size;
  }

  override keepsFor(client: EventEmitter): boolean {
    return this.#owned.has(client);
  }

  override take(waiter: Waiter): void {
    // The connection used last is the least likely to be closing.
    const idle = this.#ownedBy(waiter.client) ?? this.#idle.pop();
    if (idle === undefined && this.#all.size >= this.options.maxConnections) this.#endOneOwned();
    if (idle !== undefined) waiter.onConnection(idle);
    else if (this.#all.size < this.options.maxConnections) waiter.onConnection(this.#open());
    else this.enqueue(waiter, this.options.maxQueue);
  }

  override close(): void {
    this.closed = true;
    for (const connection of [...this.#idle, ...this.#owned.values()]) connection.destroy();
  }

  #ownedBy(client: EventEmitter | null): UpstreamConnection | undefined {
    const own = client === null ? undefined : this.#owned.get(client);
    if (own !== undefined) this.#owned.delete(client!);
    return own;
  }

  /** Makes room: a logged-in client can log in again, a waiting one has no other way. */
  #endOneOwned(): void {
    const [oldest] = this.#owned.values();
    oldest?.destroy();
  }

  #open(): UpstreamConnection {
    const connection = new UpstreamConnection(this.address, this.options, this.clock, this.#onFree);
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
      if (this.queue.length > 0 && this.#all.size < this.options.maxConnections)
        this.dequeue().onConnection(this.#open());
    } else if (this.closed || (connection.owner !== null && this.#owned.has(connection.owner))) {
      connection.destroy();
    } else if (connection.owner !== null) {
      connection.idleSince = this.clock.now;
      this.#owned.set(connection.owner, connection);
      if (this.queue.length > 0) this.#endOneOwned();
    } else if (this.queue.length > 0) this.dequeue().onConnection(connection);
    else {
      connection.idleSince = this.clock.now;
      this.#idle.push(connection);
    }
  };

  protected override checkConnections(): void {
    for (const connection of this.#all) {
      if (!connection.idle) connection.checkDeadline();
      else if (this.clock.now - connection.idleSince > this.options.idle) connection.destroy();
    }
  }
}
