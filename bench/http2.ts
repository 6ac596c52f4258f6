/** HTTP/2 over TLS, against nginx, HAProxy and Caddy: small and larger responses, uploads, and one upload over a slow link. */
import { execFile, execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { maxBlock } from '../src/h2/bounds.ts';
import { HpackDecoder } from '../src/wire/hpack-decoder.ts';
import { freePort } from '../test/support/free-port.ts';
import { peer } from '../test/support/peers.ts';
import { h2load } from './h2load.ts';
import { type BenchOptions, median, print } from './options.ts';
import { backendServer } from './peers.ts';
import { type Pinned, pinned, proxyCore } from './pinned.ts';
import { selfSigned } from './self-signed.ts';

/** The default of `limits.headerBytes`. */
const headerBytes = 16_384;
const root = join(import.meta.dirname, '..');

interface Files {
  readonly folder: string;
  readonly backend: number;
  readonly cert: string;
  readonly key: string;
}

export async function run(options: BenchOptions): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'sekisho-bench-'));
  const { cert, key } = selfSigned(folder);
  writeFileSync(join(folder, 'both.pem'), execFileSync('cat', [cert, key]));
  writeFileSync(join(folder, '32k'), 'u'.repeat(32_768));
  writeFileSync(join(folder, '5m'), 'u'.repeat(5_000_000));
  const backend = await backendServer();
  const files = { folder, backend: backend.port, cert, key };
  const running: Pinned[] = [await ours(files)];
  for (const [name, start] of [
    ['nginx', nginx],
    ['haproxy', haproxy],
    ['caddy', caddy],
  ] as const) {
    if (peer(name) !== null) running.push(await start(files));
  }
  try {
    // Long enough that the handshakes at the start stay far below 1 % of the requests, so that the p99 is not theirs.
    const quick = options.quick === true;
    await scene(options, running, '200 B', '200', quick ? 5000 : 150_000);
    await scene(options, running, '10 KB', '10k', quick ? 2000 : 60_000);
    await scene(options, running, 'upload of 32 KB', '200', quick ? 1000 : 20_000, join(folder, '32k'));
    hpackBomb(options);
    for (const one of running) await slowLink(options, one, join(folder, '5m'));
  } finally {
    await Promise.all([...running, backend].map((one) => one.stop()));
  }
}

/**
 * Medians of interleaved rounds, after two warm-up rounds that let the JIT compile. A fifth of the load goes before each round, unmeasured:
 * V8 drops compiled code while the other proxies have their rounds, and the figures are those of a proxy under steady load.
 */
async function scene(
  options: BenchOptions,
  running: readonly Pinned[],
  name: string,
  path: string,
  requests: number,
  upload?: string,
): Promise<void> {
  const [warmUp, rounds] = options.quick === true ? [0, 1] : [2, 5];
  const rows = running.map((one) => ({
    one,
    rates: [] as number[],
    costs: [] as number[],
    p99s: [] as number[],
    errors: 0,
  }));
  for (let round = 0; round < warmUp + rounds; round++) {
    for (const row of rows) {
      const { one } = row;
      const url = `https://127.0.0.1:${one.port}/${path}`;
      const load = { url, connections: 20, streams: 10, upload };
      await h2load({ ...load, requests: requests / 5 });
      const before = one.processorTime();
      const measured = await h2load({ ...load, requests });
      if (round < warmUp) continue;
      row.rates.push(measured.requestsPerSecond);
      row.costs.push(measured.requests / (one.processorTime() - before));
      row.p99s.push(measured.p99);
      row.errors += measured.errors;
    }
  }
  const own = rows[0]!;
  for (const { one, rates, costs, p99s, errors } of rows) {
    const requestsPerSecond = Math.round(median(rates));
    const perProcessorSecond = Math.round(median(costs));
    const ratio = Number((median(own.rates) / requestsPerSecond).toFixed(2));
    const ratioOfProcessor = Number((median(own.costs) / perProcessorSecond).toFixed(2));
    const p99 = Number(median(p99s).toFixed(1));
    print(
      options,
      {
        bench: 'http2',
        scene: name,
        peer: one.name,
        requestsPerSecond,
        ratio,
        perProcessorSecond,
        ratioOfProcessor,
        p99,
        errors,
      },
      `${name.padEnd(16)} ${one.name.padEnd(9)} ${String(requestsPerSecond).padStart(7)} req/s  ours ÷ this ${ratio.toFixed(2)}` +
        `   ${String(perProcessorSecond).padStart(7)} req per processor second  ours ÷ this ${ratioOfProcessor.toFixed(2)}   p99 ${p99} ms${errors > 0 ? `  ${errors} errors` : ''}`,
    );
  }
}

/** 200 MB of HPACK indexes, each of which names a field of 4 KB: what decoding them costs, in blocks as long as the gateway takes. */
function hpackBomb(options: BenchOptions): void {
  const decoder = new HpackDecoder();
  const value = 'b'.repeat(3900);
  const entry = Buffer.from(
    `\x40\x01a\x7f${String.fromCharCode(((3900 - 127) & 127) | 128, (3900 - 127) >> 7)}${value}`,
    'latin1',
  );
  decoder.decode(entry, 0, entry.length, headerBytes);
  const block = Buffer.alloc(headerBytes * maxBlock, 0xbe);
  const total = options.quick === true ? 10_000_000 : 200_000_000;
  const before = process.cpuUsage();
  let expanded = 0;
  for (let sent = 0; sent < total; sent += block.length) {
    const fields = decoder.decode(block, 0, block.length, headerBytes);
    if (fields === null) throw new Error(decoder.fault);
    expanded += fields.size;
  }
  const { user, system } = process.cpuUsage(before);
  const seconds = Number(((user + system) / 1e6).toFixed(2));
  const scene = 'HPACK bomb';
  print(
    options,
    { bench: 'http2', scene, bytes: total, expanded, seconds },
    `${scene.padEnd(16)} ${total / 1e6} MB that mean ${Math.round(expanded / 1e9)} GB: ${seconds} s of processor time`,
  );
}

/** One upload of 5 MB by curl over a link with a round-trip time of 80 ms. */
async function slowLink(options: BenchOptions, one: Pinned, file: string): Promise<void> {
  const link = await delayed(one.port, 40);
  const times: number[] = [];
  try {
    for (let i = 0; i < 3; i++) {
      const url = `https://127.0.0.1:${link.port}/sink`;
      const { stdout } = await promisify(execFile)('curl', [
        ...['-sk', '--http2', '-o', '/dev/null', '-w', '%{http_code} %{time_total}'],
        ...['-H', 'Expect:', '--data-binary', `@${file}`, url],
      ]);
      const [status, seconds] = stdout.split(' ');
      if (status !== '200') throw new Error(`${one.name} answered ${status}`);
      times.push(Number(seconds));
    }
  } finally {
    link.close();
  }
  const seconds = Number(median(times).toFixed(2));
  const scene = '5 MB at 80 ms';
  print(
    options,
    { bench: 'http2', scene, peer: one.name, seconds },
    `${scene.padEnd(16)} ${one.name.padEnd(9)} ${seconds} s`,
  );
}

/** A TCP relay that passes on each chunk so many milliseconds later. */
async function delayed(to: number, milliseconds: number): Promise<{ port: number; close(): void }> {
  const open = new Set<Socket>();
  const server = createServer((client) => {
    const upstream = connect(to, '127.0.0.1');
    for (const [from, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      open.add(from);
      from.setNoDelay(true);
      from.on('error', () => other.destroy());
      from.on('data', (bytes) => setTimeout(() => other.write(bytes), milliseconds));
      from.on('end', () => setTimeout(() => other.end(), milliseconds));
      from.on('close', () => open.delete(from));
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    close: () => {
      server.close();
      for (const socket of open) socket.destroy();
    },
  };
}

async function ours({ folder, backend, cert, key }: Files): Promise<Pinned> {
  const port = await freePort();
  const file = join(folder, 'sekisho.yaml');
  writeFileSync(
    file,
    `listen: [{ address: "127.0.0.1:${port}", tls: { cert: "${cert}", key: "${key}" } }]\nsites: [{ hosts: ["127.0.0.1:*"], backend: "http://127.0.0.1:${backend}", connections: { max: 256, queue: 4096 } }]\nrateLimit: { max: 1000000000 }\nlog: { level: error }\njournal: false\n`,
  );
  const command = [process.execPath, join(root, 'src/cli.ts'), 'start', '--config', file];
  return pinned('Sekisho', proxyCore, port, command);
}

async function nginx({ folder, backend, cert, key }: Files): Promise<Pinned> {
  const port = await freePort();
  const file = join(folder, 'nginx.conf');
  const temp = ['proxy', 'client_body', 'fastcgi', 'uwsgi', 'scgi']
    .map((name) => `${name}_temp_path ${folder}/${name};`)
    .join(' ');
  writeFileSync(
    file,
    `user root; daemon off; worker_processes 1; pid ${folder}/pid; error_log stderr crit; events { worker_connections 8192; } http { access_log off; keepalive_requests 1000000000; ${temp} upstream b { server 127.0.0.1:${backend}; keepalive 256; keepalive_requests 1000000000; } server { listen 127.0.0.1:${port} ssl http2; ssl_certificate ${cert}; ssl_certificate_key ${key}; client_max_body_size 10m; location / { proxy_pass http://b; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header Host $host; proxy_set_header X-Forwarded-For $remote_addr; } } }`,
  );
  return pinned('nginx', proxyCore, port, ['nginx', '-c', file]);
}

async function haproxy({ folder, backend }: Files): Promise<Pinned> {
  const port = await freePort();
  const file = join(folder, 'haproxy.cfg');
  writeFileSync(
    file,
    `global\n  maxconn 8192\n  nbthread 1\ndefaults\n  mode http\n  timeout connect 5s\n  timeout client 60s\n  timeout server 60s\n  option forwardfor\n  http-reuse always\nfrontend f\n  bind 127.0.0.1:${port} ssl crt ${folder}/both.pem alpn h2\n  default_backend b\nbackend b\n  server s 127.0.0.1:${backend}\n`,
  );
  return pinned('HAProxy', proxyCore, port, ['haproxy', '-db', '-f', file]);
}

async function caddy({ folder, backend, cert, key }: Files): Promise<Pinned> {
  const port = await freePort();
  const file = join(folder, 'Caddyfile');
  writeFileSync(
    file,
    `{\n admin off\n auto_https off\n}\nhttps://127.0.0.1:${port} {\n bind 127.0.0.1\n tls ${cert} ${key}\n reverse_proxy 127.0.0.1:${backend}\n}\n`,
  );
  const command = ['caddy', 'run', '--config', file, '--adapter', 'caddyfile'];
  return pinned('Caddy', proxyCore, port, command, { GOMAXPROCS: '1', HOME: folder });
}
