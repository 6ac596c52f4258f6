/**
 * The journal as the rest of the house sees it. Writes never wait and never fail: what the file does not take now is
 * folded in memory, exactly counted, and written when it does.
 */
import { extname } from 'node:path';
import { Worker } from 'node:worker_threads';
import { EventFolder, type FoldedEvent } from './fold.ts';
import type { EventFilter, EventPage, JournalEvent, Summary } from './journal-query.ts';
import type { LetGo } from './journal-retention.ts';
import type { JournalStoreOptions } from './journal-store.ts';
import type { JournalRequest, JournalStanding } from './journal-thread.ts';

export interface JournalOptions extends JournalStoreOptions {
  /** Told once when the file stops taking writes (the reason), and once when it takes them again (null). */
  readonly onTrouble?: (reason: string | null) => void;
  /** Milliseconds until a write that failed is tried again. @default 1000 */
  readonly retry?: number;
}

export interface JournalStatus {
  /** Events that wait in memory for the file to take them. */
  readonly unwritten: number;
  /** Events written since the start. */
  readonly written: number;
  /** Events lost: those that still waited when the journal was closed. */
  readonly lost: number;
  /** Why the file takes nothing; null while it does. */
  readonly trouble: string | null;
  /** Bytes in use, within a minute or so; null: not told yet. */
  readonly size: number | null;
  readonly maxSize: number;
  /** What was let go since the file was made, what was done last first. */
  readonly letGo: readonly LetGo[];
}

interface Answer {
  readonly call: number;
  readonly result: never;
  readonly error?: string;
}

/** Batches on their way to the thread; more are folded together until one comes back. */
const inFlight = 4;
/** Milliseconds that closing waits for the thread. */
const closeDeadline = 5000;

export class Journal {
  readonly #options: JournalOptions;
  #thread: Worker | null = null;
  readonly #calls = new Map<number, { resolve: (value: never) => void; reject: (error: Error) => void }>();
  readonly #pending = new EventFolder();
  #call = 0;
  #flying = 0;
  #flyingEvents = 0;
  #pendingEvents = 0;
  #written = 0;
  #lost = 0;
  #trouble: string | null = null;
  #standing: JournalStanding | { size: null; letGo: [] } = { size: null, letGo: [] };
  #retry: NodeJS.Timeout | null = null;
  #closed = false;

  constructor(options: JournalOptions) {
    this.#options = options;
  }

  get status(): JournalStatus {
    return {
      unwritten: this.#pendingEvents + this.#flyingEvents,
      written: this.#written,
      lost: this.#lost,
      trouble: this.#trouble,
      size: this.#standing.size,
      maxSize: this.#options.maxSize,
      letGo: this.#standing.letGo,
    };
  }

  /** Writes rows. @returns the id of each; null of one that has to wait */
  async write(batch: readonly FoldedEvent[]): Promise<(number | null)[]> {
    if (this.#flying >= inFlight || this.#trouble !== null || this.#closed) {
      this.#keep(batch);
      return batch.map(() => null);
    }
    return (await this.#send(batch)) ?? batch.map(() => null);
  }

  page(filter: EventFilter, limit: number, before: string | null): Promise<EventPage> {
    return this.#ask({ op: 'page', filter, limit, before });
  }

  event(id: number): Promise<JournalEvent | null> {
    return this.#ask({ op: 'event', id });
  }

  full(filter: EventFilter, limit: number): Promise<JournalEvent[]> {
    return this.#ask({ op: 'full', filter, limit });
  }

  summary(from: number, to: number): Promise<Summary> {
    return this.#ask({ op: 'summary', from, to });
  }

  /** Bytes in use. */
  size(): Promise<number> {
    return this.#ask({ op: 'size' });
  }

  /** Writes what waits, once more, and ends the thread. */
  async close(): Promise<void> {
    if (this.#closed) return;
    if (this.#retry !== null) clearTimeout(this.#retry);
    const end = async (): Promise<void> => {
      // Answers come in order: with this one every write before it has come back.
      if (this.#flying > 0) await this.#ask({ op: 'size' }).catch(() => {});
      if (this.#pending.size > 0) await this.#send(this.#takePending());
      this.#closed = true;
      await this.#ask({ op: 'close' });
    };
    const late = new Promise<void>((done) => {
      setTimeout(done, closeDeadline).unref();
    });
    await Promise.race([end().catch(() => {}), late]);
    this.#closed = true;
    this.#lost = this.#pendingEvents + this.#flyingEvents;
    await this.#thread?.terminate();
  }

  async #send(batch: readonly FoldedEvent[]): Promise<number[] | null> {
    const events = batch.reduce((sum, { count }) => sum + count, 0);
    this.#flying++;
    this.#flyingEvents += events;
    try {
      const ids = await this.#ask<number[]>({ op: 'write', batch });
      this.#written += events;
      this.#setTrouble(null);
      return ids;
    } catch (error) {
      this.#keep(batch);
      this.#setTrouble((error as Error).message);
      return null;
    } finally {
      this.#flying--;
      this.#flyingEvents -= events;
      this.#next();
    }
  }

  /** Sends what waits: at once while the file takes writes, else after a while. */
  #next(): void {
    if (this.#closed || this.#pending.size === 0 || this.#retry !== null) return;
    if (this.#trouble === null) {
      if (this.#flying < inFlight) void this.#send(this.#takePending());
      return;
    }
    this.#retry = setTimeout(() => {
      this.#retry = null;
      void this.#send(this.#takePending());
    }, this.#options.retry ?? 1000);
    this.#retry.unref();
  }

  #keep(batch: readonly FoldedEvent[]): void {
    for (const event of batch) {
      this.#pending.addFolded(event);
      this.#pendingEvents += event.count;
    }
  }

  #takePending(): FoldedEvent[] {
    this.#pendingEvents = 0;
    return this.#pending.take();
  }

  #setTrouble(reason: string | null): void {
    const before = this.#trouble;
    this.#trouble = reason;
    if ((before === null) !== (reason === null)) this.#options.onTrouble?.(reason);
  }

  #ask<T>(request: JournalRequest): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      if (this.#closed && request.op !== 'close') {
        reject(new Error('the journal is closed'));
        return;
      }
      const call = ++this.#call;
      this.#calls.set(call, { resolve: resolve as (value: never) => void, reject });
      this.#thread ??= this.#startThread();
      // Whoever waits for an answer keeps the process alive; the thread by itself does not.
      this.#thread.ref();
      this.#thread.postMessage({ call, request });
    });
  }

  /** Started at need, and again where it died. */
  #startThread(): Worker {
    const { path, keep, maxSize } = this.#options;
    // Beside this file, under whichever ending this one runs.
    const url = new URL(`./journal-thread${extname(import.meta.url)}`, import.meta.url);
    const thread = new Worker(url, { workerData: { path, keep, maxSize }, name: 'sekisho-journal' });
    thread.on('message', (message: Answer | { standing: JournalStanding }) => {
      if ('standing' in message) {
        this.#standing = message.standing;
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
      if (!this.#closed) this.#setTrouble(reason);
      for (const { reject } of this.#calls.values()) reject(new Error(reason));
      this.#calls.clear();
    });
    thread.unref();
    return thread;
  }
}
