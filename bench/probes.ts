/**
 * `npm run -s bench -- probes`: sends 10,000 probes per second for 30 s from one core to a gateway on another. The probes are
 * requests that get flagged and passed on, because a refused client would have to reconnect. Afterwards the totals must be exact,
 * ordinary requests must have been served, and the alert receiver must have got at most three messages.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { JournalStore } from '../src/events/journal-store.ts';
import { flagged, flood } from '../test/support/flood.ts';
import { freePort } from '../test/support/free-port.ts';
import { exchange } from '../test/support/raw-client.ts';
import { type BenchOptions, print } from './options.ts';
import { backendServer } from './peers.ts';
import { loadCore, pinned, proxyCore } from './pinned.ts';

const ordinary = 'GET /200 HTTP/1.1\r\nHost: www.example.net:8080\r\nConnection: close\r\n\r\n';
const token = 'a-token-for-benches';

export async function run(options: BenchOptions): Promise<void> {
  // Keeps senders, visitor and receiver off the gateway's core.
  execFileSync('taskset', ['-a', '-c', '-p', String(loadCore), String(process.pid)]);
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
    await sendProbes(options, folder, webhook, () => messages);
  } finally {
    receiver.closeAllConnections();
    receiver.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

async function sendProbes(
  options: BenchOptions,
  folder: string,
  webhook: string,
  messages: () => number,
): Promise<void> {
  const seconds = options.quick ? 2 : 30;
  const count = seconds * 10_000;
  const [port, admin] = [await freePort(), await freePort()];
  const [config, path] = [join(folder, 'sekisho.yaml'), join(folder, 'probes.db')];
  const backend = await backendServer();
  writeFileSync(
    config,
    `listen: ["127.0.0.1:${port}"]
sites: [{ hosts: ["www.example.net:8080"], backend: "http://127.0.0.1:${backend.port}" }]
rateLimit: false
bans: false
admin: { listen: "127.0.0.1:${admin}", token: ${token} }
alerts: { webhook: "${webhook}" }
log: { level: error }
journal: { path: ${path} }
`,
  );
  const program = join(import.meta.dirname, '..', 'src/cli.ts');
  const gateway = await pinned('gateway', proxyCore, port, [
    process.execPath,
    program,
    'start',
    '--config',
    config,
  ]);
  const written = async (): Promise<number> => {
    const response = await fetch(`http://127.0.0.1:${admin}/api/status`, {
      headers: { authorization: `Bearer ${token}` },
    });
    return ((await response.json()) as { journal: { written: number } }).journal.written;
  };
  let [asked, served, took, grown, busy] = [0, 0, 0, 0, 0];
  try {
    await written();
    const [memory, worked] = [gateway.peakMemory(), gateway.processorTime()];
    let going = true;
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
    took = (performance.now() - start) / 1000;
    going = false;
    await visitor;
    const deadline = performance.now() + 30_000;
    while ((await written()) < count && performance.now() < deadline) await delay(100);
    grown = gateway.peakMemory() - memory;
    busy = gateway.processorTime() - worked;
  } finally {
    await Promise.all([gateway, backend].map((process) => process.stop()));
  }
  const store = new JournalStore({ path, keep: 86_400_000, maxSize: 2 ** 40 });
  const { rows, total } = store.db
    .prepare('SELECT COUNT(*) AS rows, SUM(count) AS total FROM events')
    .get() as { rows: number; total: number };
  store.close();
  const good = total === count && served === asked && messages() <= 3;
  print(
    options,
    {
      bench: 'probes',
      count,
      took,
      perSecond: count / took,
      perProcessorSecond: count / busy,
      rows,
      total,
      asked,
      served,
      messages: messages(),
      memory: grown,
      good,
    },
    `${count} probes in ${took.toFixed(1)} s, ${(count / took).toFixed(0)}/s; the gateway used ${busy.toFixed(1)} s ` +
      `of its core (${(count / busy).toFixed(0)} probes per core second): ${total} in the journal in ${rows} rows, ` +
      `${served} of ${asked} ordinary requests served, ${messages()} alert message(s), memory peak ${grown.toFixed(0)} MiB above the start` +
      `${good ? '' : ' - FAILED'}`,
  );
  if (!good) process.exitCode = 1;
}
