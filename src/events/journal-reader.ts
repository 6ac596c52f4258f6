/** The thread that reads the journal's file, apart from the one that writes it: queries and writes never wait for each other. */
import { DatabaseSync } from 'node:sqlite';
import { parentPort, workerData } from 'node:worker_threads';
import { type JournalRead, read } from './journal-reads.ts';
import { registerFunctions } from './journal-schema.ts';

const port = parentPort!;
const { path } = workerData as { readonly path: string };
let db: DatabaseSync | null = null;
/** Calls in progress; false: cancelled. */
const calls = new Map<number, boolean>();

/** Opened on first use, and again after a failure. */
function opened(): DatabaseSync {
  if (db !== null) return db;
  const opening = new DatabaseSync(path, { readOnly: true, timeout: 2000 });
  opening.exec('PRAGMA cache_size = -16000; PRAGMA temp_store = MEMORY; PRAGMA trusted_schema = OFF');
  registerFunctions(opening);
  db = opening;
  return opening;
}

async function answer(call: number, request: JournalRead): Promise<void> {
  calls.set(call, true);
  try {
    port.postMessage({ call, result: await read(opened(), request, () => calls.get(call) === false) });
  } catch (error) {
    db?.close();
    db = null;
    port.postMessage({ call, error: error instanceof Error ? error.message : String(error) });
  } finally {
    calls.delete(call);
  }
}

port.on('message', (message: { call: number; request: JournalRead } | { cancel: number }) => {
  if (!('cancel' in message)) void answer(message.call, message.request);
  else if (calls.has(message.cancel)) calls.set(message.cancel, false);
});
