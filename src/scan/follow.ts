/** Follows logs as they are written, across rotation, as `tail -F` does. */
import { type FSWatcher, watch } from 'node:fs';
import { type FileHandle, open, stat } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { namedFormat } from './detect.ts';
import type { QuotedFinding } from './finding.ts';
import { LogScan } from './log-scan.ts';
import { Review } from './review.ts';
import type { ScannedFile, ScanOptions, ScanResult } from './scan-logs.ts';
import { faultText, type LogFault } from './sources.ts';
import { Tally } from './tally.ts';
import { unreadOf } from './unread.ts';

/** Polling interval for file systems without change events, in milliseconds. */
const poll = 1000;
const chunk = Buffer.alloc(1 << 20);

/** Reads the logs, then every line added to them, until `signal` aborts. */
export async function followLogs(options: ScanOptions, signal: AbortSignal): Promise<ScanResult> {
  const tally = new Tally();
  const faults: LogFault[] = [];
  const onFinding = (finding: QuotedFinding): void => {
    tally.add(finding);
    options.onFinding(finding);
  };
  const logs = options.logs.map((name) => new FollowedLog(name, options, onFinding, faults));
  await Promise.all(logs.map((log) => log.run(signal)));
  const files = logs.map((log) => log.totals());
  return {
    tally,
    files,
    faults: [...faults, ...files.flatMap((one) => unreadOf(one.file, one, true))],
    requests: files.reduce((sum, { requests }) => sum + requests, 0),
    hosts: options.hosts,
    learned: logs.flatMap((log) => log.review.own.learned),
    asked: new Map(logs.flatMap((log) => [...log.review.asked.names])),
    ownAbsolute: logs.reduce((sum, log) => sum + log.review.ownAbsolute, 0),
    ownClients: logs.reduce((sum, log) => sum + log.review.ownClients, 0),
    proofs: logs.reduce((sum, log) => sum + log.review.notes.count, 0),
    rehearsal: null,
  };
}

class FollowedLog {
  readonly review: Review;
  readonly #name: string;
  readonly #scan: LogScan;
  readonly #faults: LogFault[];
  #file: FileHandle | null = null;
  #inode = 0;
  #position = 0;

  constructor(
    name: string,
    options: ScanOptions,
    onFinding: (finding: QuotedFinding) => void,
    faults: LogFault[],
  ) {
    const { hosts, ports, all, format, now } = options;
    this.#name = name;
    this.#faults = faults;
    this.review = new Review({ hosts, ports, all, onFinding });
    this.#scan = new LogScan({
      format: format === null ? null : namedFormat(format),
      now,
      all,
      clients: false,
      hosts: hosts.length > 0,
      baseline: this.review.baseline,
      onCandidate: (candidate) => this.review.add(name, candidate),
    });
  }

  totals(): ScannedFile {
    return { file: this.#name, ...this.#scan.totals() };
  }

  async run(signal: AbortSignal): Promise<void> {
    let changed = Promise.withResolvers<void>();
    const wake = (): void => changed.resolve();
    let watcher: FSWatcher | null = null;
    try {
      watcher = watch(dirname(this.#name), (_, file) => {
        if (file === null || file === basename(this.#name)) wake();
      });
      watcher.on('error', wake);
    } catch {
      // No change events on this file system: polling alone has to do.
    }
    const timer = setInterval(wake, poll);
    signal.addEventListener('abort', wake);
    try {
      while (!signal.aborted) {
        changed = Promise.withResolvers<void>();
        await this.#read();
        if (!signal.aborted) await changed.promise;
      }
      await this.#read();
      this.#scan.end();
      this.review.flush();
    } finally {
      clearInterval(timer);
      signal.removeEventListener('abort', wake);
      watcher?.close();
      await this.#file?.close();
    }
  }

  /** Reads new lines; after a rotation, the rest of the old file, then the new file from its start. */
  async #read(): Promise<void> {
    try {
      const now = await stat(this.#name).catch(() => null);
      if (this.#file !== null && now !== null && now.ino !== this.#inode) {
        await this.#readOn();
        await this.#file.close();
        this.#file = null;
      }
      if (this.#file === null) {
        if (now === null) return;
        this.#file = await open(this.#name);
        this.#inode = now.ino;
        this.#position = 0;
      } else if (now !== null && now.size < this.#position) this.#position = 0;
      await this.#readOn();
      this.#scan.settle();
      this.review.flush();
    } catch (error) {
      const message = faultText(error);
      if (!this.#faults.some((known) => known.message === message))
        this.#faults.push({ file: this.#name, message });
    }
  }

  async #readOn(): Promise<void> {
    for (;;) {
      const { bytesRead } = await this.#file!.read(chunk, 0, chunk.length, this.#position);
      if (bytesRead === 0) return;
      this.#position += bytesRead;
      this.#scan.push(chunk.subarray(0, bytesRead));
    }
  }
}
