/** A store for gateways within one process: for tests, and as the reference implementation. */
import { randomUUID } from 'node:crypto';
import { mostAhead } from '../bans/admission.ts';
import { type Ban, supersedes } from '../bans/ban.ts';
import {
  type Comparison,
  type Count,
  type FleetStore,
  type GatewayEntry,
  gatewayAlive,
  type Pulse,
  type StoredBan,
  type StreamEntry,
  type Strike,
  streamLength,
  type Trouble,
} from './store.ts';

/** The state shared by the stores of one fleet. */
export class SharedMemory {
  readonly bans = new Map<string, Ban>();
  readonly counters = new Map<string, { value: number; until: number }>();
  readonly strikes = new Map<string, Map<string, number>>();
  readonly sequences = new Map<string, number>();
  stream: StreamEntry[] = [];
  last = 0;
  readonly changes = new Map<string, number>();
  readonly gateways = new Map<string, GatewayEntry>();
  readonly notes = new Map<string, { text: string; until: number }>();
  epoch: string = randomUUID();
  readonly listeners = new Set<(ban: Ban | null) => void>();
}

export interface MemoryStoreOptions {
  readonly memory: SharedMemory;
  /** How long a ban is kept after it ends, in milliseconds. */
  readonly remember: number;
  /** Milliseconds since the epoch. */
  readonly clock: () => number;
}

export class MemoryStore implements FleetStore {
  readonly connected = true;
  readonly #options: MemoryStoreOptions;
  #closed = false;
  readonly #listeners: ((ban: Ban | null) => void)[] = [];

  constructor(options: MemoryStoreOptions) {
    this.#options = options;
  }

  onState(listener: (trouble: Trouble | null) => void): void {
    queueMicrotask(() => listener(null));
  }

  async pulse(id: string, text: string): Promise<Pulse> {
    this.#check();
    const { memory, clock } = this.#options;
    const time = clock();
    memory.gateways.set(id, { id, text, seen: time });
    const gateways = [...memory.gateways.values()].filter(({ seen }) => seen >= time - gatewayAlive).length;
    return { epoch: memory.epoch, bans: memory.bans.size, time, gateways, repaired: null };
  }

  async gateways(): Promise<GatewayEntry[]> {
    return [...this.#options.memory.gateways.values()];
  }

  async leave(id: string): Promise<void> {
    this.#options.memory.gateways.delete(id);
  }

  async putBans(bans: readonly Ban[], quietly = false): Promise<Ban[]> {
    this.#check();
    const { memory, remember, clock } = this.#options;
    for (const [prefix, { until }] of memory.bans)
      if (until + remember <= clock()) memory.bans.delete(prefix);
    const latest = clock() + mostAhead;
    const ahead: Ban[] = [];
    for (const ban of bans) {
      if (ban.changed > latest) {
        ahead.push(ban);
        continue;
      }
      const known = memory.bans.get(ban.prefix);
      if (known !== undefined && known.changed <= latest && !supersedes(ban, known)) continue;
      memory.bans.set(ban.prefix, ban);
      memory.changes.delete(ban.prefix);
      memory.changes.set(ban.prefix, clock());
      if (quietly) continue;
      for (const listener of memory.listeners) queueMicrotask(() => listener(ban));
    }
    return ahead;
  }

  onBan(listener: (ban: Ban | null) => void): void {
    this.#listeners.push(listener);
    this.#options.memory.listeners.add(listener);
  }

  async *allBans(): AsyncGenerator<readonly StoredBan[]> {
    yield await this.readBans([...this.#options.memory.bans.keys()]);
  }

  async readBans(prefixes: readonly string[]): Promise<StoredBan[]> {
    this.#check();
    const { memory, remember, clock } = this.#options;
    return prefixes.flatMap((prefix) => {
      const ban = memory.bans.get(prefix);
      if (ban === undefined || ban.until + remember <= clock()) return [];
      return [{ prefix, ban, text: JSON.stringify(ban) }];
    });
  }

  async indexPage(): Promise<{ cursor: string; prefixes: readonly string[] }> {
    this.#check();
    return { cursor: '0', prefixes: [...this.#options.memory.bans.keys()] };
  }

  async *changedSince(time: number): AsyncGenerator<readonly string[]> {
    this.#check();
    yield [...this.#options.memory.changes].filter(([, when]) => when >= time).map(([prefix]) => prefix);
  }

  async compare(records: readonly Pick<Ban, 'prefix' | 'changed'>[]): Promise<Comparison[]> {
    this.#check();
    return records.map(({ prefix, changed }) => {
      const theirs = this.#options.memory.bans.get(prefix)?.changed ?? -1;
      return theirs < changed ? 'put' : theirs > changed ? 'take' : 'same';
    });
  }

  async dropBans(records: readonly Pick<StoredBan, 'prefix' | 'text'>[]): Promise<void> {
    const { bans } = this.#options.memory;
    for (const { prefix, text } of records)
      if (JSON.stringify(bans.get(prefix)) === text) bans.delete(prefix);
  }

  async claim(task: string, id: string, life: number): Promise<boolean> {
    const holder = await this.noted(task);
    if (holder !== null && holder !== id) return false;
    await this.note(task, id, life);
    return true;
  }

  async note(name: string, text: string, life: number): Promise<void> {
    this.#check();
    const { memory, clock } = this.#options;
    memory.notes.set(name, { text, until: clock() + life });
  }

  async noted(name: string): Promise<string | null> {
    this.#check();
    const { memory, clock } = this.#options;
    const known = memory.notes.get(name);
    return known === undefined || known.until <= clock() ? null : known.text;
  }

  async count(counts: readonly Count[]): Promise<number[]> {
    this.#check();
    const { memory, clock } = this.#options;
    const now = clock();
    for (const [key, { until }] of memory.counters) if (until <= now) memory.counters.delete(key);
    return counts.map(({ key, by, ttl }) => {
      const counter = memory.counters.get(key) ?? { value: 0, until: now + ttl };
      counter.value += by;
      memory.counters.set(key, counter);
      return counter.value;
    });
  }

  async strike(strikes: readonly Strike[]): Promise<number[]> {
    this.#check();
    const { memory } = this.#options;
    return strikes.map(({ prefix, id, time, within, after, since }) => {
      const against = memory.strikes.get(prefix) ?? new Map<string, number>();
      memory.strikes.set(prefix, against);
      for (const [known, when] of against) if (when <= Math.max(time - within, since)) against.delete(known);
      if (!against.has(id)) against.set(id, time);
      if (against.size >= after) memory.strikes.delete(prefix);
      return against.size;
    });
  }

  async append(source: string, first: number, events: readonly string[]): Promise<void> {
    this.#check();
    const { memory } = this.#options;
    const known = memory.sequences.get(source) ?? 0;
    for (const [index, event] of events.entries()) {
      if (first + index > known) memory.stream.push({ id: `${++memory.last}-0`, source, event });
    }
    memory.sequences.set(source, Math.max(known, first + events.length - 1));
    memory.stream = memory.stream.slice(-streamLength);
  }

  async eventsAfter(id: string, limit: number): Promise<StreamEntry[]> {
    this.#check();
    const after = Number.parseInt(id, 10);
    return this.#options.memory.stream
      .filter((entry) => Number.parseInt(entry.id, 10) > after)
      .slice(0, limit);
  }

  async close(): Promise<void> {
    this.#closed = true;
    for (const listener of this.#listeners) this.#options.memory.listeners.delete(listener);
  }

  #check(): void {
    if (this.#closed) throw new Error('the store is closed');
  }
}
