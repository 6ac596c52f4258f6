/** Runs the tasks of a scan, in worker threads if that is faster, and delivers their results in order. */
import { open } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { extname } from 'node:path';
import { Worker } from 'node:worker_threads';
import type { Candidate } from './candidate.ts';
import { detectLog, namedFormat } from './detect.ts';
import { lineLimit } from './log-scan.ts';
import type { FromWorker, ToWorker } from './scan-thread.ts';
import { runTask, type Task, type TaskResult } from './task.ts';

/** Bytes below which threads cost more than they save. */
const worthThreads = 24 * 1024 * 1024;
/** Bytes per part of a large uncompressed file. */
const partBytes = 64 * 1024 * 1024;

export interface TaskHandler {
  /** Called in the order of tasks and, within a task, of lines. */
  readonly onBatch: (task: Task, batch: Candidate[]) => void;
  readonly onResult: (task: Task, result: TaskResult) => void;
  readonly onRaw: (bytes: number) => void;
}

/** Splits a large uncompressed file into parts if its format has one request per line. */
export async function splitTask(task: Task): Promise<Task[]> {
  const { source } = task;
  if (source.packing !== 'plain' || source.size < partBytes * 1.5) return [task];
  const file = await open(source.name);
  try {
    const head = Buffer.alloc(256 * 1024);
    const { bytesRead } = await file.read(head, 0, head.length, 0);
    const named = task.format === null ? null : namedFormat(task.format);
    const { wrapping, format } = detectLog(head.toString('latin1', 0, bytesRead), task.now, named, lineLimit);
    if (format?.stateful === true || wrapping.some(({ stateful }) => stateful === true)) return [task];
    const tasks: Task[] = [];
    for (let start = 0; start < source.size; ) {
      const end = await nextLine(file, Math.min(start + partBytes, source.size), source.size);
      tasks.push({ ...task, format: task.format ?? format?.id ?? null, range: { start, end } });
      start = end;
    }
    return tasks;
  } finally {
    await file.close();
  }
}

async function nextLine(file: Awaited<ReturnType<typeof open>>, from: number, size: number): Promise<number> {
  const block = Buffer.alloc(64 * 1024);
  for (let at = from; at < size; at += block.length) {
    const { bytesRead } = await file.read(block, 0, block.length, at);
    const lf = block.subarray(0, bytesRead).indexOf(0x0a);
    if (lf !== -1) return at + lf + 1;
  }
  return size;
}

/** @param threads maximum; null: one per core */
export async function runTasks(
  tasks: readonly Task[],
  handler: TaskHandler,
  threads: number | null = null,
): Promise<void> {
  const bytes = tasks.reduce(
    (sum, { source, range }) => sum + (range === null ? source.size : range.end - range.start),
    0,
  );
  const workers = Math.min(threads ?? availableParallelism(), tasks.length);
  const compression = tasks.some(({ source }) => source.packing !== 'plain') ? 8 : 1;
  if (
    workers < 2 ||
    bytes * compression < worthThreads ||
    tasks.some(({ source }) => source.packing === 'stdin')
  ) {
    for (const task of tasks) {
      handler.onResult(task, await runTask(task, (batch) => handler.onBatch(task, batch), handler.onRaw));
    }
    return;
  }
  await new ThreadedRun(tasks, handler).run(workers);
}

/** Results of a task that wait for earlier tasks to finish. */
interface Slot {
  readonly batches: Candidate[][];
  result: TaskResult | null;
  worker: Worker | null;
}

class ThreadedRun {
  readonly #tasks: readonly Task[];
  readonly #handler: TaskHandler;
  readonly #slots: Slot[];
  #next = 0;
  #turn = 0;
  readonly #done = Promise.withResolvers<void>();

  constructor(tasks: readonly Task[], handler: TaskHandler) {
    this.#tasks = tasks;
    this.#handler = handler;
    this.#slots = tasks.map(() => ({ batches: [], result: null, worker: null }));
  }

  async run(count: number): Promise<void> {
    const workers: Worker[] = [];
    try {
      for (let i = 0; i < count; i++) {
        const worker = new Worker(new URL(`./scan-thread${extname(import.meta.url)}`, import.meta.url), {
          name: 'sekisho-scan',
        });
        workers.push(worker);
        worker.on('error', this.#done.reject);
        this.#feed(worker);
      }
      await this.#done.promise;
    } finally {
      await Promise.all(workers.map((worker) => worker.terminate()));
    }
  }

  /** Gives a thread the next task. */
  #feed(worker: Worker): void {
    const index = this.#next++;
    const task = this.#tasks[index];
    if (task === undefined) return;
    const slot = this.#slots[index]!;
    slot.worker = worker;
    worker.removeAllListeners('message');
    worker.on('message', (message: FromWorker) => {
      if ('raw' in message) this.#handler.onRaw(message.raw);
      else if ('failed' in message) this.#done.reject(new Error(message.failed));
      else if ('batch' in message) {
        slot.batches.push(message.batch);
        this.#drain();
      } else {
        slot.result = message.result;
        this.#feed(worker);
        this.#drain();
      }
    });
    worker.postMessage({ task } satisfies ToWorker);
  }

  #drain(): void {
    while (this.#turn < this.#tasks.length) {
      const slot = this.#slots[this.#turn]!;
      const task = this.#tasks[this.#turn]!;
      for (const batch of slot.batches.splice(0)) {
        this.#handler.onBatch(task, batch);
        slot.worker?.postMessage({ taken: true } satisfies ToWorker);
      }
      if (slot.result === null) return;
      this.#handler.onResult(task, slot.result);
      slot.result = null;
      this.#turn++;
    }
    this.#done.resolve();
  }
}
