/** WebSocket, against nginx: messages echoed per second, and memory of idle connections. */
import { readFileSync, writeFileSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { WebSocket } from 'ws';
import { freePort } from '../test/support/free-port.ts';
import { peer } from '../test/support/peers.ts';
import { type BenchOptions, print } from './options.ts';
import { loadCore, type Pinned, pinned, proxyCore } from './pinned.ts';

const root = join(import.meta.dirname, '..');
const sockets = 50;
const idle = 1000;

export async function run(options: BenchOptions): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'sekisho-bench-'));
  const echoPort = await freePort();
  const echo = await pinned('echo', loadCore, echoPort, [
    process.execPath,
    join(import.meta.dirname, 'peers/websocket-echo.ts'),
    String(echoPort),
  ]);
  const running: Pinned[] = [await ours(folder, echoPort)];
  if (peer('nginx') !== null) running.push(await nginx(folder, echoPort));
  try {
    const results: { peer: string; messagesPerSecond: number; idleMiB: number }[] = [];
    for (const one of running) {
      const before = memory(one.port);
      const held = await connect(one.port, options.quick === true ? 100 : idle);
      await delay(500);
      const idleMiB = Math.round(memory(one.port) - before);
      for (const socket of held) socket.terminate();
      results.push({
        peer: one.name,
        messagesPerSecond: Math.round(await echoed(one.port, options.quick === true ? 1000 : 4000)),
        idleMiB,
      });
    }
    for (const result of results) {
      const ratio = Number((results[0]!.messagesPerSecond / result.messagesPerSecond).toFixed(2));
      print(
        options,
        { bench: 'websocket', ...result, ratio },
        `${result.peer.padEnd(10)} ${String(result.messagesPerSecond).padStart(7)} messages/s  ours ÷ this ${ratio.toFixed(2)}  ${idle} idle connections: ${result.idleMiB} MiB more`,
      );
    }
  } finally {
    await Promise.all([...running, echo].map((one) => one.stop()));
  }
}

async function connect(port: number, count: number): Promise<WebSocket[]> {
  const all: WebSocket[] = [];
  while (all.length < count) {
    const some = Array.from(
      { length: Math.min(50, count - all.length) },
      () => new WebSocket(`ws://127.0.0.1:${port}/`, { perMessageDeflate: false }),
    );
    await Promise.all(
      some.map(
        (socket) => new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject)),
      ),
    );
    all.push(...some);
  }
  return all;
}

/** Each socket sends the next message when the previous one is echoed. */
async function echoed(port: number, time: number): Promise<number> {
  const all = await connect(port, sockets);
  let count = 0;
  for (const socket of all) {
    socket.on('message', () => {
      count++;
      socket.send('0123456789abcdef'.repeat(8));
    });
    socket.send('first');
  }
  await delay(time);
  const rate = count / (time / 1000);
  for (const socket of all) socket.terminate();
  return rate;
}

/** Resident memory, in MiB, of the process that listens on the port and of its children. */
function memory(port: number): number {
  return owners
    .get(port)!
    .reduce(
      (sum, pid) =>
        sum + Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) / 1024,
      0,
    );
}

const owners = new Map<number, number[]>();

function owned(one: Pinned): Pinned {
  owners.set(one.port, [...one.processes()]);
  return one;
}

async function ours(folder: string, backend: number): Promise<Pinned> {
  const port = await freePort();
  const file = join(folder, 'sekisho.yaml');
  writeFileSync(
    file,
    `listen: ["127.0.0.1:${port}"]\nsites: [{ hosts: ["127.0.0.1:*"], backend: "http://127.0.0.1:${backend}", websocket: true }]\nrateLimit: false\nlog: { level: error }\n`,
  );
  return owned(
    await pinned('Sekisho', proxyCore, port, [
      process.execPath,
      join(root, 'src/cli.ts'),
      'start',
      '--config',
      file,
    ]),
  );
}

async function nginx(folder: string, backend: number): Promise<Pinned> {
  const port = await freePort();
  const file = join(folder, 'nginx.conf');
  writeFileSync(
    file,
    `daemon off; worker_processes 1; pid ${folder}/pid; error_log stderr crit; events { worker_connections 8192; } http { access_log off; proxy_temp_path ${folder}/p; client_body_temp_path ${folder}/b; fastcgi_temp_path ${folder}/f; uwsgi_temp_path ${folder}/u; scgi_temp_path ${folder}/s; server { listen 127.0.0.1:${port}; location / { proxy_pass http://127.0.0.1:${backend}; proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection "upgrade"; } } }`,
  );
  return owned(await pinned('nginx', proxyCore, port, ['nginx', '-c', file]));
}
