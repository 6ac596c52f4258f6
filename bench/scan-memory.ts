/**
 * Memory of a scan of a log that is larger than memory. The log comes through a pipe, not from disk; its clients, paths, days
 * and targets keep changing, so any state kept per client, path, day or target would show.
 */
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { startProcess } from '../test/support/process.ts';
import { type BenchOptions, print } from './options.ts';

export interface ScanMemoryResult {
  readonly bench: 'scan-memory';
  readonly gigabytes: number;
  readonly lines: number;
  readonly findings: number;
  /** Peak memory (VmHWM) after a hundredth of the log, and after all of it. */
  readonly earlyMebibytes: number;
  readonly peakMebibytes: number;
  readonly seconds: number;
}

const cli = resolve(import.meta.dirname, '../src/cli.ts');
const linesPerBlock = 150_000;
/** One probe in so many lines. */
const probeEvery = 10_000;

export async function run(options: BenchOptions): Promise<void> {
  const result = await scanMemory(options.quick === true ? 200e6 : 10e9);
  const { gigabytes, lines, findings, earlyMebibytes, peakMebibytes, seconds } = result;
  const text = `${gigabytes} GB, ${lines.toLocaleString('en-US')} lines, ${findings} findings: ${earlyMebibytes} MiB after a hundredth, ${peakMebibytes}  MiB at most (${seconds} s)`;
  print(options, result, text);
}

/**
 * Scans so many bytes of log.
 *
 * @throws if a probe was not found
 */
export async function scanMemory(goal: number): Promise<ScanMemoryResult> {
  const stops: (() => unknown)[] = [];
  try {
    const scan = await startProcess(
      { after: (stop) => void stops.push(stop) },
      process.execPath,
      [cli, 'scan', '--json', '-'],
      { timeout: 1_800_000 },
    );
    const held = (): number =>
      Math.round(
        Number(/VmHWM:\s*(\d+) kB/.exec(readFileSync(`/proc/${scan.pid}/status`, 'utf8'))![1]) / 1024,
      );
    const log = new EndlessLog();
    const started = performance.now();
    let bytes = 0;
    let early = 0;
    let rounds = 0;
    for (; bytes < goal; rounds++) {
      const block = log.next();
      // The block is reused, so wait until it is written out.
      await new Promise<unknown>((done) => scan.stdin.write(block, done));
      bytes += block.length;
      if (early === 0 && bytes >= goal / 100) early = held();
    }
    const peak = held();
    scan.stdin.end();
    const { code } = await scan.exited;
    const lines = rounds * linesPerBlock;
    const findings = scan.stdout().split('\n').length - 1;
    if (code !== 0 || findings !== lines / probeEvery)
      throw new Error(`${findings} findings among ${lines} lines, exit code ${code}: ${scan.stderr()}`);
    return {
      bench: 'scan-memory',
      gigabytes: Number((bytes / 1e9).toFixed(1)),
      lines,
      findings,
      earlyMebibytes: early,
      peakMebibytes: peak,
      seconds: Math.round((performance.now() - started) / 1000),
    };
  } finally {
    for (const stop of stops) await stop();
  }
}

/** A block of combined log, overwritten with other clients, paths and days each time. */
class EndlessLog {
  readonly #block: Buffer;
  /** The offset of each line in the block. */
  readonly #starts = new Int32Array(linesPerBlock);
  #day = Date.UTC(2020, 0, 1);
  #seed = 42;

  constructor() {
    const lines: string[] = [];
    let at = 0;
    for (let i = 0; i < linesPerBlock; i++) {
      const time = new Date(Math.floor((i * 86_400_000) / linesPerBlock)).toISOString().slice(11, 19);
      const probe = i % probeEvery === probeEvery - 1;
      const request = probe ? 'CONNECT mx000000.example.com:25' : 'GET /articles/000000/photo.jpg';
      const rest = `${probe ? 405 : 200} ${200 + ((i * 7919) % 60_000)} "https://www.example.net/articles/"`;
      const line = `10.100.100.100 - - [01/Jan/2020:${time} +0000] "${request} HTTP/1.1" ${rest} "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/124.0.0.0 Safari/537.36"\n`;
      this.#starts[i] = at;
      at += line.length;
      lines.push(line);
    }
    this.#block = Buffer.from(lines.join(''), 'latin1');
  }

  next(): Buffer {
    const block = this.#block;
    // `Wed, 01 Jan 2020 00:00:00 GMT`
    const [, date = '', month, year] = new Date(this.#day).toUTCString().split(' ');
    const day = Buffer.from(`${date}/${month}/${year}`, 'latin1');
    for (let i = 0; i < linesPerBlock; i++) {
      const start = this.#starts[i]!;
      // `10.100.100.100 - - [01/Jan/2020:…`: three octets of three digits, then the day, then the request.
      for (let octet = 3; octet < 15; octet += 4) this.#digits(start + octet, 100 + this.#random(155), 3);
      block.set(day, start + 20);
      const number = start + (i % probeEvery === probeEvery - 1 ? 59 : 63);
      this.#digits(number, this.#random(1_000_000), 6);
    }
    this.#day += 86_400_000;
    return block;
  }

  #digits(at: number, value: number, count: number): void {
    let rest = value;
    for (let i = count - 1; i >= 0; i--) {
      this.#block[at + i] = 0x30 + (rest % 10);
      rest = Math.trunc(rest / 10);
    }
  }

  #random(below: number): number {
    this.#seed = (Math.imul(this.#seed, 1_103_515_245) + 12_345) & 0x7fffffff;
    return (this.#seed >>> 8) % below;
  }
}
