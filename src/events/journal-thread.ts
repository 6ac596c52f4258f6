/** The thread that writes the journal's file (and reads it, if it is in memory), so that no request waits for a disk. */
import { parentPort, workerData } from 'node:worker_threads';
import type { FoldedEvent } from './fold.ts';
import { type JournalRead, read } from './journal-reads.ts';
import type { Deletion } from './journal-retention.ts';
import { type JournalMark, JournalStore, type JournalStoreOptions } from './journal-store.ts';

/** Requests to the thread; each is answered under its `call` number. */
type JournalRequest =
  | { readonly op: 'write'; readonly batch: readonly FoldedEvent[]; readonly mark?: JournalMark }
  | { readonly op: 'mark'; readonly name: string }
  | JournalRead
  | { readonly op: 'size' }
  | { readonly op: 'close' };

/** Sent by the thread on its own when it changes. */
export interface JournalState {
  /** Bytes in use. */
  readonly size: number;
  readonly letGo: readonly Deletion[];
}

const options = workerData as JournalStoreOptions;
const port = parentPort!;
const retentionInterval = 60_000;
let store: JournalStore | null = null;

/** Opened on first use, and again after a failure: a locked or full file may be writable later. */
function opened(): JournalStore {
  if (store === null) {
    store = new JournalStore(options);
    pushState();
  }
  return store;
}

function answer(request: JournalRequest): unknown {
  switch (request.op) {
    case 'write':
      return opened().write(request.batch, request.mark);
    case 'mark':
      return opened().mark(request.name);
    case 'size':
      return opened().size();
    case 'close':
      store?.close();
      port.close();
      clearTimeout(retention);
      return null;
    default:
      // Only this thread can read a journal in memory.
      return read(opened().db, request, () => false);
  }
}

let lastPushed = '';

/** For the dashboard. */
function pushState(): void {
  if (store === null) return;
  const state: JournalState = { size: store.size(), letGo: store.letGo };
  const text = JSON.stringify(state);
  if (text !== lastPushed) port.postMessage({ push: state });
  lastPushed = text;
}

port.on('message', async ({ call, request }: { call: number; request: JournalRequest }) => {
  try {
    // Writes are synchronous, so they are answered in order, before later requests run.
    const result = answer(request);
    port.postMessage({ call, result: result instanceof Promise ? await result : result });
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
    pushState();
  } catch {
    // A locked or full file is reported by the next write.
  }
  retention = setTimeout(retain, more ? 50 : retentionInterval);
}
