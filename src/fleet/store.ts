/** What gateways of a fleet share, whatever carries it. One contract suite holds every implementation to this. */
import type { Ban } from '../bans/ban.ts';

/** A counter that grows. */
export interface Count {
  /** Names the counter; the window it belongs to is part of the name. */
  readonly key: string;
  readonly by: number;
  /** How long it is kept after it was made, in milliseconds. */
  readonly ttl: number;
}

/** A probe that counts towards a ban. */
export interface Strike {
  readonly prefix: string;
  /** Unique; the same strike told twice counts once. */
  readonly id: string;
  /** Milliseconds since the epoch. */
  readonly time: number;
  /** Length of the sliding window, in milliseconds. */
  readonly within: number;
  /** At this many strikes they have done what they are for, and are forgotten. */
  readonly after: number;
  /** The time of the last decision on the client; strikes from before it count no more. */
  readonly since: number;
}

export interface StreamEntry {
  /** Grows along the stream; whoever reads goes on behind it. */
  readonly id: string;
  /** The gateway it came from. */
  readonly source: string;
  readonly event: string;
}

/** A record as it was found. */
export interface StoredBan {
  /** What it is kept under. */
  readonly prefix: string;
  /** Null: it is no ban, or one of another prefix. */
  readonly ban: Ban | null;
  /** As it stands there. */
  readonly text: string;
}

/** Why the store is not there. */
export interface Trouble {
  /** `away`: it can't be reached; `refused`: it does not let this gateway in; `full`: it takes nothing for want of memory. */
  readonly kind: 'away' | 'refused' | 'full';
  /** What is wrong, where, and what to do about it. */
  readonly text: string;
}

/** What a gateway says of itself, and what the store says of all. */
export interface Pulse {
  /** Another one: the store has lost what it held. */
  readonly epoch: string;
  /** Records in the index. */
  readonly bans: number;
  /** By the clock of the store, milliseconds since the epoch. */
  readonly time: number;
  /** Gateways that have said something within the last ten seconds, this one included. */
  readonly gateways: number;
  /** A key that was of a wrong type and was made anew lately; null: none. */
  readonly repaired: string | null;
}

/** A gateway as it was last heard of. */
export interface GatewayEntry {
  readonly id: string;
  /** What it said of itself, as JSON. */
  readonly text: string;
  /** When, by the clock of the store. */
  readonly seen: number;
}

/** How a record here compares with the one in the store: `put`: it is missing there, or older; `take`: it is newer there. */
export type Comparison = 'same' | 'put' | 'take';

/** How far back the store knows what was changed, in milliseconds. */
export const deltaLife = 3_600_000;
/** How long a gateway that says nothing any more is remembered, in milliseconds. */
export const gatewayLife = 86_400_000;
/** A gateway that has said nothing for so long, in milliseconds, does not count. */
export const gatewayAlive = 10_000;

/** Every method rejects at once while the store is away, and within a second or two where it goes away meanwhile. */
export interface FleetStore {
  /** Whether it is there and tells of what others put. */
  readonly connected: boolean;
  /**
   * Told each time it has come (null), or gone, or is not there for another reason than before. While it was gone, `onBan`
   * was told nothing.
   */
  onState(listener: (trouble: Trouble | null) => void): void;
  /** Says that this gateway is there. @param text what it says of itself, JSON */
  pulse(id: string, text: string): Promise<Pulse>;
  /** The gateways that have been heard of within a day. */
  gateways(): Promise<GatewayEntry[]>;
  /** This gateway goes. */
  leave(id: string): Promise<void>;
  /**
   * Puts bans; each one only where it supersedes what is there. Told to everybody, oneself included.
   *
   * @param quietly not told to anybody: all know it
   * @returns those that were decided too far ahead of the store's clock, and not taken
   */
  putBans(bans: readonly Ban[], quietly?: boolean): Promise<Ban[]>;
  /**
   * Told of every ban that was put and taken, and of null for what somebody told that is none. Whoever may write there may
   * have told it: it is to pass the gate. Must not throw.
   */
  onBan(listener: (ban: Ban | null) => void): void;
  /** Every record that is not yet forgotten, in pages of some hundreds; none of them has passed the gate. */
  allBans(): AsyncIterable<readonly StoredBan[]>;
  /** Records of these prefixes; what is missing is left out. */
  readBans(prefixes: readonly string[]): Promise<StoredBan[]>;
  /** Walks the index, a page at a time. @param cursor `0` at first; it is `0` again when all have been told */
  indexPage(cursor: string): Promise<{ cursor: string; prefixes: readonly string[] }>;
  /** Prefixes that were put since a time of the store's clock, at most `deltaLife` ago; in pages. */
  changedSince(time: number): AsyncIterable<readonly string[]>;
  compare(records: readonly Pick<Ban, 'prefix' | 'changed'>[]): Promise<Comparison[]>;
  /** Takes records out that no gateway may take, as long as they are what they were. */
  dropBans(records: readonly Pick<StoredBan, 'prefix' | 'text'>[]): Promise<void>;
  /** Claims a task for one gateway. @returns whether it is this one's, for `life` milliseconds */
  claim(task: string, id: string, life: number): Promise<boolean>;
  /** Leaves a note for others, for `life` milliseconds. */
  note(name: string, text: string, life: number): Promise<void>;
  noted(name: string): Promise<string | null>;
  /** Adds to counters, all at once. @returns what they are then */
  count(counts: readonly Count[]): Promise<number[]>;
  /** Adds strikes. @returns how many strikes there are against each prefix in its window */
  strike(strikes: readonly Strike[]): Promise<number[]>;
  /**
   * Puts events at the end of the stream. A number that this source has put already is passed over, so that what may or may
   * not have arrived can be told again.
   *
   * @param first number of the first event; they are numbered from 1 on, without gaps
   */
  append(source: string, first: number, events: readonly string[]): Promise<void>;
  /** Entries behind an id (`0`: from the start), oldest first, at most `limit`. */
  eventsAfter(id: string, limit: number): Promise<StreamEntry[]>;
  close(): Promise<void>;
}

/** The most events the stream keeps, about. */
export const streamLength = 100_000;
