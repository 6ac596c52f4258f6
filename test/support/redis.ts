/** A real Redis or Valkey server. */
import { join } from 'node:path';
import { freePort } from './free-port.ts';
import type { Owner } from './owner.ts';
import { requirePeer } from './peers.ts';
import { type RunningProcess, startProcess } from './process.ts';
import { tempDir } from './temp-dir.ts';

export interface RedisServer {
  readonly port: number;
  readonly url: string;
  readonly process: RunningProcess;
  /** Kills it without saving. */
  kill(): Promise<void>;
  /** Starts another one on the same port, empty or with saved data. */
  restart(): Promise<RedisServer>;
}

/** The two servers that a fleet may use; they forked at 7.2. */
export const stores = ['redis-server', 'valkey-server'] as const;

export interface RedisOptions {
  /** @default 'redis-server' */
  server?: (typeof stores)[number];
  /** @default a free one */
  port?: number;
  /** Further options of the server, such as `['--maxmemory', '1mb']`. */
  args?: readonly string[];
  /** TLS instead of plain TCP. */
  tls?: { cert: string; key: string };
}

/** Starts one on 127.0.0.1, without persistence. */
export async function startRedis(owner: Owner, options: RedisOptions = {}): Promise<RedisServer> {
  const { server = 'redis-server', port = await freePort(), args = [], tls } = options;
  const binary = requirePeer(server);
  const dir = await tempDir(owner, 'redis');
  const ports = tls
    ? [
        '--port',
        '0',
        '--tls-port',
        `${port}`,
        '--tls-cert-file',
        tls.cert,
        '--tls-key-file',
        tls.key,
        '--tls-auth-clients',
        'no',
      ]
    : ['--port', `${port}`];
  const process = await startProcess(owner, binary, [
    ...ports,
    ...['--bind', '127.0.0.1', '--dir', dir, '--save', '', '--appendonly', 'no'],
    ...['--logfile', '', '--unixsocket', join(dir, 'redis.sock')],
    ...args,
  ]);
  await process.waitForLine(/Ready to accept connections/);
  return {
    port,
    url: `${tls ? 'rediss' : 'redis'}://127.0.0.1:${port}`,
    process,
    kill: async () => {
      process.signal('SIGKILL');
      await process.exited;
    },
    restart: () => startRedis(owner, { ...options, port }),
  };
}

/** Polls `look` every few milliseconds until it returns something other than undefined or false. */
export async function eventually<T>(
  look: () => T | Promise<T>,
  what: string,
  timeout = 30_000,
): Promise<NonNullable<T>> {
  const signal = AbortSignal.timeout(timeout);
  for (;;) {
    const seen = await look();
    if (seen !== undefined && seen !== false && seen !== null) return seen as NonNullable<T>;
    if (signal.aborted) throw new Error(`not in ${timeout} ms: ${what}`);
    // No event shows what another process does.
    await new Promise((turn) => setTimeout(turn, 10));
  }
}
