/** The thread that the journal's file is read and written in, so that no request waits for a disk. */
import { parentPort, workerData } from 'node:worker_threads';
import type { FoldedEvent } from './fold.ts';
import { type EventFilter, eventById, eventPage, eventsInFull, summary } from './journal-query.ts';
import type { LetGo } from './journal-retention.ts';
import { JournalStore, type JournalStoreOptions } from './journal-store.ts';

/** What the thread is asked; each is answered by its `call` number. */
export type JournalRequest =
  | { readonly op: 'write'; readonly batch: readonly FoldedEvent[] }
  | {
      readonly op: 'page';
      readonly filter: EventFilter;
      readonly limit: number;
      readonly before: string | null;
    }
  | { readonly op: 'event'; readonly id: number }
  | { readonly op: 'full'; readonly filter: EventFilter; readonly limit: number }
  | { readonly op: 'summary'; readonly from: number; readonly to: number }
  | { readonly op: 'size' }
  | { readonly op: 'close' };

/** What the thread tells unasked. */
export interface JournalStanding {
  /** Bytes in use. */
  readonly size: number;
  readonly letGo: readonly LetGo[];
}

const options = workerData as JournalStoreOptions;
const port = parentPort!;
const retentionInterval = 60_000;
let store: JournalStore | null = null;

/** Opened at need and again after a failure: a file that is locked or full now may not be so later. */
function opened(): JournalStore {
  if (store === null) {
    store = new JournalStore(options);
    tellStanding();
  }
  return store;
}

function answer(request: JournalRequest): unknown {
  switch (request.op) {
    case 'write':
      return opened().write(request.batch);
    case 'page':
      return eventPage(opened().db, request.filter, request.limit, request.before);
    case 'event':
      return eventById(opened().db, request.id);
    case 'full':
      return eventsInFull(opened().db, request.filter, request.limit);
    case 'summary':
      return summary(opened().db, request.from, request.to);
    case 'size':
      return opened().size();
    case 'close':
      store?.close();
      port.close();
      clearTimeout(retention);
      return null;
  }
}

let told = '';

/** Unasked, where it has changed: the dashboard shows it. */
function tellStanding(): void {
  if (store === null) return;
  const standing: JournalStanding = { size: store.size(), letGo: store.letGo };
  const text = JSON.stringify(standing);
  if (text !== told) port.postMessage({ standing });
  told = text;
}

port.on('message', ({ call, request }: { call: number; request: JournalRequest }) => {
  try {
    port.postMessage({ call, result: answer(request) });
  } catch (error) {
    port.postMessage({ call, error: error instanceof Error ? error.message : String(error) });
  }
});

let retention = setTimeout(retain, 1000);
let retained = performance.now();

function retain(): void {
  let more = false;
  const passed = performance.now() - retained;
  retained += passed;
  try {
    more = store?.retain(Date.now(), passed) ?? false;
    tellStanding();
  } catch {
    // A locked or full file is told of by the next write.
  }
  retention = setTimeout(retain, more ? 50 : retentionInterval);
}
