/** Requests of each client in the window that runs. Pure: the time is passed in. */

export interface RateTableOptions {
  /** Names the table where counts are shared. */
  readonly name: string;
  /** Requests a client may make in a window. */
  readonly max: number;
  /** Length of the window, in milliseconds. */
  readonly timeWindow: number;
  /** The most clients remembered in one window. @default 200_000 */
  readonly capacity?: number;
}

interface Counter {
  readonly prefix: string;
  /** Counted here. */
  own: number;
  /** How many of those the others have been told of. */
  told: number;
  /** Counted by others, as far as known. */
  others: number;
  /** Stands in the list of those to be told of. */
  waiting: boolean;
}

/** What is to be added to a shared count. */
export interface RateShare {
  /** Names the count: table, window, client. */
  readonly key: string;
  readonly by: number;
  readonly ttl: number;
  /** Takes in the sum over all gateways, these included. */
  settle(total: number): void;
  /** To be tried again: it could not be told. */
  restore(): void;
}

/** Whose counts are shared. */
export interface RateSource {
  /** What others have to be told; each change once. */
  shares(): RateShare[];
}

/**
 * Windows begin at the same time for every client and on every gateway, at multiples of their length since the epoch: then a
 * window ends by dropping its table whole, and gateways need not agree on anything but the time (`WindowClock`).
 *
 * Eviction: two generations a window. A client that comes moves into the young one; when that holds half the capacity, the
 * old one is forgotten. So whoever is forgotten, and starts at zero, has made no request while 100,000 other clients did.
 */
export class RateTable implements RateSource {
  readonly #options: RateTableOptions;
  readonly #half: number;
  #window = -1;
  #young = new Map<string, Counter>();
  #old = new Map<string, Counter>();
  #shared = false;
  #waiting: Counter[] = [];
  readonly #threshold: number;

  constructor(options: RateTableOptions) {
    this.#options = options;
    this.#half = (options.capacity ?? 200_000) / 2;
    // Sharing every count would cost the store one command a client; those far from the limit need no sum. Up to 32
    // gateways nothing is let through by that which a sum would have stopped.
    this.#threshold = Math.max(1, Math.floor(options.max / 32));
  }

  get name(): string {
    return this.#options.name;
  }

  get max(): number {
    return this.#options.max;
  }

  get timeWindow(): number {
    return this.#options.timeWindow;
  }

  /** Clients remembered. */
  get size(): number {
    return this.#young.size + this.#old.size;
  }

  /** Counts a request. @returns how many there were in the window that runs, this one included */
  hit(prefix: string, now: number): number {
    const window = Math.floor(now / this.#options.timeWindow);
    if (window !== this.#window) this.#begin(window);
    let counter = this.#young.get(prefix);
    if (counter === undefined) {
      counter = this.#old.get(prefix) ?? { prefix, own: 0, told: 0, others: 0, waiting: false };
      this.#old.delete(prefix);
      this.#young.set(prefix, counter);
      if (this.#young.size >= this.#half) {
        this.#old = this.#young;
        this.#young = new Map();
      }
    }
    counter.own++;
    if (this.#shared && !counter.waiting && counter.own >= this.#threshold) {
      counter.waiting = true;
      this.#waiting.push(counter);
    }
    return counter.own + counter.others;
  }

  /** Milliseconds until the window ends. */
  left(now: number): number {
    const { timeWindow } = this.#options;
    return timeWindow - (now % timeWindow);
  }

  /** What others have to be told; each change once. From the first call on, what is counted is kept to be told. */
  shares(): RateShare[] {
    this.#shared = true;
    const waiting = this.#waiting;
    this.#waiting = [];
    const window = this.#window;
    const { name, timeWindow } = this.#options;
    return waiting.map((counter) => {
      counter.waiting = false;
      const by = counter.own - counter.told;
      counter.told = counter.own;
      return {
        key: `${name}:${window}:${counter.prefix}`,
        by,
        ttl: timeWindow * 2,
        settle: (total) => {
          // While it was under way more was counted here, but it is told in full: the rest is the others'.
          counter.others = Math.max(counter.others, total - counter.told);
        },
        restore: () => {
          if (window !== this.#window) return;
          counter.told -= by;
          if (counter.waiting) return;
          counter.waiting = true;
          this.#waiting.push(counter);
        },
      };
    });
  }

  #begin(window: number): void {
    this.#window = window;
    this.#young = new Map();
    this.#old = new Map();
    this.#waiting = [];
  }
}
