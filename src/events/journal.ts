/**
 * The journal as the rest of the house sees it. Writes never wait and never fail: what the file does not take now is
 * folded in memory, exactly counted, and written when it does.
 */
import { EventFolder, type FoldedEvent } from './fold.ts';
import type { ClientHistory } from './journal-client.ts';
import { JournalLine } from './journal-line.ts';
import type { Networks } from './journal-networks.ts';
import type { EventFilter, EventPage, JournalEvent } from './journal-query.ts';
import type { JournalRead } from './journal-reads.ts';
import type { LetGo } from './journal-retention.ts';
import type { JournalMark, JournalStoreOptions } from './journal-store.ts';
import type { Summary } from './journal-summary.ts';
import type { JournalStanding } from './journal-thread.ts';

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

/** Whether an index answers a part of a filter: a rule, a time, an address and no network. */
const answeredByIndex = ([name, value]: [string, unknown]): boolean =>
  value === undefined ||
  ['rule', 'from', 'to'].includes(name) ||
  (name === 'client' && !String(value).includes('/'));

/** Batches on their way to the thread; more are folded together until one comes back. */
const inFlight = 4;
/** Milliseconds that closing waits for the thread. */
const closeDeadline = 5000;

export class Journal {
  readonly #options: JournalOptions;
  readonly #writer: JournalLine;
  /** What an index answers, and what takes longer: the one never waits for the other. */
  readonly #fast: JournalLine;
  readonly #slow: JournalLine;
  #made: Promise<unknown> | null = null;
  readonly #pending = new EventFolder();
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
    const { path, keep, maxSize } = options;
    this.#writer = new JournalLine({
      file: 'journal-thread',
      name: 'sekisho-journal',
      data: { path, keep, maxSize },
      onTold: (standing: JournalStanding) => {
        this.#standing = standing;
      },
      onEnd: (reason) => this.#setTrouble(reason),
    });
    const reader = (): JournalLine =>
      path === ':memory:'
        ? this.#writer
        : new JournalLine({ file: 'journal-reader', name: 'sekisho-journal-reader', data: { path } });
    [this.#fast, this.#slow] = [reader(), reader()];
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

  /**
   * Writes rows from elsewhere with a mark of how far that was read: both or nothing.
   *
   * @throws Error where the file takes nothing now; they are to be read again then
   */
  async takeIn(batch: readonly FoldedEvent[], mark: JournalMark): Promise<void> {
    await this.#writer.ask({ op: 'write', batch, mark });
  }

  /** The mark of that name; null: there is none. */
  mark(name: string): Promise<string | null> {
    return this.#writer.ask({ op: 'mark', name });
  }

  /** @param signal when it is aborted the search ends */
  page(filter: EventFilter, limit: number, before: string | null, signal?: AbortSignal): Promise<EventPage> {
    const line = Object.entries(filter).every(answeredByIndex) ? this.#fast : this.#slow;
    return this.#read(line, { op: 'page', filter, limit, before }, signal);
  }

  event(id: number): Promise<JournalEvent | null> {
    return this.#read(this.#fast, { op: 'event', id });
  }

  /** @param prefix as rows have it @returns null where nothing is known of it */
  client(prefix: string): Promise<ClientHistory | null> {
    return this.#read(this.#slow, { op: 'client', prefix });
  }

  full(filter: EventFilter, limit: number): Promise<JournalEvent[]> {
    return this.#read(this.#slow, { op: 'full', filter, limit });
  }

  summary(from: number, to: number, signal?: AbortSignal): Promise<Summary> {
    return this.#read(this.#slow, { op: 'summary', from, to }, signal);
  }

  /** All sources of a range, by their networks. */
  networks(from: number, to: number): Promise<Networks> {
    return this.#read(this.#slow, { op: 'networks', from, to });
  }

  /** Bytes in use. */
  size(): Promise<number> {
    return this.#writer.ask({ op: 'size' });
  }

  /** Writes what waits, once more, and ends the thread. */
  async close(): Promise<void> {
    if (this.#closed) return;
    if (this.#retry !== null) clearTimeout(this.#retry);
    const end = async (): Promise<void> => {
      // Answers come in order: with this one every write before it has come back.
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
    await Promise.all([this.#writer, this.#fast, this.#slow].map((line) => line.end()));
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

  /** The file is made by who writes it, and brought up to this version. */
  async #read<T>(line: JournalLine, request: JournalRead, signal?: AbortSignal): Promise<T> {
    this.#made ??= this.size().catch((error: Error) => {
      this.#made = null;
      throw error;
    });
    await this.#made;
    signal?.throwIfAborted();
    return line.ask<T>(request, signal);
  }
}
