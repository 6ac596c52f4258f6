/** The messages to one receiver: one at a time, tried again with back-off, bounded. */
import { refusedHere } from '../listener/refused-dial.ts';
import type { AlertMessage } from './message.ts';

/** Where messages go. */
export interface Channel {
  /** For the log: `webhook hooks.example.net`. Holds no secret. */
  readonly name: string;
  /** @throws {Undeliverable} where trying again is of no use; any other error: try again */
  send(message: AlertMessage): Promise<void>;
  close(): void;
}

/** The receiver has read the message and does not want it. */
export class Undeliverable extends Error {}

export interface OutboxOptions {
  readonly channel: Channel;
  /** Told of messages that are given up. */
  readonly onLost: (message: AlertMessage, reason: string) => void;
  /** Milliseconds before each further try; after the last the message is given up. @default 1 s to 30 min */
  readonly delays?: readonly number[];
}

/** Messages that wait; the oldest goes when one more comes. */
const capacity = 50;
const standardDelays = [1000, 5000, 30_000, 120_000, 600_000, 1_800_000];

export class Outbox {
  readonly #options: OutboxOptions;
  readonly #waiting: AlertMessage[] = [];
  readonly #stop = new AbortController();
  #running: Promise<void> | null = null;

  constructor(options: OutboxOptions) {
    this.#options = options;
  }

  /** Never throws, never waits. */
  post(message: AlertMessage): void {
    this.#waiting.push(message);
    if (this.#waiting.length > capacity)
      this.#options.onLost(this.#waiting.shift()!, 'too many messages wait');
    this.#running ??= this.#run().finally(() => {
      this.#running = null;
    });
  }

  /** Resolves when nothing waits any more. */
  async idle(): Promise<void> {
    await this.#running;
  }

  /** Gives what waits one more try, and this long for it. @param deadline milliseconds */
  async close(deadline: number): Promise<void> {
    this.#stop.abort();
    const late = new Promise<void>((done) => {
      setTimeout(done, deadline).unref();
    });
    await Promise.race([this.#running, late]);
    this.#options.channel.close();
  }

  async #run(): Promise<void> {
    for (let message = this.#waiting[0]; message !== undefined; message = this.#waiting[0]) {
      const reason = await this.#deliver(message);
      if (reason !== null) this.#options.onLost(message, reason);
      if (this.#waiting[0] === message) this.#waiting.shift();
    }
  }

  async #deliver(message: AlertMessage): Promise<string | null> {
    const { channel, delays = standardDelays } = this.#options;
    let reason = '';
    for (const delay of [0, ...delays]) {
      if (delay > 0) {
        if (this.#stop.signal.aborted) return reason;
        await pause(delay, this.#stop.signal);
      }
      try {
        await channel.send(message);
        return null;
      } catch (error) {
        reason = `${(error as Error).message}${refusedHere(error as Error)}`;
        if (error instanceof Undeliverable) return reason;
      }
    }
    return reason;
  }
}

/** Ends early, without an error, where the program is about to end. */
const pause = (delay: number, signal: AbortSignal): Promise<void> =>
  new Promise((done) => {
    const timer = setTimeout(finish, delay).unref();
    signal.addEventListener('abort', finish, { once: true });
    function finish(): void {
      clearTimeout(timer);
      signal.removeEventListener('abort', finish);
      done();
    }
  });
