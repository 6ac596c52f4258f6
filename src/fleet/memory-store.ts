/** The fleet of gateways that live in one process: for tests, and the measure of what another store must do. */
import { type Ban, supersedes } from '../bans/ban.ts';
import { mostAhead } from '../bans/gate.ts';
import {
  type Count,
  type FleetStore,
  type StoredBan,
  type StreamEntry,
  type Strike,
  streamLength,
} from './store.ts';

/** What the stores of one fleet share. */
export class SharedMemory {
  readonly bans = new Map<string, Ban>();
  readonly counters = new Map<string, { value: number; until: number }>();
  readonly strikes = new Map<string, Map<string, number>>();
  readonly sequences = new Map<string, number>();
  stream: StreamEntry[] = [];
  last = 0;
  readonly listeners = new Set<(ban: Ban | null) => void>();
}

export interface MemoryStoreOptions {
  readonly memory: SharedMemory;
  /** How long a ban is kept after its end, in milliseconds. */
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

  onState(listener: (connected: boolean) => void): void {
    queueMicrotask(() => listener(true));
  }

  async putBans(bans: readonly Ban[]): Promise<Ban[]> {
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
      for (const listener of memory.listeners) queueMicrotask(() => listener(ban));
    }
    return ahead;
  }

  onBan(listener: (ban: Ban | null) => void): void {
    this.#listeners.push(listener);
    this.#options.memory.listeners.add(listener);
  }

  async *allBans(): AsyncGenerator<readonly StoredBan[]> {
    this.#check();
    const { memory, remember, clock } = this.#options;
    yield [...memory.bans.values()]
      .filter(({ until }) => until + remember > clock())
      .map((ban) => ({ prefix: ban.prefix, ban }));
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
    return strikes.map(({ prefix, id, time, within, after }) => {
      const against = memory.strikes.get(prefix) ?? new Map<string, number>();
      memory.strikes.set(prefix, against);
      for (const [known, when] of against) if (when <= time - within) against.delete(known);
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
