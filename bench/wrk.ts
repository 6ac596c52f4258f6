/** Load from wrk, pinned to the backend's core. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { loadCore } from './pinned.ts';

export interface Load {
  /** Responses received. */
  readonly requests: number;
  readonly requestsPerSecond: number;
  readonly megabytesPerSecond: number;
  /** Milliseconds. */
  readonly p99: number;
  readonly errors: number;
}

export interface LoadOptions {
  readonly url: string;
  readonly connections: number;
  readonly seconds: number;
  readonly headers?: readonly string[];
  /** Lua script that builds the requests. */
  readonly script?: string;
}

const run = promisify(execFile);

export async function wrk({ url, connections, seconds, headers = [], script }: LoadOptions): Promise<Load> {
  const more = [
    ...headers.flatMap((header) => ['-H', header]),
    ...(script === undefined ? [] : ['-s', script]),
  ];
  const { stdout } = await run('taskset', [
    '-c',
    String(loadCore),
    'wrk',
    '-t1',
    `-c${connections}`,
    `-d${seconds}`,
    '--latency',
    ...more,
    url,
  ]);
  const errors = /Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)/.exec(stdout);
  return {
    requests: Number(/(\d+) requests in /.exec(stdout)?.[1] ?? 0),
    requestsPerSecond: Number(/Requests\/sec:\s+([\d.]+)/.exec(stdout)?.[1] ?? 0),
    megabytesPerSecond: size(/Transfer\/sec:\s+([\d.]+)([KMG]?B)/.exec(stdout)),
    p99: time(/99%\s+([\d.]+)(us|ms|s)/.exec(stdout)),
    errors:
      (errors?.slice(1).reduce((sum, count) => sum + Number(count), 0) ?? 0) +
      Number(/Non-2xx or 3xx responses: (\d+)/.exec(stdout)?.[1] ?? 0),
  };
}

const units: { readonly [unit: string]: number } = {
  B: 1e-6,
  KB: 1e-3,
  MB: 1,
  GB: 1e3,
  us: 1e-3,
  ms: 1,
  s: 1e3,
};
const size = (match: RegExpExecArray | null): number =>
  match === null ? 0 : Number(match[1]) * units[match[2]!]!;
const time = (match: RegExpExecArray | null): number =>
  match === null ? 0 : Number(match[1]) * units[match[2]!]!;
