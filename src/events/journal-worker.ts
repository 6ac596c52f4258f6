/** The caller's side of a journal thread: numbered calls; the thread is started on the first call, and again if it died. */
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

export interface JournalWorkerOptions {
  /** The script of the thread, beside this file, without extension. */
  readonly file: 'journal-thread' | 'journal-reader';
  readonly name: string;
  /** `workerData` of the thread. */
  readonly data: unknown;
  /** Called with messages the thread sends on its own. */
  readonly onPush?: (message: never) => void;
  /** Called if the thread ends unexpectedly. */
  readonly onEnd?: (reason: string) => void;
}

export class JournalWorker {
  readonly #options: JournalWorkerOptions;
  readonly #calls = new Map<number, Call>();
  #thread: Worker | null = null;
  #call = 0;
  #closed = false;

  constructor(options: JournalWorkerOptions) {
    this.#options = options;
  }

  /** @param signal abort: the result is no longer needed */
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
      // A pending call keeps the process alive; an idle thread does not.
      thread.ref();
      thread.postMessage({ call, request });
      const cancel = (): void => {
        if (this.#calls.has(call)) thread.postMessage({ cancel: call });
      };
      signal?.addEventListener('abort', cancel, { once: true });
    });
  }

  /**
   * Ends the thread; later calls are rejected.
   *
   * @param last a request to run first
   */
  async end(last?: unknown): Promise<void> {
    const done = last === undefined || this.#thread === null ? null : this.ask(last);
    // From here on the end of the thread is expected.
    this.#closed = true;
    await done;
    await this.#thread?.terminate();
  }

  #start(): Worker {
    const { file, name, data, onPush, onEnd } = this.#options;
    // With the extension of this file: .ts from source, .js once compiled.
    const url = new URL(`./${file}${extname(import.meta.url)}`, import.meta.url);
    const thread = new Worker(url, { workerData: data, name });
    thread.on('message', (message: Answer | { push: never }) => {
      if ('push' in message) {
        onPush?.(message.push);
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
