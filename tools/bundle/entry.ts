/**
 * Entry point of the single file. Worker processes and threads start from the same file, so it first finds out which of them
 * it is.
 */
import cluster from 'node:cluster';
import { isMainThread, threadName } from 'node:worker_threads';
import { main } from '../../src/cli.ts';

const threads: Readonly<Record<string, () => Promise<unknown>>> = {
  'sekisho-journal': () => import('../../src/events/journal-thread.ts'),
  'sekisho-journal-reader': () => import('../../src/events/journal-reader.ts'),
  'sekisho-lists': () => import('../../src/bans/list-thread.ts'),
  'sekisho-scan': () => import('../../src/scan/scan-thread.ts'),
};

async function run(): Promise<void> {
  if (!isMainThread) {
    const load = threads[threadName ?? ''];
    if (load === undefined) throw new Error(`no part of the bundle is a thread named ${threadName}`);
    await load();
  } else if (cluster.isWorker) await import('../../src/program/workers/worker.ts');
  else process.exitCode = await main(process.argv.slice(2));
}

void run();
