/**
 * The fleet's store in Valkey, or Redis 7 and later.
 *
 * Bans travel by publish/subscribe: a message is with every gateway in a millisecond or so, and costs Valkey no memory.
 * What it does not do is keep messages for a gateway that is cut off. That one reads all bans anew once it is back, which it
 * has to do in any case, since Valkey itself may have come back empty; a stream to resume would only be a second way.
 */
import { randomUUID } from 'node:crypto';
import { Redis, type RedisOptions } from 'iovalkey';
import { type Ban, readBan } from '../bans/ban.ts';
import { mostAhead } from '../bans/gate.ts';
import * as scripts from './scripts.ts';
import {
  type Count,
  type FleetStore,
  type StoredBan,
  type StreamEntry,
  type Strike,
  streamLength,
} from './store.ts';

export interface ValkeyStoreOptions {
  /** `redis://[USER[:PASSWORD]@]HOST[:PORT][/DB]`, or `rediss://` for TLS. */
  readonly url: string;
  /** Begins every key and channel; gateways with the same one are a fleet. @default 'sekisho' */
  readonly prefix?: string;
  /** PEM of the authorities that sign the server's certificate. @default those of the system */
  readonly ca?: string | Buffer;
  /** How long a ban is kept after its end, in milliseconds. */
  readonly remember: number;
  /** Told of every error of a connection; it is tried again by itself. */
  readonly onError: (error: Error) => void;
}

/** Milliseconds until a command has failed, and between two proofs that both connections work. */
const commandTimeout = 1000;
const heartbeat = 1000;
/** How long events and their numbers are kept, in milliseconds. */
const streamLife = 7 * 86_400_000;
/** Commands sent before their replies are waited for; keys in one script. */
const batch = 250;

interface Commands {
  sekishoPutBan(...args: (string | number)[]): unknown;
  sekishoCount(keys: number, ...args: (string | number)[]): Promise<number[]>;
  sekishoStrike(...args: (string | number)[]): unknown;
  sekishoAppend(...args: (string | number)[]): Promise<number>;
}

export class ValkeyStore implements FleetStore {
  readonly #options: ValkeyStoreOptions;
  readonly #prefix: string;
  readonly #commands: Redis & Commands;
  readonly #subscriber: Redis;
  readonly #stateListeners: ((connected: boolean) => void)[] = [];
  readonly #banListeners: ((ban: Ban | null) => void)[] = [];
  /** A channel that only this process hears: the proof that messages come through. */
  readonly #echo: string;
  readonly #timer: NodeJS.Timeout;
  #echoed = true;
  #connected = false;
  #closed = false;

  /** Starts to connect; goes on trying for ever. */
  constructor(options: ValkeyStoreOptions) {
    this.#options = options;
    // In braces, so that a cluster keeps all keys of a fleet on one node, where scripts can reach them.
    this.#prefix = `{${options.prefix ?? 'sekisho'}}:`;
    this.#echo = `${this.#prefix}echo:${randomUUID()}`;
    const connection = connectionOptions(options);
    this.#commands = new Redis(options.url, connection) as Redis & Commands;
    this.#commands.defineCommand('sekishoPutBan', { numberOfKeys: 2, lua: scripts.putBan });
    this.#commands.defineCommand('sekishoCount', { lua: scripts.count });
    this.#commands.defineCommand('sekishoStrike', { numberOfKeys: 1, lua: scripts.strike });
    this.#commands.defineCommand('sekishoAppend', { numberOfKeys: 2, lua: scripts.append });
    this.#subscriber = new Redis(options.url, connection);
    for (const client of [this.#commands, this.#subscriber]) {
      client.on('error', options.onError);
      client.on('close', () => this.#state());
      client.on('ready', () => this.#onReady(client));
    }
    this.#subscriber.on('message', (channel: string, message: string) => this.#onMessage(channel, message));
    this.#timer = setInterval(() => this.#beat(), heartbeat);
    this.#timer.unref();
  }

  get connected(): boolean {
    return this.#connected;
  }

  onState(listener: (connected: boolean) => void): void {
    this.#stateListeners.push(listener);
    if (this.#connected) queueMicrotask(() => listener(true));
  }

  onBan(listener: (ban: Ban | null) => void): void {
    this.#banListeners.push(listener);
  }

  async putBans(bans: readonly Ban[]): Promise<Ban[]> {
    const ahead: Ban[] = [];
    for (let start = 0; start < bans.length; start += batch) {
      const part = bans.slice(start, start + batch);
      const replies = await this.#pipeline(part, (pipeline, ban) =>
        pipeline.sekishoPutBan(
          this.#banKey(ban.prefix),
          `${this.#prefix}bans`,
          JSON.stringify(ban),
          ban.changed,
          ban.until,
          ban.until + this.#options.remember,
          `${this.#prefix}bans`,
          ban.prefix,
          mostAhead,
        ),
      );
      ahead.push(...part.filter((_, index) => replies[index] === -1));
    }
    return ahead;
  }

  async *allBans(): AsyncGenerator<readonly StoredBan[]> {
    let cursor = '0';
    do {
      const [next, found] = await this.#commands.zscan(`${this.#prefix}bans`, cursor, 'COUNT', batch);
      cursor = next;
      const prefixes = found.filter((_, index) => index % 2 === 0);
      const texts = await this.#pipeline(prefixes, (pipeline, prefix) =>
        pipeline.hget(this.#banKey(prefix), 'ban'),
      );
      yield prefixes.flatMap((prefix, index) => {
        const text = texts[index];
        // It was forgotten; the index is a little behind.
        if (text === null) return [];
        const ban = parseBan(text);
        return [{ prefix, ban: ban?.prefix === prefix ? ban : null }];
      });
    } while (cursor !== '0');
  }

  async count(counts: readonly Count[]): Promise<number[]> {
    const totals: number[] = [];
    for (let start = 0; start < counts.length; start += batch) {
      const part = counts.slice(start, start + batch);
      const keys = part.map(({ key }) => `${this.#prefix}count:${key}`);
      const args = part.flatMap(({ by, ttl }) => [by, ttl]);
      totals.push(...(await this.#commands.sekishoCount(keys.length, ...keys, ...args)));
    }
    return totals;
  }

  async strike(strikes: readonly Strike[]): Promise<number[]> {
    const totals: number[] = [];
    for (let start = 0; start < strikes.length; start += batch) {
      const replies = await this.#pipeline(
        strikes.slice(start, start + batch),
        (pipeline, { prefix, id, time, within, after }) =>
          pipeline.sekishoStrike(`${this.#prefix}strikes:${prefix}`, time, id, within, after),
      );
      totals.push(...(replies as number[]));
    }
    return totals;
  }

  async append(source: string, first: number, events: readonly string[]): Promise<void> {
    for (let start = 0; start < events.length; start += batch) {
      await this.#commands.sekishoAppend(
        `${this.#prefix}events`,
        `${this.#prefix}number:${source}`,
        source,
        first + start,
        streamLength,
        streamLife,
        ...events.slice(start, start + batch),
      );
    }
  }

  async eventsAfter(id: string, limit: number): Promise<StreamEntry[]> {
    const entries = await this.#commands.xrange(`${this.#prefix}events`, `(${id}`, '+', 'COUNT', limit);
    return entries.map(([entry, fields]) => ({ id: entry, source: fields[1]!, event: fields[3]! }));
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearInterval(this.#timer);
    this.#state();
    for (const client of [this.#commands, this.#subscriber]) client.disconnect();
  }

  #banKey(prefix: string): string {
    return `${this.#prefix}ban:${prefix}`;
  }

  /** Sends one command for each item and waits for all replies. @throws the first error among them */
  async #pipeline<T>(
    items: readonly T[],
    add: (pipeline: ReturnType<Redis['pipeline']> & Commands, item: T) => unknown,
  ): Promise<unknown[]> {
    if (items.length === 0) return [];
    const pipeline = this.#commands.pipeline() as ReturnType<Redis['pipeline']> & Commands;
    for (const item of items) add(pipeline, item);
    const replies = (await pipeline.exec()) ?? [];
    return replies.map(([error, reply]) => {
      if (error !== null) throw error;
      return reply;
    });
  }

  async #onReady(client: Redis): Promise<void> {
    try {
      if (client === this.#subscriber) {
        await client.subscribe(`${this.#prefix}bans`, this.#echo);
        this.#echoed = true;
      }
      this.#state();
    } catch (error) {
      this.#options.onError(error as Error);
      client.disconnect(true);
    }
  }

  /** A connection that is cut without a word is noticed only by what does not come back. */
  #beat(): void {
    if (!this.#connected) return;
    if (!this.#echoed) {
      this.#options.onError(new Error('the subscription does not answer; connecting anew'));
      this.#subscriber.disconnect(true);
    }
    this.#echoed = false;
    this.#commands.publish(this.#echo, '').catch((error: Error) => {
      this.#options.onError(error);
      this.#commands.disconnect(true);
    });
  }

  #onMessage(channel: string, message: string): void {
    if (channel === this.#echo) {
      this.#echoed = true;
      return;
    }
    const ban = parseBan(message);
    for (const listener of this.#banListeners) listener(ban);
  }

  #state(): void {
    const connected =
      !this.#closed &&
      this.#commands.status === 'ready' &&
      this.#subscriber.status === 'ready' &&
      this.#subscriber.mode === 'subscriber';
    if (connected === this.#connected) return;
    this.#connected = connected;
    for (const listener of this.#stateListeners) listener(connected);
  }
}

function connectionOptions({ url, ca }: ValkeyStoreOptions): RedisOptions {
  return {
    // Nothing waits in a queue of the client's: what can't be sent now is the fleet's to keep.
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    autoResubscribe: false,
    autoResendUnfulfilledCommands: false,
    commandTimeout,
    connectTimeout: 2000,
    keepAlive: 5000,
    connectionName: 'sekisho',
    retryStrategy: (times) => Math.min(50 * 2 ** Math.min(times, 5), 1000),
    // A replica that was promoted meanwhile is found by connecting anew.
    reconnectOnError: (error) => error.message.startsWith('READONLY'),
    ...(url.startsWith('rediss:') ? { tls: ca === undefined ? {} : { ca } } : {}),
  };
}

function parseBan(text: unknown): Ban | null {
  try {
    return typeof text === 'string' ? readBan(JSON.parse(text)) : null;
  } catch {
    return null;
  }
}
