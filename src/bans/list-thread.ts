/** The thread that long lists are read in: a million lines would hold up requests for seconds. */
import { parentPort, workerData } from 'node:worker_threads';
import { ListError, readListsNow } from './list-file.ts';

const port = parentPort!;
try {
  const listed = readListsNow(workerData as readonly string[]);
  const { ipv4, ipv6 } = listed;
  const columns = [ipv4.address, ipv4.length, ipv6.high, ipv6.low, ipv6.length];
  port.postMessage({ listed }, [...new Set(columns.map(({ buffer }) => buffer as ArrayBuffer))]);
} catch (error) {
  if (!(error instanceof ListError)) throw error;
  port.postMessage({ error: error.message });
}
