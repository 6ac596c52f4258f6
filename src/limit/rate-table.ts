/** Requests of each client in the current window. Pure: the time is passed in. */

export interface RateTableOptions {
  /** Identifies the table where gateways share counts. */
  readonly name: string;
  /** Requests per client in a window. */
  readonly max: number;
  /** Length of the window, in milliseconds. */
  readonly timeWindow: number;
  /** The most clients remembered in one window. @default 200_000 */
  readonly capacity?: number;
}

interface Counter {
  readonly prefix: string;
  /** Counted by this gateway. */
  own: number;
  /** How many of those were shared. */
  shared: number;
  /** Counted by other gateways, as far as known. */
  others: number;
  /** Queued for sharing. */
  queued: boolean;
}

/** An addition to a shared count. */
export interface RateShare {
  /** Table, window and client. */
  readonly key: string;
  readonly by: number;
  readonly ttl: number;
  /** Called with the sum over all gateways, this one included. */
  settle(total: number): void;
  /** Sharing failed: queues the addition again. */
  restore(): void;
}

/** A source of shared counts. */
export interface RateSource {
  /** Additions since the last call; each change once. */
  shares(): RateShare[];
}

/**
 * Windows begin at the same time for every client and on every gateway, at multiples of their length since the epoch. So a window
 * ends by dropping its whole table, and gateways only have to agree on the time (`WindowClock`).
 *
 * Eviction: two generations per window. A client with a new request moves to the young one; when that holds half the capacity, it
 * becomes the old one and the old one is dropped. So a client is only forgotten, and starts at zero, if it made no request while
 * 100,000 other clients did.
 */
export class RateTable implements RateSource {
  readonly #options: RateTableOptions;
  readonly #half: number;
  #window = -1;
  #young = new Map<string, Counter>();
  #old = new Map<string, Counter>();
  #shared = false;
  #queue: Counter[] = [];
  readonly #threshold: number;

  constructor(options: RateTableOptions) {
    this.#options = options;
    this.#half = (options.capacity ?? 200_000) / 2;
    // Sharing every count would cost the store one command per client; clients far from the limit need no sum. With up to 32
    // gateways this lets no request through that a full sum would have stopped.
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

  /** Counts a request. @returns requests of the client in this window, this one included */
  hit(prefix: string, now: number): number {
    const window = Math.floor(now / this.#options.timeWindow);
    if (window !== this.#window) this.#begin(window);
    let counter = this.#young.get(prefix);
    if (counter === undefined) {
      counter = this.#old.get(prefix) ?? { prefix, own: 0, shared: 0, others: 0, queued: false };
      this.#old.delete(prefix);
      this.#young.set(prefix, counter);
      if (this.#young.size >= this.#half) {
        this.#old = this.#young;
        this.#young = new Map();
      }
    }
    counter.own++;
    if (this.#shared && !counter.queued && counter.own >= this.#threshold) {
      counter.queued = true;
      this.#queue.push(counter);
    }
    return counter.own + counter.others;
  }

  /** Milliseconds until the window ends. */
  left(now: number): number {
    const { timeWindow } = this.#options;
    return timeWindow - (now % timeWindow);
  }

  /** Additions to share, each once. Counts are queued for sharing from the first call on. */
  shares(): RateShare[] {
    this.#shared = true;
    const queue = this.#queue;
    this.#queue = [];
    const window = this.#window;
    const { name, timeWindow } = this.#options;
    return queue.map((counter) => {
      counter.queued = false;
      const by = counter.own - counter.shared;
      counter.shared = counter.own;
      return {
        key: `${name}:${window}:${counter.prefix}`,
        by,
        ttl: timeWindow * 2,
        settle: (total) => {
          // `shared` includes this share, so the rest of the total was counted by others, whatever was counted here meanwhile.
          counter.others = Math.max(counter.others, total - counter.shared);
        },
        restore: () => {
          if (window !== this.#window) return;
          counter.shared -= by;
          if (counter.queued) return;
          counter.queued = true;
          this.#queue.push(counter);
        },
      };
    });
  }

  #begin(window: number): void {
    this.#window = window;
    this.#young = new Map();
    this.#old = new Map();
    this.#queue = [];
  }
}
