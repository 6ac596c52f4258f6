/** The interface of the store that the gateways of a fleet share. One contract suite tests every implementation. */
import type { Ban } from '../bans/ban.ts';

/** An increase of a counter. */
export interface Count {
  /** Name of the counter, which includes the time window. */
  readonly key: string;
  readonly by: number;
  /** How long the counter is kept after its creation, in milliseconds. */
  readonly ttl: number;
}

/** A probe that counts towards a ban. */
export interface Strike {
  readonly prefix: string;
  /** Unique: the same strike sent twice counts once. */
  readonly id: string;
  /** Milliseconds since the epoch. */
  readonly time: number;
  /** Length of the sliding window, in milliseconds. */
  readonly within: number;
  /** The threshold: when a prefix reaches this many strikes, its strikes are deleted. */
  readonly after: number;
  /** The time of the last decision on the client; earlier strikes no longer count. */
  readonly since: number;
}

export interface StreamEntry {
  /** Position in the stream; increases. A reader continues after the last id it has read. */
  readonly id: string;
  /** The gateway it came from. */
  readonly source: string;
  readonly event: string;
}

/** A record as read from the store. */
export interface StoredBan {
  /** The prefix it is stored under. */
  readonly prefix: string;
  /** Null: it is not a ban, or its prefix differs. */
  readonly ban: Ban | null;
  /** The stored text. */
  readonly text: string;
}

/** Why the store is unavailable. */
export interface Trouble {
  /** `away`: it is unreachable; `refused`: it rejects this gateway; `full`: it is out of memory. */
  readonly kind: 'away' | 'refused' | 'full';
  /** What is wrong, where, and the fix. */
  readonly text: string;
}

/** The state of the store, in reply to a gateway's announcement. */
export interface Pulse {
  /** Changes when the store has lost its data. */
  readonly epoch: string;
  /** Records in the index. */
  readonly bans: number;
  /** The store's time, milliseconds since the epoch. */
  readonly time: number;
  /** Gateways heard from within the last ten seconds, including this one. */
  readonly gateways: number;
  /** A key that had the wrong type and was recently recreated; null: none. */
  readonly repaired: string | null;
}

/** The last announcement of a gateway. */
export interface GatewayEntry {
  readonly id: string;
  /** Its description of itself, as JSON. */
  readonly text: string;
  /** When it was made, by the store's clock. */
  readonly seen: number;
}

/** How the store's record compares with the local one. `put`: it is missing or older; `take`: it is newer. */
export type Comparison = 'same' | 'put' | 'take';

/** How long the store logs changes, in milliseconds. */
export const deltaLife = 3_600_000;
/** How long a silent gateway is remembered, in milliseconds. */
export const gatewayLife = 86_400_000;
/** How long a silent gateway counts as live, in milliseconds. */
export const gatewayAlive = 10_000;

/** Every method rejects at once while the store is unreachable, and within two seconds if it is lost during the call. */
export interface FleetStore {
  /** Whether commands and messages get through. */
  readonly connected: boolean;
  /**
   * Calls the listener when the store is connected (null), when it is lost, and when the cause changes. Messages published in
   * between are missed.
   */
  onState(listener: (trouble: Trouble | null) => void): void;
  /** Announces this gateway. @param text its description of itself, as JSON */
  pulse(id: string, text: string): Promise<Pulse>;
  /** The gateways seen within the last day. */
  gateways(): Promise<GatewayEntry[]>;
  /** Removes this gateway's announcement. */
  leave(id: string): Promise<void>;
  /**
   * Stores each ban that supersedes the known one, and publishes it to all gateways, including this one.
   *
   * @param quietly do not publish: all gateways have the bans
   * @returns bans refused because they are dated too far ahead of the store's clock
   */
  putBans(bans: readonly Ban[], quietly?: boolean): Promise<Ban[]>;
  /**
   * Calls the listener with every published ban, and with null for a message that is not a ban. Anyone able to write to the
   * store may have forged it, so it must be checked. The listener must not throw.
   */
  onBan(listener: (ban: Ban | null) => void): void;
  /** Every remembered record, in pages of some hundreds, unchecked. */
  allBans(): AsyncIterable<readonly StoredBan[]>;
  /** The records of these prefixes; missing ones are omitted. */
  readBans(prefixes: readonly string[]): Promise<StoredBan[]>;
  /** Walks the index page by page. @param cursor `0` at first; the last page returns `0` again */
  indexPage(cursor: string): Promise<{ cursor: string; prefixes: readonly string[] }>;
  /** Prefixes changed since a time of the store's clock, at most `deltaLife` ago; in pages. */
  changedSince(time: number): AsyncIterable<readonly string[]>;
  compare(records: readonly Pick<Ban, 'prefix' | 'changed'>[]): Promise<Comparison[]>;
  /** Deletes records that every gateway must refuse, unless they have changed. */
  dropBans(records: readonly Pick<StoredBan, 'prefix' | 'text'>[]): Promise<void>;
  /** Claims a task for one gateway. @returns whether this gateway holds it, for `life` milliseconds */
  claim(task: string, id: string, life: number): Promise<boolean>;
  /** Stores a note for other gateways, for `life` milliseconds. */
  note(name: string, text: string, life: number): Promise<void>;
  noted(name: string): Promise<string | null>;
  /** Adds to counters, in one step. @returns their new values */
  count(counts: readonly Count[]): Promise<number[]>;
  /** Adds strikes. @returns the number of strikes against each prefix within its window */
  strike(strikes: readonly Strike[]): Promise<number[]>;
  /**
   * Appends events to the stream. Numbers already received from this source are skipped, so that events that may have arrived
   * can be sent again.
   *
   * @param first number of the first event; numbers start at 1 and have no gaps
   */
  append(source: string, first: number, events: readonly string[]): Promise<void>;
  /** Entries after an id (`0`: from the start), oldest first, at most `limit`. */
  eventsAfter(id: string, limit: number): Promise<StreamEntry[]>;
  close(): Promise<void>;
}

/** The approximate number of events that the stream keeps. */
export const streamLength = 100_000;
