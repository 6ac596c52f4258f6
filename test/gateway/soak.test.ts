/**
 * A minute of everything at once: kept and fresh connections, bodies both ways, clients that abort, backends that
 * restart, probes, reloads. Every answer carries the nonce of its request. SOAK_SECONDS makes it longer.
 */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { Agent, createServer, request, type Server } from 'node:http';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { freePort } from '../support/free-port.ts';
import { startProcess } from '../support/process.ts';
import { exchange } from '../support/raw-client.ts';
import { tempDir } from '../support/temp-dir.ts';

const seconds = Number(process.env.SOAK_SECONDS ?? 30);
const root = join(import.meta.dirname, '../..');

interface Tally {
  answered: number;
  /** Answers other than 200 while a backend restarted. */
  duringRestart: number;
  aborted: number;
  refused: number;
  readonly wrong: string[];
}

/** Answers with the nonce and the body it got, sometimes late, chunked or long. */
function startBackend(port: number): Promise<Server> {
  const server = createServer(async (req, res) => {
    const nonce = String(req.headers['x-nonce']);
    const parts: Buffer[] = [];
    try {
      for await (const part of req) parts.push(part as Buffer);
    } catch {
      return;
    }
    const body = Buffer.concat(parts);
    if (Math.random() < 0.05) await delay(30);
    const text = `${nonce}:${body.length}:${'x'.repeat(Math.random() < 0.1 ? 60_000 : 20)}`;
    if (Math.random() < 0.5) res.setHeader('Content-Length', Buffer.byteLength(text));
    res.setHeader('X-Nonce', nonce);
    res.end(text);
  });
  server.keepAliveTimeout = 30_000;
  return new Promise((resolve) => server.listen(port, '127.0.0.1', () => resolve(server)));
}

const rss = (pid: number): number =>
  Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))![1]) / 1024;

test(`${seconds} seconds of mixed load: no crash, no leak, no answer to another request`, {
  timeout: (seconds + 90) * 1000,
}, async (t) => {
  const ports = [await freePort(), await freePort()];
  const backends = await Promise.all(ports.map(startBackend));
  t.after(() => {
    for (const server of backends) {
      server.close();
      server.closeAllConnections();
    }
  });
  const port = await freePort();
  const file = join(await tempDir(t, 'soak'), 'sekisho.yaml');
  const urls = ports.map((one) => `{ url: "http://127.0.0.1:${one}" }`).join(', ');
  await writeFile(
    file,
    `listen: ["127.0.0.1:${port}"]\nsites: [{ hosts: [www.example.net], backends: [${urls}] }]\nbans: false\nrateLimit: { max: 1000000 }\nlog: { level: error }\n`,
  );
  const gateway = await startProcess(
    t,
    process.execPath,
    [join(root, 'src/cli.ts'), 'start', '--config', file],
    { cwd: root, timeout: (seconds + 80) * 1000 },
  );
  await gateway.waitForLine(/^listening http /m, 30_000);

  const tally: Tally = { answered: 0, duringRestart: 0, aborted: 0, refused: 0, wrong: [] };
  const end = Date.now() + seconds * 1000;
  let lastRestart = 0;

  const one = (agent: Agent): Promise<void> =>
    new Promise((resolve) => {
      const nonce = randomUUID();
      const size = Math.random() < 0.3 ? Math.floor(Math.random() * 100_000) : 0;
      const began = Date.now();
      const aborts = Math.random() < 0.05;
      const req = request({
        port,
        host: '127.0.0.1',
        agent,
        method: size > 0 ? 'POST' : 'GET',
        path: `/${nonce}`,
        headers: {
          Host: 'www.example.net',
          'X-Nonce': nonce,
          ...(Math.random() < 0.5 && size > 0 ? { 'Content-Length': size } : {}),
        },
      });
      const troubled = (): boolean => lastRestart >= began - 1500;
      req.on('error', (error) => {
        if (aborts) tally.aborted++;
        else if (troubled()) tally.duringRestart++;
        else tally.wrong.push(`${nonce}: ${error.message}`);
        resolve();
      });
      req.on('response', (res) => {
        let text = '';
        res.setEncoding('latin1');
        res.on('data', (part: string) => {
          text += part;
          if (aborts) req.destroy();
        });
        res.on('error', () => {});
        res.on('close', () => {
          if (aborts) tally.aborted++;
          else if (
            res.statusCode === 200 &&
            res.complete &&
            text.startsWith(`${nonce}:${size}:`) &&
            res.headers['x-nonce'] === nonce
          )
            tally.answered++;
          else if (troubled() && !(res.complete && res.statusCode === 200)) tally.duringRestart++;
          else tally.wrong.push(`${nonce}: ${res.statusCode} ${text.slice(0, 60)}`);
          resolve();
        });
      });
      if (size > 0) req.write('b'.repeat(size));
      req.end();
    });

  const client = async (keepAlive: boolean): Promise<void> => {
    const agent = new Agent({ keepAlive, maxSockets: 1 });
    while (Date.now() < end) await one(agent);
    agent.destroy();
  };
  const prober = async (): Promise<void> => {
    while (Date.now() < end) {
      const { responses } = await exchange(
        port,
        'GET http://www.example.com/ HTTP/1.1\r\nHost: www.example.com\r\n\r\n',
      );
      if (responses[0]?.status === 421) tally.refused++;
      else tally.wrong.push(`a probe got ${responses[0]?.status}`);
      await delay(20);
    }
  };
  const slow = async (): Promise<void> => {
    while (Date.now() < end)
      await exchange(port, ['GET / HTTP/1.1\r\n', 'Host: www.exam'], { gap: 200, timeout: 700 });
  };
  const restarts = async (): Promise<void> => {
    for (let which = 0; Date.now() < end - 4000; which = 1 - which) {
      await delay(4000);
      lastRestart = Date.now();
      backends[which]!.close();
      backends[which]!.closeAllConnections();
      await delay(300);
      backends[which] = await startBackend(ports[which]!);
      lastRestart = Date.now();
    }
  };
  const reloads = async (): Promise<void> => {
    while (Date.now() < end - 3000) {
      await delay(3000);
      gateway.signal('SIGHUP');
    }
  };
  let warm = 0;
  const measure = async (): Promise<void> => {
    await delay((seconds * 1000) / 2);
    warm = rss(gateway.pid);
  };

  await Promise.all([
    ...Array.from({ length: 16 }, (_, i) => client(i % 4 !== 0)),
    prober(),
    slow(),
    restarts(),
    reloads(),
    measure(),
  ]);
  const grown = rss(gateway.pid) / warm;
  t.diagnostic(
    `${JSON.stringify({ ...tally, wrong: tally.wrong.length })}, memory ${Math.round(warm)} MiB at half time, × ${grown.toFixed(2)} at the end`,
  );
  assert.deepEqual(tally.wrong.slice(0, 5), []);
  assert.ok(tally.answered > 100 && tally.refused > 10 && tally.aborted > 0, 'there was load of every kind');
  assert.ok(
    tally.duringRestart < tally.answered / 20,
    `${tally.duringRestart} of ${tally.answered} lost to restarts`,
  );
  assert.ok(grown < 1.25, `memory grew by × ${grown.toFixed(2)} in the second half`);
  assert.equal((await gateway.stop()).code, 0);
});
