/**
 * `taskset -c 0 npm run -s bench -- probes`: 10,000 probes a second are sent for 30 s, on one core with their senders; totals
 * must be exact afterwards, ordinary requests served meanwhile, and whoever gets alerts told in three messages at most.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { JournalStore } from '../src/events/journal-store.ts';
import { flagged, flood } from '../test/support/flood.ts';
import { exchange } from '../test/support/raw-client.ts';
import { ground } from './journal-ground.ts';
import { type BenchOptions, print } from './options.ts';

const ordinary = 'GET / HTTP/1.1\r\nHost: www.example.net:8080\r\nConnection: close\r\n\r\n';

export async function run(options: BenchOptions): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'sekisho-bench-'));
  let messages = 0;
  const receiver = createServer((req, res) => {
    messages++;
    req.resume();
    res.end();
  });
  await new Promise<void>((done) => receiver.listen(0, '127.0.0.1', done));
  const webhook = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/`;
  try {
    await sendProbes(options, `${folder}/probes.db`, webhook, () => messages);
  } finally {
    receiver.closeAllConnections();
    receiver.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

async function sendProbes(
  options: BenchOptions,
  path: string,
  webhook: string,
  messages: () => number,
): Promise<void> {
  const seconds = options.quick ? 2 : 30;
  const count = seconds * 10_000;
  const { port, written, close } = await ground(path, webhook);
  const before = process.memoryUsage().rss;
  let going = true;
  let [asked, served] = [0, 0];
  const visitor = (async () => {
    while (going) {
      asked++;
      const { responses } = await exchange(port, ordinary, { timeout: 10_000 });
      if (responses[0]?.status === 200) served++;
      await delay(100);
    }
  })();
  const start = performance.now();
  await flood(port, { count, rate: 10_000, request: (index) => flagged(index, 5000) });
  const took = (performance.now() - start) / 1000;
  going = false;
  await visitor;
  const grown = (process.memoryUsage().rss - before) / 1024 ** 2;
  const deadline = performance.now() + 30_000;
  while ((await written()) < count && performance.now() < deadline) await delay(100);
  await close();
  const store = new JournalStore({ path, keep: 86_400_000, maxSize: 2 ** 40 });
  const { rows, total } = store.db
    .prepare('SELECT COUNT(*) AS rows, SUM(count) AS total FROM events')
    .get() as { rows: number; total: number };
  store.close();
  const good = total === count && served === asked && messages() <= 3;
  const cores = availableParallelism();
  print(
    options,
    {
      bench: 'probes',
      cores,
      count,
      took,
      rows,
      total,
      asked,
      served,
      messages: messages(),
      memory: grown,
      good,
    },
    `${count} probes in ${took.toFixed(1)} s on ${cores} core(s), senders included: ${total} in the journal in ${rows} rows, ` +
      `${served} of ${asked} ordinary requests served, ${messages()} alert message(s), memory grew by ${grown.toFixed(0)} MiB` +
      `${good ? '' : ' - NOT AS IT MUST BE'}`,
  );
  if (!good) process.exitCode = 1;
}
