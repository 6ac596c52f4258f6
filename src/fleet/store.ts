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
}

/** Every method rejects at once while the store is away, and within a second or two where it goes away meanwhile. */
export interface FleetStore {
  /** Whether it is there and tells of what others put. */
  readonly connected: boolean;
  /** Told each time it has come, or gone. While it was gone, `onBan` was told nothing. */
  onState(listener: (connected: boolean) => void): void;
  /**
   * Puts bans; each one only where it supersedes what is there. Told to everybody, oneself included.
   *
   * @returns those that were decided too far ahead of the store's clock, and not taken
   */
  putBans(bans: readonly Ban[]): Promise<Ban[]>;
  /**
   * Told of every ban that was put and taken, and of null for what somebody told that is none. Whoever may write there may
   * have told it: it is to pass the gate. Must not throw.
   */
  onBan(listener: (ban: Ban | null) => void): void;
  /** Every record that is not yet forgotten, in pages of some hundreds; none of them has passed the gate. */
  allBans(): AsyncIterable<readonly StoredBan[]>;
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
