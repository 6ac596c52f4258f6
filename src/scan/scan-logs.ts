/** Runs a whole scan: arguments → logs → findings and a result. */
import type { QuotedFinding } from './finding.ts';
import type { ClientTotals, LogTotals } from './log-scan.ts';
import type { LearnedName } from './own-names.ts';
import { type Rehearsal, RehearsalLedger, type RehearsalRules } from './rehearsal.ts';
import { Review } from './review.ts';
import { findSources, type LogFault } from './sources.ts';
import { Tally } from './tally.ts';
import type { Task, TaskResult } from './task.ts';
import { runTasks, splitTask } from './task-pool.ts';
import { unreadOf } from './unread.ts';

export interface ScanOptions {
  /** Files, directories, `-` for stdin. */
  readonly logs: readonly string[];
  /** Own hosts; empty: learn them from the logs. */
  readonly hosts: readonly string[];
  /** Ports served; null without a config. */
  readonly ports: ReadonlySet<number> | null;
  /** Id, LogFormat or log_format; null: detect it per file. */
  readonly format: string | null;
  /** Every rule of the catalogue, not only those about relaying. */
  readonly all: boolean;
  /** Rules to rehearse with; null: no rehearsal. */
  readonly rehearse: RehearsalRules | null;
  /** Maximum number of threads; null: one per core. */
  readonly threads: number | null;
  /** Latest possible time of a log line, in milliseconds since the epoch. */
  readonly now: number;
  readonly onFinding: (finding: QuotedFinding) => void;
  readonly onProgress?: (progress: Progress) => void;
}

export interface Progress {
  /** Bytes read from disk. */
  readonly done: number;
  /** Bytes to read; 0 if unknown (stdin). */
  readonly total: number;
}

export interface ScannedFile extends LogTotals {
  readonly file: string;
}

export interface ScanResult {
  readonly tally: Tally;
  readonly files: readonly ScannedFile[];
  readonly faults: readonly LogFault[];
  /** Lines with a request. */
  readonly requests: number;
  readonly hosts: readonly string[];
  readonly learned: readonly LearnedName[];
  /** Names that may be own, with the number of mails or requests for each. */
  readonly asked: ReadonlyMap<string, number>;
  /** Requests in absolute-form for own hosts, which are no probes. */
  readonly ownAbsolute: number;
  /** Requests that a forward proxy relayed for clients in the own network, which are no probes. */
  readonly ownClients: number;
  /** Lines of error logs that name a foreign upstream. */
  readonly proofs: number;
  readonly rehearsal: Rehearsal | null;
}

export async function scanLogs(options: ScanOptions): Promise<ScanResult> {
  const { sources, faults } = await findSources(options.logs);
  const total = sources.reduce((sum, { size }) => sum + size, 0);
  const scan = new Scan(options, faults, sources.some(({ packing }) => packing === 'stdin') ? 0 : total);
  const groups = [...new Set(sources.map(({ group }) => group))];
  sources.sort((a, b) => groups.indexOf(a.group) - groups.indexOf(b.group));
  const tasks: Task[] = [];
  for (const source of sources) {
    const { format, now, all } = options;
    const task = {
      source,
      range: null,
      format,
      now,
      all,
      clients: options.rehearse !== null,
      hosts: options.hosts.length > 0,
    };
    tasks.push(...(await splitTask(task)));
  }
  await runTasks(tasks, scan, options.threads);
  return scan.result();
}

class Scan {
  readonly #options: ScanOptions;
  readonly #faults: LogFault[];
  readonly #total: number;
  readonly #tally = new Tally();
  readonly #files: ScannedFile[] = [];
  readonly #ledger: RehearsalLedger | null;
  readonly #clients = new Map<string, ClientTotals>();
  readonly #learned = new Map<string, LearnedName>();
  #review: Review | null = null;
  #group = '';
  #ownAbsolute = 0;
  #ownClients = 0;
  #proofs = 0;
  readonly #asked = new Map<string, number>();
  #done = 0;

  constructor(options: ScanOptions, faults: LogFault[], total: number) {
    this.#options = options;
    this.#faults = faults;
    this.#total = total;
    this.#ledger = options.rehearse === null ? null : new RehearsalLedger(options.rehearse);
  }

  onBatch = (task: Task, batch: Parameters<Parameters<typeof runTasks>[1]['onBatch']>[1]): void => {
    const review = this.#reviewOf(task.source.group);
    const before = this.#linesBefore(task.source.name);
    for (const candidate of batch) {
      candidate.line += before;
      review.add(task.source.name, candidate);
    }
  };

  onResult = (task: Task, { totals, baseline, clients, fault }: TaskResult): void => {
    const file = task.source.name;
    this.#reviewOf(task.source.group).baseline.merge(baseline);
    const last = this.#files.at(-1);
    if (last?.file === file && (task.range?.start ?? 0) > 0)
      this.#files[this.#files.length - 1] = joined(last, totals);
    else this.#files.push({ file, ...totals });
    if (fault !== null) this.#faults.push({ file, message: fault });
    if (this.#ledger !== null) this.#addClients(clients);
  };

  onRaw = (bytes: number): void => {
    this.#done += bytes;
    this.#options.onProgress?.({ done: this.#done, total: this.#total });
  };

  result(): ScanResult {
    this.#finishGroup();
    const { hosts, logs } = this.#options;
    return {
      tally: this.#tally,
      files: this.#files,
      faults: [
        ...this.#faults,
        ...this.#files.flatMap((one) => unreadOf(one.file, one, logs.includes(one.file))),
      ],
      requests: this.#files.reduce((sum, { requests }) => sum + requests, 0),
      hosts,
      learned: [...this.#learned.values()],
      asked: this.#asked,
      ownAbsolute: this.#ownAbsolute,
      ownClients: this.#ownClients,
      proofs: this.#proofs,
      rehearsal: this.#ledger?.result(this.#clients) ?? null,
    };
  }

  #linesBefore(file: string): number {
    const last = this.#files.at(-1);
    return last?.file === file ? last.lines : 0;
  }

  #reviewOf(group: string): Review {
    if (this.#review !== null && this.#group === group) return this.#review;
    this.#finishGroup();
    const { hosts, ports, all, onFinding } = this.#options;
    this.#group = group;
    this.#review = new Review({
      hosts,
      ports,
      all,
      onFinding: (finding) => {
        this.#tally.add(finding);
        this.#ledger?.add(finding);
        onFinding(finding);
      },
    });
    return this.#review;
  }

  #finishGroup(): void {
    const review = this.#review;
    if (review === null) return;
    review.flush();
    this.#ownAbsolute += review.ownAbsolute;
    this.#ownClients += review.ownClients;
    this.#proofs += review.notes.count;
    for (const [domain, count] of review.asked.names)
      this.#asked.set(domain, (this.#asked.get(domain) ?? 0) + count);
    for (const learned of review.own.learned)
      if (!this.#learned.has(learned.name)) this.#learned.set(learned.name, learned);
    this.#review = null;
  }

  #addClients(clients: TaskResult['clients']): void {
    for (const [address, { requests, referred, agent }] of clients) {
      const known = this.#clients.get(address);
      if (known === undefined) this.#clients.set(address, { requests, referred, agent });
      else {
        known.requests += requests;
        known.referred += referred;
      }
    }
  }
}

function joined(a: ScannedFile, b: LogTotals): ScannedFile {
  return {
    file: a.file,
    lines: a.lines + b.lines,
    requests: a.requests + b.requests,
    broken: a.broken + b.broken,
    suspect: a.suspect + b.suspect,
    brokenLines: [...a.brokenLines, ...b.brokenLines].slice(0, 3),
    cut: a.cut + b.cut,
    format: a.format ?? b.format,
    formatId: a.formatId ?? b.formatId,
    wrapped: a.wrapped || b.wrapped,
    first: a.first ?? b.first,
    last: b.last ?? a.last,
  };
}
