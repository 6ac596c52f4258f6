/** HTTP/2 load from h2load, pinned to the backend's core. */
import { execFile } from 'node:child_process';
import { readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { loadCore } from './pinned.ts';

export interface Http2Load {
  readonly requests: number;
  readonly requestsPerSecond: number;
  /** Milliseconds. */
  readonly p99: number;
  readonly errors: number;
}

export interface Http2LoadOptions {
  readonly url: string;
  readonly connections: number;
  /** Concurrent streams per connection. */
  readonly streams: number;
  readonly requests: number;
  /** A file to send with each request. */
  readonly upload?: string | undefined;
}

const run = promisify(execFile);

export async function h2load(options: Http2LoadOptions): Promise<Http2Load> {
  const { url, connections, streams, requests, upload } = options;
  const log = join(tmpdir(), `h2load-${process.pid}.log`);
  const more = upload === undefined ? [] : ['-d', upload];
  const { stdout } = await run(
    'taskset',
    [
      ...['-c', String(loadCore), 'h2load', `-c${connections}`, `-m${streams}`, `-n${requests}`],
      ...[`--log-file=${log}`, ...more, url],
    ],
    { maxBuffer: 1 << 24 },
  );
  // One line per request: start time, status, and duration in microseconds.
  const times = readFileSync(log, 'latin1')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => Number(line.split('\t')[2]))
    .sort((a, b) => a - b);
  rmSync(log);
  const succeeded = /(\d+) succeeded/.exec(stdout)?.[1];
  return {
    requests: Number(succeeded ?? 0),
    requestsPerSecond: Number(/, ([\d.]+) req\/s/.exec(stdout)?.[1] ?? 0),
    p99: (times[Math.floor(times.length * 0.99)] ?? 0) / 1000,
    errors: requests - Number(succeeded ?? 0),
  };
}
