/**
 * The journal as the rest of the program uses it. Writes never block and never fail: what cannot be written now is folded in memory,
 * with exact counts, and written later.
 */
import { EventFolder, type FoldedEvent } from './fold.ts';
import type { ClientHistory } from './journal-client.ts';
import type { Networks } from './journal-networks.ts';
import type { EventFilter, EventPage, JournalEvent } from './journal-query.ts';
import type { JournalRead } from './journal-reads.ts';
import type { Deletion } from './journal-retention.ts';
import type { JournalMark, JournalStoreOptions } from './journal-store.ts';
import type { Summary } from './journal-summary.ts';
import type { JournalState } from './journal-thread.ts';
import { JournalWorker } from './journal-worker.ts';

export interface JournalOptions extends JournalStoreOptions {
  /** Called once when writes start to fail (with the reason), and once when they work again (null). */
  readonly onTrouble?: (reason: string | null) => void;
  /** Milliseconds until a failed write is retried. @default 1000 */
  readonly retry?: number;
}

export interface JournalStatus {
  /** Events in memory that are not in the file yet. */
  readonly unwritten: number;
  /** Events written since the start. */
  readonly written: number;
  /** Events lost: still unwritten when the journal was closed. */
  readonly lost: number;
  /** Why the file cannot be written; null while it can. */
  readonly trouble: string | null;
  /** Bytes in use, up to a minute old; null: not measured yet. */
  readonly size: number | null;
  readonly maxSize: number;
  /** What was deleted since the file was created, latest first. */
  readonly letGo: readonly Deletion[];
}

/** Whether an index can answer this part of a filter: a rule, a time, or an address, but not a network. */
const answeredByIndex = ([name, value]: [string, unknown]): boolean =>
  value === undefined ||
  ['rule', 'from', 'to'].includes(name) ||
  (name === 'client' && !String(value).includes('/'));

/** Batches on their way to the thread; further ones are folded together until one is written. */
const inFlight = 4;
/** Milliseconds that close() waits for the thread. */
const closeDeadline = 5000;

export class Journal {
  readonly #options: JournalOptions;
  readonly #writer: JournalWorker;
  /** For queries an index answers, which never wait behind the slow ones. */
  readonly #fast: JournalWorker;
  readonly #slow: JournalWorker;
  #created: Promise<unknown> | null = null;
  readonly #pending = new EventFolder();
  #flying = 0;
  #flyingEvents = 0;
  #pendingEvents = 0;
  #written = 0;
  #lost = 0;
  #trouble: string | null = null;
  #state: JournalState | { size: null; letGo: [] } = { size: null, letGo: [] };
  #retry: NodeJS.Timeout | null = null;
  #closed = false;

  constructor(options: JournalOptions) {
    this.#options = options;
    const { path, keep, maxSize } = options;
    this.#writer = new JournalWorker({
      file: 'journal-thread',
      name: 'sekisho-journal',
      data: { path, keep, maxSize },
      onPush: (state: JournalState) => {
        this.#state = state;
      },
      onEnd: (reason) => this.#setTrouble(reason),
    });
    const reader = (): JournalWorker =>
      path === ':memory:'
        ? this.#writer
        : new JournalWorker({ file: 'journal-reader', name: 'sekisho-journal-reader', data: { path } });
    [this.#fast, this.#slow] = [reader(), reader()];
  }

  get status(): JournalStatus {
    return {
      unwritten: this.#pendingEvents + this.#flyingEvents,
      written: this.#written,
      lost: this.#lost,
      trouble: this.#trouble,
      size: this.#state.size,
      maxSize: this.#options.maxSize,
      letGo: this.#state.letGo,
    };
  }

  /** Writes rows. @returns the id of each; null: not written yet */
  async write(batch: readonly FoldedEvent[]): Promise<(number | null)[]> {
    if (this.#flying >= inFlight || this.#trouble !== null || this.#closed) {
      this.#keep(batch);
      return batch.map(() => null);
    }
    return (await this.#send(batch)) ?? batch.map(() => null);
  }

  /**
   * Writes rows from another source, and how far that was read, in one transaction.
   *
   * @throws Error if the file cannot be written now; read the rows again later
   */
  async takeIn(batch: readonly FoldedEvent[], mark: JournalMark): Promise<void> {
    await this.#writer.ask({ op: 'write', batch, mark });
  }

  /** The text stored under a name; null: none. */
  mark(name: string): Promise<string | null> {
    return this.#writer.ask({ op: 'mark', name });
  }

  /** @param signal abort ends the search */
  page(filter: EventFilter, limit: number, before: string | null, signal?: AbortSignal): Promise<EventPage> {
    const worker = Object.entries(filter).every(answeredByIndex) ? this.#fast : this.#slow;
    return this.#read(worker, { op: 'page', filter, limit, before }, signal);
  }

  event(id: number): Promise<JournalEvent | null> {
    return this.#read(this.#fast, { op: 'event', id });
  }

  /** @param prefix as in rows @returns null if there are no rows of it */
  client(prefix: string): Promise<ClientHistory | null> {
    return this.#read(this.#slow, { op: 'client', prefix });
  }

  full(filter: EventFilter, limit: number): Promise<JournalEvent[]> {
    return this.#read(this.#slow, { op: 'full', filter, limit });
  }

  summary(from: number, to: number, signal?: AbortSignal): Promise<Summary> {
    return this.#read(this.#slow, { op: 'summary', from, to }, signal);
  }

  /** All sources of a time range, grouped by network. */
  networks(from: number, to: number): Promise<Networks> {
    return this.#read(this.#slow, { op: 'networks', from, to });
  }

  /** Bytes in use. */
  size(): Promise<number> {
    return this.#writer.ask({ op: 'size' });
  }

  /** Tries once more to write what is pending, then ends the threads. */
  async close(): Promise<void> {
    if (this.#closed) return;
    if (this.#retry !== null) clearTimeout(this.#retry);
    const end = async (): Promise<void> => {
      // The thread answers in order: after this answer all earlier writes are done.
      if (this.#flying > 0) await this.#writer.ask({ op: 'size' }).catch(() => {});
      if (this.#pending.size > 0) await this.#send(this.#takePending());
      this.#closed = true;
      await this.#writer.end({ op: 'close' });
    };
    const late = new Promise<void>((done) => {
      setTimeout(done, closeDeadline).unref();
    });
    await Promise.race([end().catch(() => {}), late]);
    this.#closed = true;
    this.#lost = this.#pendingEvents + this.#flyingEvents;
    await Promise.all([this.#writer, this.#fast, this.#slow].map((worker) => worker.end()));
  }

  async #send(batch: readonly FoldedEvent[]): Promise<number[] | null> {
    const events = batch.reduce((sum, { count }) => sum + count, 0);
    this.#flying++;
    this.#flyingEvents += events;
    try {
      const ids = await this.#writer.ask<number[]>({ op: 'write', batch });
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

  /** Sends what is pending: at once, or after a delay while writes fail. */
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

  /** Only the writer creates or migrates the file: readers wait for its first answer. */
  async #read<T>(worker: JournalWorker, request: JournalRead, signal?: AbortSignal): Promise<T> {
    this.#created ??= this.size().catch((error: Error) => {
      this.#created = null;
      throw error;
    });
    await this.#created;
    signal?.throwIfAborted();
    return worker.ask<T>(request, signal);
  }
}
