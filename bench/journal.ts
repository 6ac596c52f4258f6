/**
 * `npm run -s bench -- journal`: the time of the dashboard's first page over a million events, and how many probes per second
 * the journal costs.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { JournalStore } from '../src/events/journal-store.ts';
import { summary } from '../src/events/journal-summary.ts';
import { eventPage } from '../test/support/event-page.ts';
import { journalCost } from './journal-cost.ts';
import { madeUpEvent } from './made-up-events.ts';
import { type BenchOptions, median, print } from './options.ts';

const day = 86_400_000;

export async function run(options: BenchOptions): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'sekisho-bench-'));
  try {
    await journalCost(options);
    queries(options, `${folder}/queries.db`);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Queries over a week of unique events from 5,000 sources to 20,000 hosts. */
function queries(options: BenchOptions, path: string): void {
  const rows = options.quick ? 50_000 : 1_000_000;
  const store = new JournalStore({ path, keep: 90 * day, maxSize: 2 ** 40 });
  const now = Date.now();
  const start = performance.now();
  for (let first = 0; first < rows; first += 1000)
    store.write(
      Array.from({ length: 1000 }, (_, i) =>
        madeUpEvent(first + i, Math.floor(now - ((rows - first - i) / rows) * 7 * day)),
      ),
    );
  const write = ((performance.now() - start) / rows) * 1000;
  const time = (ask: () => unknown): number =>
    median(
      Array.from({ length: 5 }, () => {
        const begin = performance.now();
        ask();
        return performance.now() - begin;
      }),
    );
  const firstPage = time(() => [summary(store.db, now - day, now), eventPage(store.db, {}, 14, null)]);
  const week = time(() => summary(store.db, now - 7 * day, now));
  const byClient = time(() => eventPage(store.db, { client: '198.18.7.1' }, 100, null));
  const result = { bench: 'journal-queries', rows, firstPage, week, byClient, write };
  const line = Object.entries({
    'first page (24 h)': firstPage,
    'summary of 7 days': week,
    'one client': byClient,
  })
    .map(([name, ms]) => `${name} ${ms.toFixed(0)} ms`)
    .join(', ');
  print(options, result, `${rows} events: ${line}; writing ${write.toFixed(0)} µs per row`);
  store.close();
}
