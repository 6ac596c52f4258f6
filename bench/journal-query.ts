/**
 * `npm run -s bench -- journal-query`: the dashboard's queries over a journal with a year of five million events, answered by the
 * reader threads, alone and during five searches that find nothing.
 */
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Journal } from '../src/events/journal.ts';
import { JournalStore } from '../src/events/journal-store.ts';
import { madeUpEvent } from './made-up-events.ts';
import { type BenchOptions, median, print } from './options.ts';

const day = 86_400_000;
const year = 365 * day;

export async function run(options: BenchOptions): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'sekisho-bench-'));
  const path = join(folder, 'journal.db');
  const rows = options.quick ? 200_000 : 5_000_000;
  const limits = { keep: 10 * year, maxSize: 2 ** 40 };
  try {
    const now = Date.now();
    fill(path, limits, rows, now);
    const journal = new Journal({ path, ...limits });
    try {
      await measure(options, journal, { rows, now, bytes: statSync(path).size });
    } finally {
      await journal.close();
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function fill(path: string, limits: { keep: number; maxSize: number }, rows: number, now: number): void {
  const store = new JournalStore({ path, ...limits });
  for (let first = 0; first < rows; first += 1000)
    store.write(
      Array.from({ length: 1000 }, (_, i) =>
        madeUpEvent(first + i, Math.floor(now - ((rows - first - i) / rows) * year)),
      ),
    );
  store.close();
}

async function measure(
  options: BenchOptions,
  journal: Journal,
  { rows, now, bytes }: { rows: number; now: number; bytes: number },
): Promise<void> {
  const time = async (ask: () => Promise<unknown>): Promise<number> => {
    const took: number[] = [];
    for (let round = 0; round < 5; round++) {
      const start = performance.now();
      await ask();
      took.push(performance.now() - start);
    }
    return median(took);
  };
  const page = (): Promise<unknown> => journal.page({}, 100, null);
  const search = (): Promise<{ cut: boolean }> => journal.page({ text: 'not to be found' }, 100, null);
  await page();
  const alone = await time(page);
  const yearly = await time(() => journal.summary(now - year, now));
  const weekly = await time(() => journal.summary(now - 7 * day, now));
  const searched = await time(search);
  const { cut } = await search();
  let over = false;
  const others = Array.from({ length: 5 }, async () => {
    while (!over) await search();
  });
  const busy = await time(page);
  const busyYear = await time(() => journal.summary(now - year, now));
  over = true;
  await Promise.all(others);
  const figures = { page: alone, year: yearly, week: weekly, search: searched, busyPage: busy, busyYear };
  const words = {
    page: 'first page',
    year: 'summary of a year',
    week: 'of a week',
    search: `search that finds nothing${cut ? ' (reported as cut off)' : ''}`,
    busyPage: 'first page during five searches',
    busyYear: 'summary of a year during them',
  } as const;
  print(
    options,
    {
      bench: 'journal-query',
      rows,
      bytes,
      cut,
      ...figures,
      target: { page: 100, busyPage: 100, year: 500, search: 1000 },
    },
    `${rows} events, ${(bytes / 2 ** 20).toFixed(0)} MiB: ${Object.entries(words)
      .map(([name, word]) => `${word} ${figures[name as keyof typeof figures].toFixed(0)} ms`)
      .join(', ')}`,
  );
}
