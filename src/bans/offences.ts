import { parsePrefix } from '../address/ip.ts';
import { PrefixSet } from '../address/prefix-set.ts';

/** The most weight remembered for all clients: a client weighs four, each of its probes one. At most some 80 MB. */
const capacity = 2_000_000;
/** The weight of a client without its probes. */
const weight = 4;

/**
 * The exact times of each client's probes within a sliding window.
 *
 * Eviction: two generations. A client that probes moves into the young one. When that reaches half the capacity, the old
 * generation is forgotten as a whole and the young one takes its place. A forgotten client has therefore not probed while
 * a hundred thousand others sent six probes each.
 */
export class Offences {
  readonly #within: number;
  readonly #half: number;
  #young = new Map<string, number[]>();
  #old = new Map<string, number[]>();
  #inYoung = 0;

  /**
   * @param within length of the window, in milliseconds
   * @param most weight remembered in both generations
   */
  constructor(within: number, most: number = capacity) {
    this.#within = within;
    this.#half = most / 2;
  }

  /** Clients remembered. */
  get size(): number {
    return this.#young.size + this.#old.size;
  }

  /**
   * Counts a probe.
   *
   * @returns how many there were in the window that ends now
   */
  add(prefix: string, now: number): number {
    let times = this.#young.get(prefix);
    if (times === undefined) {
      times = this.#old.get(prefix) ?? [];
      this.#old.delete(prefix);
      this.#young.set(prefix, times);
      this.#inYoung += weight + times.length;
    }
    let gone = 0;
    while (gone < times.length && times[gone]! <= now - this.#within) gone++;
    if (gone > 0) times.splice(0, gone);
    times.push(now);
    this.#inYoung += 1 - gone;
    const count = times.length;
    if (this.#inYoung >= this.#half) {
      this.#old = this.#young;
      this.#young = new Map();
      this.#inYoung = 0;
    }
    return count;
  }

  /** Resets every client of a network: an operator has decided on it. */
  forgetWithin(prefix: string): void {
    const within = new PrefixSet([parsePrefix(prefix)!]);
    for (const client of [...this.#young.keys(), ...this.#old.keys()])
      if (within.covers(parsePrefix(client)!)) this.forget(client);
  }

  /** Resets a client: it has been banned or pardoned. */
  forget(prefix: string): void {
    const times = this.#young.get(prefix);
    if (times !== undefined) this.#inYoung -= weight + times.length;
    this.#young.delete(prefix);
    this.#old.delete(prefix);
  }
}
