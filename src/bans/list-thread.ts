/** The thread that reads long lists: a million lines would block requests for seconds. */
import { parentPort, workerData } from 'node:worker_threads';
import { ListError, readListsNow } from './list-file.ts';

const port = parentPort!;
try {
  const columns = readListsNow(workerData as readonly string[]);
  const { ipv4, ipv6 } = columns.listed;
  const all = [ipv4, ipv6, columns.ranges.ipv4, columns.ranges.ipv6].flatMap((family) =>
    Object.values(family),
  );
  port.postMessage({ columns }, [...new Set(all.map(({ buffer }) => buffer as ArrayBuffer))]);
} catch (error) {
  if (!(error instanceof ListError)) throw error;
  port.postMessage({ error: error.message });
}
