import type { ProbeEvent } from '../events/event.ts';

/** An event on its way into the fleet's stream. */
export interface SharedEvent {
  readonly event: ProbeEvent;
  /** How many events it stands for: of the same client, rule and destination. */
  count: number;
  /** Time of the last one, milliseconds since the epoch. */
  last: number;
}

/** The longest copy of a request's bytes that goes to the fleet, in characters; the whole of it is in the local journal. */
const bytesLimit = 1024;

/**
 * Events that the fleet has not yet, oldest first. While the store is away they wait here.
 *
 * Eviction: beyond half the capacity, events of the same client, rule and destination are folded into one with a count. In a
 * full backlog the oldest goes, and `lost` says how many did.
 */
export class EventBacklog {
  readonly #capacity: number;
  #events: SharedEvent[] = [];
  #first = 1;
  #lost = 0;
  readonly #folds = new Map<string, SharedEvent>();

  /** @param capacity most events kept: some 40 MB at 10,000 and the longest requests */
  constructor(capacity = 10_000) {
    this.#capacity = capacity;
  }

  get size(): number {
    return this.#events.length;
  }

  /** How many events were given up for want of room. */
  get lost(): number {
    return this.#lost;
  }

  add(event: ProbeEvent): void {
    const fold = `${event.client} ${event.rule} ${event.destination}`;
    if (this.#events.length >= this.#capacity / 2) {
      const known = this.#folds.get(fold);
      if (known !== undefined) {
        known.count++;
        known.last = event.time;
        return;
      }
    }
    if (this.#events.length >= this.#capacity) this.#drop();
    const entry = {
      event: { ...event, bytes: event.bytes.slice(0, bytesLimit) },
      count: 1,
      last: event.time,
    };
    this.#events.push(entry);
    if (this.#events.length > this.#capacity / 2) this.#folds.set(fold, entry);
  }

  /**
   * The oldest events, which nothing is folded into any more.
   *
   * @returns them, and the number of the first; the same numbers as long as nothing is taken off
   */
  head(limit: number): { first: number; events: readonly SharedEvent[] } {
    this.#folds.clear();
    return { first: this.#first, events: this.#events.slice(0, limit) };
  }

  /** Takes the events up to a number off: they have arrived. */
  done(number: number): void {
    const count = Math.min(Math.max(number - this.#first + 1, 0), this.#events.length);
    this.#events = this.#events.slice(count);
    this.#first += count;
  }

  #drop(): void {
    this.#lost += this.#events[0]!.count;
    this.#events.shift();
    this.#first++;
    if (this.#folds.size > this.#capacity) this.#folds.clear();
  }
}
