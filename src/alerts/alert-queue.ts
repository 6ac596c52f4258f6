/** The queue of alerts for one receiver: one delivery at a time, retried with back-off, bounded. */
import { refusedHere } from '../listener/refused-dial.ts';
import { type Channel, Undeliverable } from './channel.ts';
import type { AlertMessage } from './message.ts';

export interface AlertQueueOptions {
  readonly channel: Channel;
  /** Called for each message that was not delivered. */
  readonly onLost: (message: AlertMessage, reason: string) => void;
  /** Milliseconds before each retry; after the last one the message is dropped. @default 1 s to 30 min */
  readonly delays?: readonly number[];
}

/** Most queued messages; eviction: the oldest. */
const capacity = 50;
const standardDelays = [1000, 5000, 30_000, 120_000, 600_000, 1_800_000];

export class AlertQueue {
  readonly #options: AlertQueueOptions;
  readonly #waiting: AlertMessage[] = [];
  readonly #stop = new AbortController();
  #running: Promise<void> | null = null;

  constructor(options: AlertQueueOptions) {
    this.#options = options;
  }

  /** Never throws, never blocks. */
  post(message: AlertMessage): void {
    this.#waiting.push(message);
    if (this.#waiting.length > capacity) this.#options.onLost(this.#waiting.shift()!, 'the queue is full');
    this.#running ??= this.#run().finally(() => {
      this.#running = null;
    });
  }

  /** Resolves when the queue is empty. */
  async idle(): Promise<void> {
    await this.#running;
  }

  /** Gives queued messages one last try. @param deadline milliseconds for all of them */
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

/** Resolves early, without an error, when the program shuts down. */
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
