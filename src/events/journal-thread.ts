/** The thread that the journal's file is read and written in, so that no request waits for a disk. */
import { parentPort, workerData } from 'node:worker_threads';
import type { FoldedEvent } from './fold.ts';
import { type JournalRead, read } from './journal-reads.ts';
import type { LetGo } from './journal-retention.ts';
import { type JournalMark, JournalStore, type JournalStoreOptions } from './journal-store.ts';

/** What the thread is asked; each is answered by its `call` number. */
export type JournalRequest =
  | { readonly op: 'write'; readonly batch: readonly FoldedEvent[]; readonly mark?: JournalMark }
  | { readonly op: 'mark'; readonly name: string }
  | JournalRead
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
      // A journal in memory can be read by nobody else.
      return read(opened().db, request, () => false);
  }
}

let told = '';

/** Unasked, where it has changed: the dashboard shows it. */
function tellStanding(): void {
  if (store === null) return;
  const standing: JournalStanding = { size: store.size(), letGo: store.letGo };
  const text = JSON.stringify(standing);
  if (text !== told) port.postMessage({ told: standing });
  told = text;
}

port.on('message', async ({ call, request }: { call: number; request: JournalRequest }) => {
  try {
    // In order: what is written is answered before anything else is looked at.
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
    tellStanding();
  } catch {
    // A locked or full file is told of by the next write.
  }
  retention = setTimeout(retain, more ? 50 : retentionInterval);
}
