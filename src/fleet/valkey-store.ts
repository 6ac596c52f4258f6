/**
 * The fleet's store in Valkey, or Redis 7 and later.
 *
 * Bans are published: a message reaches every gateway within about a millisecond, and takes no memory in Valkey. Messages are
 * not kept for a disconnected gateway. It reconciles when it reconnects, as it must in any case, because Valkey may have
 * restarted empty; so a stream to resume from would add nothing.
 */
import { randomUUID } from 'node:crypto';
import type { Redis } from 'iovalkey';
import { mostAhead } from '../bans/admission.ts';
import { type Ban, readBan } from '../bans/ban.ts';
import * as scripts from './scripts.ts';
import {
  type Comparison,
  type Count,
  deltaLife,
  type FleetStore,
  type GatewayEntry,
  gatewayAlive,
  gatewayLife,
  type Pulse,
  type StoredBan,
  type StreamEntry,
  type Strike,
  streamLength,
  type Trouble,
} from './store.ts';
import { ValkeyLink, type ValkeyLinkOptions } from './valkey-link.ts';

export interface ValkeyStoreOptions extends ValkeyLinkOptions {
  /** Prefix of every key and channel; gateways with the same prefix form a fleet. @default 'sekisho' */
  readonly prefix?: string;
  /** How long a ban is kept after it ends, in milliseconds. */
  readonly remember: number;
}

/** How long events and their numbers are kept, in milliseconds. */
const streamLife = 7 * 86_400_000;
/** The most commands per pipeline, and the most keys per script. */
const batch = 250;

/** Indexed by the script's reply. */
const comparisons: readonly Comparison[] = ['same', 'put', 'take'];

type Arguments = (string | number)[];

interface Commands {
  sekishoPulse(...args: Arguments): Promise<[string, number, number, number, string | null]>;
  sekishoPutBan(...args: Arguments): unknown;
  sekishoReadBans(keys: number, ...args: Arguments): Promise<(string | null)[]>;
  sekishoCompare(keys: number, ...args: Arguments): Promise<number[]>;
  sekishoDropBans(keys: number, ...args: Arguments): Promise<number>;
  sekishoClaim(...args: Arguments): Promise<number>;
  sekishoCount(keys: number, ...args: Arguments): Promise<number[]>;
  sekishoStrike(...args: Arguments): unknown;
  sekishoAppend(...args: Arguments): Promise<number>;
}

/** The scripts. Those without `numberOfKeys` get it as the first argument of each call. */
const commands = {
  sekishoPulse: { numberOfKeys: 4, lua: scripts.pulse },
  sekishoPutBan: { numberOfKeys: 3, lua: scripts.putBan },
  sekishoReadBans: { lua: scripts.readBans },
  sekishoCompare: { lua: scripts.compare },
  sekishoDropBans: { lua: scripts.dropBans },
  sekishoClaim: { numberOfKeys: 1, lua: scripts.claim },
  sekishoCount: { lua: scripts.count },
  sekishoStrike: { numberOfKeys: 1, lua: scripts.strike },
  sekishoAppend: { numberOfKeys: 2, lua: scripts.append },
} as const;

export class ValkeyStore implements FleetStore {
  readonly #options: ValkeyStoreOptions;
  readonly #prefix: string;
  readonly #link: ValkeyLink;
  readonly #commands: Redis & Commands;
  readonly #stateListeners: ((trouble: Trouble | null) => void)[] = [];
  readonly #banListeners: ((ban: Ban | null) => void)[] = [];

  /** Starts connecting, and retries for ever. @throws TypeError if the URL is invalid */
  constructor(options: ValkeyStoreOptions) {
    this.#options = options;
    // In braces, so that a cluster keeps all keys of a fleet on one node: a script can only use keys of one node.
    this.#prefix = `{${options.prefix ?? 'sekisho'}}:`;
    this.#link = new ValkeyLink(
      options,
      this.#prefix,
      `${this.#prefix}bans`,
      (message) => {
        const ban = parseBan(message);
        for (const listener of this.#banListeners) listener(ban);
      },
      (trouble) => {
        for (const listener of this.#stateListeners) listener(trouble);
      },
    );
    this.#commands = this.#link.commands as Redis & Commands;
    for (const [name, command] of Object.entries(commands)) this.#commands.defineCommand(name, command);
  }

  get connected(): boolean {
    return this.#link.connected;
  }

  onState(listener: (trouble: Trouble | null) => void): void {
    this.#stateListeners.push(listener);
    if (this.connected) queueMicrotask(() => listener(null));
  }

  onBan(listener: (ban: Ban | null) => void): void {
    this.#banListeners.push(listener);
  }

  async pulse(id: string, text: string): Promise<Pulse> {
    const [epoch, bans, time, gateways, repaired] = await this.#commands.sekishoPulse(
      ...this.#keys('epoch', 'bans', 'seen', 'gateways'),
      ...[randomUUID(), id, text, gatewayLife, gatewayAlive],
    );
    return { epoch, bans, time, gateways, repaired: typeof repaired === 'string' ? repaired : null };
  }

  async gateways(): Promise<GatewayEntry[]> {
    const texts = await this.#commands.hgetall(`${this.#prefix}gateways`);
    const seen = await this.#commands.zrangebyscore(`${this.#prefix}seen`, '-inf', '+inf', 'WITHSCORES');
    const entries: GatewayEntry[] = [];
    for (let at = 0; at < seen.length; at += 2) {
      const id = seen[at]!;
      if (texts[id] !== undefined) entries.push({ id, text: texts[id], seen: Number(seen[at + 1]) });
    }
    return entries;
  }

  async leave(id: string): Promise<void> {
    await this.#commands.zrem(`${this.#prefix}seen`, id);
    await this.#commands.hdel(`${this.#prefix}gateways`, id);
  }

  async putBans(bans: readonly Ban[], quietly = false): Promise<Ban[]> {
    const ahead: Ban[] = [];
    for (let start = 0; start < bans.length; start += batch) {
      const part = bans.slice(start, start + batch);
      const replies = await this.#pipeline(part, (pipeline, ban) =>
        pipeline.sekishoPutBan(
          this.#banKey(ban.prefix),
          ...this.#keys('bans', 'changes'),
          JSON.stringify(ban),
          ban.changed,
          ban.until,
          ban.until + this.#options.remember,
          quietly ? '' : `${this.#prefix}bans`,
          ban.prefix,
          mostAhead,
          deltaLife,
        ),
      );
      ahead.push(...part.filter((_, index) => replies[index] === -1));
    }
    return ahead;
  }

  async *allBans(): AsyncGenerator<readonly StoredBan[]> {
    let cursor = '0';
    do {
      const page = await this.indexPage(cursor);
      ({ cursor } = page);
      yield await this.readBans(page.prefixes);
    } while (cursor !== '0');
  }

  async readBans(prefixes: readonly string[]): Promise<StoredBan[]> {
    const records: StoredBan[] = [];
    for (let start = 0; start < prefixes.length; start += batch) {
      const part = prefixes.slice(start, start + batch);
      const texts = await this.#commands.sekishoReadBans(
        part.length,
        ...part.map((prefix) => this.#banKey(prefix)),
      );
      for (const [index, prefix] of part.entries()) {
        const text = texts[index];
        // The record has expired; the index lags slightly.
        if (typeof text !== 'string') continue;
        const ban = parseBan(text);
        records.push({ prefix, text, ban: ban?.prefix === prefix ? ban : null });
      }
    }
    return records;
  }

  async indexPage(cursor: string): Promise<{ cursor: string; prefixes: readonly string[] }> {
    const [next, found] = await this.#commands.zscan(`${this.#prefix}bans`, cursor, 'COUNT', batch);
    return { cursor: next, prefixes: found.filter((_, index) => index % 2 === 0) };
  }

  async *changedSince(time: number): AsyncGenerator<readonly string[]> {
    const key = `${this.#prefix}changes`;
    let from = `${time}`;
    for (;;) {
      const found = await this.#commands.zrangebyscore(key, from, '+inf', 'WITHSCORES', 'LIMIT', 0, batch);
      const prefixes = found.filter((_, index) => index % 2 === 0);
      if (prefixes.length > 0) yield prefixes;
      if (prefixes.length < batch) return;
      const last = found.at(-1)!;
      // More changes within one millisecond than fit a page: read that millisecond as a whole.
      if (last !== from) from = last;
      else {
        yield await this.#commands.zrangebyscore(key, from, from);
        from = `(${last}`;
      }
    }
  }

  async compare(records: readonly Pick<Ban, 'prefix' | 'changed'>[]): Promise<Comparison[]> {
    const found: Comparison[] = [];
    for (let start = 0; start < records.length; start += batch) {
      const part = records.slice(start, start + batch);
      const replies = await this.#commands.sekishoCompare(
        part.length + 1,
        `${this.#prefix}bans`,
        ...part.map(({ prefix }) => this.#banKey(prefix)),
        mostAhead,
        ...part.flatMap(({ prefix, changed }) => [prefix, changed]),
      );
      found.push(...replies.map((reply) => comparisons[reply]!));
    }
    return found;
  }

  async dropBans(records: readonly Pick<StoredBan, 'prefix' | 'text'>[]): Promise<void> {
    for (let start = 0; start < records.length; start += batch) {
      const part = records.slice(start, start + batch);
      await this.#commands.sekishoDropBans(
        part.length + 2,
        ...this.#keys('bans', 'changes'),
        ...part.map(({ prefix }) => this.#banKey(prefix)),
        ...part.flatMap(({ prefix, text }) => [prefix, text]),
      );
    }
  }

  async claim(task: string, id: string, life: number): Promise<boolean> {
    return (await this.#commands.sekishoClaim(`${this.#prefix}${task}`, id, life)) === 1;
  }

  async note(name: string, text: string, life: number): Promise<void> {
    await this.#commands.set(`${this.#prefix}${name}`, text, 'PX', life);
  }

  async noted(name: string): Promise<string | null> {
    return this.#commands.get(`${this.#prefix}${name}`);
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
        (pipeline, { prefix, id, time, within, after, since }) =>
          pipeline.sekishoStrike(`${this.#prefix}strikes:${prefix}`, time, id, within, after, since),
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
    this.#link.close();
  }

  #keys(...names: string[]): string[] {
    return names.map((name) => `${this.#prefix}${name}`);
  }

  #banKey(prefix: string): string {
    return `${this.#prefix}ban:${prefix}`;
  }

  /** Sends one command per item and waits for all replies. @throws the first error among them */
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
}

function parseBan(text: unknown): Ban | null {
  try {
    return typeof text === 'string' ? readBan(JSON.parse(text)) : null;
  } catch {
    return null;
  }
}
