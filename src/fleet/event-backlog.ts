import type { ProbeEvent } from '../events/event.ts';

/** An event waiting for the fleet's stream. */
export interface SharedEvent {
  readonly event: ProbeEvent;
  /** How many events of the same client, rule and destination it stands for. */
  count: number;
  /** Time of the last one, milliseconds since the epoch. */
  last: number;
}

/** The most characters of a request's bytes that go to the fleet; the local journal keeps them all. */
const bytesLimit = 1024;

/**
 * Events not yet sent to the fleet, oldest first. They wait here while the store is unreachable.
 *
 * Eviction: above half the capacity, events of the same client, rule and destination are folded into one with a count. A full
 * backlog drops the oldest and counts it in `lost`.
 */
export class EventBacklog {
  readonly #capacity: number;
  #events: SharedEvent[] = [];
  #first = 1;
  #lost = 0;
  readonly #folds = new Map<string, SharedEvent>();

  /** @param capacity the most events kept: at most some 40 MB for 10,000 */
  constructor(capacity = 10_000) {
    this.#capacity = capacity;
  }

  get size(): number {
    return this.#events.length;
  }

  /** How many events were dropped because the backlog was full. */
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
   * The oldest events. No later event is folded into them.
   *
   * @returns them and the number of the first; an event keeps its number until it is removed
   */
  head(limit: number): { first: number; events: readonly SharedEvent[] } {
    this.#folds.clear();
    return { first: this.#first, events: this.#events.slice(0, limit) };
  }

  /** Removes the events up to a number: they have arrived. */
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
