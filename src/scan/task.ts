/** Reads one log, or a part of a large one: the unit of work of a thread. */
import type { BaselineData } from './baseline.ts';
import type { Candidate } from './candidate.ts';
import { namedFormat } from './detect.ts';
import { type ClientTotals, LogScan, type LogTotals } from './log-scan.ts';
import { faultText, readSource, type Source } from './sources.ts';

export interface Task {
  readonly source: Source;
  /** A part of an uncompressed file, aligned to lines; null: all of it. */
  readonly range: { readonly start: number; readonly end: number } | null;
  /** Id or definition; null: detect it. */
  readonly format: string | null;
  readonly now: number;
  readonly all: boolean;
  readonly clients: boolean;
  readonly hosts: boolean;
}

export interface TaskResult {
  readonly totals: LogTotals;
  readonly baseline: BaselineData;
  readonly clients: ReadonlyMap<string, ClientTotals>;
  /** Why the rest of the log could not be read; null if it was read to its end. */
  readonly fault: string | null;
}

/** Candidates per batch: bounds memory for a log full of probes. */
const batchSize = 10_000;

/**
 * @param onBatch awaited for back-pressure
 * @param onRaw called with the number of bytes read from disk
 */
export async function runTask(
  task: Task,
  onBatch: (batch: Candidate[]) => Promise<void> | void,
  onRaw: (bytes: number) => void,
): Promise<TaskResult> {
  let batch: Candidate[] = [];
  const scan = new LogScan({
    format: task.format === null ? null : namedFormat(task.format),
    now: task.now,
    all: task.all,
    clients: task.clients,
    hosts: task.hosts,
    onCandidate: (candidate) => batch.push(candidate),
  });
  let fault: string | null = null;
  try {
    for await (const chunk of readSource(task.source, task.range ?? undefined, onRaw)) {
      scan.push(chunk);
      if (batch.length < batchSize) continue;
      await onBatch(batch);
      batch = [];
    }
  } catch (error) {
    fault = faultText(error).replaceAll('FILE', task.source.name);
  }
  const totals = scan.end();
  if (batch.length > 0) await onBatch(batch);
  return { totals, baseline: scan.baseline.pack(), clients: scan.clients, fault };
}
