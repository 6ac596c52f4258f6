/**
 * `npm run -s bench -- journal`: how long the dashboard's first page takes over a million events; what the journal costs in
 * probes a second.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { FoldedEvent } from '../src/events/fold.ts';
import { eventPage } from '../src/events/journal-query.ts';
import { JournalStore } from '../src/events/journal-store.ts';
import { summary } from '../src/events/journal-summary.ts';
import { journalCost } from './journal-cost.ts';
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

/** A week of events: 5,000 sources, 20,000 hosts, each row its own. */
function queries(options: BenchOptions, path: string): void {
  const rows = options.quick ? 50_000 : 1_000_000;
  const store = new JournalStore({ path, keep: 90 * day, maxSize: 2 ** 40 });
  const now = Date.now();
  const start = performance.now();
  for (let first = 0; first < rows; first += 1000)
    store.write(
      Array.from({ length: 1000 }, (_, i) =>
        event(first + i, Math.floor(now - ((rows - first - i) / rows) * 7 * day)),
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
  print(options, result, `${rows} events: ${line}; writing ${write.toFixed(0)} µs a row`);
  store.close();
}

function event(i: number, time: number): FoldedEvent {
  const client = `198.18.${(i * 7919) % 20}.${(i * 31) % 250}`;
  const host = `host${i % 20_000}.example.com:80`;
  return {
    time,
    last: time,
    count: 1 + (i % 3),
    listener: 'http 127.0.0.1:8080',
    client,
    prefix: `${client}/32`,
    site: null,
    action: 'block',
    rule: (['connect', 'absolute-form-foreign', 'host-foreign', 'socks5', 'framing'] as const)[i % 5]!,
    counts: true,
    rules: ['connect'],
    intent: (['web', 'mail-relay', 'proxy-judge'] as const)[i % 3]!,
    destination: `http://${host}/${i}`,
    answer: 421,
    why: `The sender wanted a page of another server fetched through this one: http://${host}/${i}.`,
    request: `GET http://${host}/${i} HTTP/1.1`,
    bytes: `GET http://${host}/${i} HTTP/1.1\\r\\nHost: ${host}\\r\\nUser-Agent: Mozilla/5.0\\r\\n\\r\\n`,
  };
}
