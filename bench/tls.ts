/** Requests per second over TLS, against nginx: on kept connections, and with one handshake per request. */
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from '../test/support/free-port.ts';
import { peer } from '../test/support/peers.ts';
import { type BenchOptions, median, print } from './options.ts';
import { backendServer } from './peers.ts';
import { type Pinned, pinned, proxyCore } from './pinned.ts';
import { selfSigned } from './self-signed.ts';
import { wrk } from './wrk.ts';

const root = join(import.meta.dirname, '..');

export async function run(options: BenchOptions): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'sekisho-bench-'));
  const { cert, key } = selfSigned(folder);
  const backend = await backendServer();
  const running: Pinned[] = [await ours(folder, backend.port, cert, key)];
  if (peer('nginx') !== null) running.push(await nginx(folder, backend.port, cert, key));
  try {
    for (const [scene, headers] of [
      ['kept connections', []],
      ['a handshake each', ['Connection: close']],
    ] as const) {
      const rates = new Map<Pinned, number[]>(running.map((one) => [one, []]));
      for (let round = 0; round < (options.quick === true ? 1 : 3); round++) {
        for (const one of running) {
          const { requestsPerSecond } = await wrk({
            url: `https://127.0.0.1:${one.port}/200`,
            connections: 50,
            seconds: options.quick === true ? 1 : 3,
            headers,
          });
          rates.get(one)!.push(requestsPerSecond);
        }
      }
      const own = median(rates.get(running[0]!)!);
      for (const one of running) {
        const requestsPerSecond = Math.round(median(rates.get(one)!));
        const ratio = Number((own / requestsPerSecond).toFixed(2));
        print(
          options,
          { bench: 'tls', scene, peer: one.name, requestsPerSecond, ratio },
          `${scene.padEnd(18)} ${one.name.padEnd(10)} ${String(requestsPerSecond).padStart(7)} req/s  ours ÷ this ${ratio.toFixed(2)}`,
        );
      }
    }
  } finally {
    await Promise.all([...running, backend].map((one) => one.stop()));
  }
}

async function ours(folder: string, backend: number, cert: string, key: string): Promise<Pinned> {
  const port = await freePort();
  const file = join(folder, 'sekisho.yaml');
  writeFileSync(
    file,
    `listen: [{ address: "127.0.0.1:${port}", tls: { cert: "${cert}", key: "${key}" } }]\nsites: [{ hosts: ["127.0.0.1:*"], backend: "http://127.0.0.1:${backend}" }]\nrateLimit: { max: 1000000000 }\nlog: { level: error }\n`,
  );
  return pinned('Sekisho', proxyCore, port, [
    process.execPath,
    join(root, 'src/cli.ts'),
    'start',
    '--config',
    file,
  ]);
}

async function nginx(folder: string, backend: number, cert: string, key: string): Promise<Pinned> {
  const port = await freePort();
  const file = join(folder, 'nginx.conf');
  writeFileSync(
    file,
    `daemon off; worker_processes 1; pid ${folder}/pid; error_log stderr crit; events { worker_connections 4096; } http { access_log off; keepalive_requests 1000000000; proxy_temp_path ${folder}/p; client_body_temp_path ${folder}/b; fastcgi_temp_path ${folder}/f; uwsgi_temp_path ${folder}/u; scgi_temp_path ${folder}/s; upstream b { server 127.0.0.1:${backend}; keepalive 256; keepalive_requests 1000000000; } server { listen 127.0.0.1:${port} ssl; ssl_certificate ${cert}; ssl_certificate_key ${key}; location / { proxy_pass http://b; proxy_http_version 1.1; proxy_set_header Connection ""; } } }`,
  );
  return pinned('nginx', proxyCore, port, ['nginx', '-c', file]);
}
