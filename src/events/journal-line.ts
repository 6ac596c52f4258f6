/** A thread of the journal as its asker sees it: calls by number, a thread that is started at need and again where it died. */
import { extname } from 'node:path';
import { Worker } from 'node:worker_threads';

interface Call {
  readonly resolve: (value: never) => void;
  readonly reject: (error: Error) => void;
}

interface Answer {
  readonly call: number;
  readonly result: never;
  readonly error?: string;
}

export interface JournalLineOptions {
  /** The file of the thread, beside this one, without its ending. */
  readonly file: 'journal-thread' | 'journal-reader';
  readonly name: string;
  /** What the thread is started with. */
  readonly data: unknown;
  /** Gets what the thread tells unasked. */
  readonly onTold?: (message: never) => void;
  /** Told when the thread ended by itself. */
  readonly onEnd?: (reason: string) => void;
}

export class JournalLine {
  readonly #options: JournalLineOptions;
  readonly #calls = new Map<number, Call>();
  #thread: Worker | null = null;
  #call = 0;
  #closed = false;

  constructor(options: JournalLineOptions) {
    this.#options = options;
  }

  /** @param signal when it is aborted nobody waits any more */
  ask<T>(request: unknown, signal?: AbortSignal): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      if (this.#closed) {
        reject(new Error('the journal is closed'));
        return;
      }
      const call = ++this.#call;
      this.#calls.set(call, { resolve: resolve as (value: never) => void, reject });
      this.#thread ??= this.#start();
      const thread = this.#thread;
      // Whoever waits for an answer keeps the process alive; the thread by itself does not.
      thread.ref();
      thread.postMessage({ call, request });
      const cancel = (): void => {
        if (this.#calls.has(call)) thread.postMessage({ cancel: call });
      };
      signal?.addEventListener('abort', cancel, { once: true });
    });
  }

  /**
   * Ends the thread; nothing can be asked any more.
   *
   * @param last what it does before
   */
  async end(last?: unknown): Promise<void> {
    const done = last === undefined || this.#thread === null ? null : this.ask(last);
    // From now on its end is no trouble.
    this.#closed = true;
    await done;
    await this.#thread?.terminate();
  }

  #start(): Worker {
    const { file, name, data, onTold, onEnd } = this.#options;
    // Beside this file, under whichever ending this one runs.
    const url = new URL(`./${file}${extname(import.meta.url)}`, import.meta.url);
    const thread = new Worker(url, { workerData: data, name });
    thread.on('message', (message: Answer | { told: never }) => {
      if ('told' in message) {
        onTold?.(message.told);
        return;
      }
      const { call, result, error } = message;
      const waiting = this.#calls.get(call);
      this.#calls.delete(call);
      if (this.#calls.size === 0) thread.unref();
      if (error === undefined) waiting?.resolve(result);
      else waiting?.reject(new Error(error));
    });
    let reason = 'its thread ended';
    thread.on('error', (error: Error) => {
      reason = error.message;
    });
    thread.on('exit', () => {
      this.#thread = null;
      if (!this.#closed) onEnd?.(reason);
      for (const { reject } of this.#calls.values()) reject(new Error(reason));
      this.#calls.clear();
    });
    thread.unref();
    return thread;
  }
}
