/** Processes pinned to cores: the proxy to one, load and backend to another. */
import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createConnection } from 'node:net';
import { availableParallelism } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import { processorSeconds } from './processor-time.ts';

export const proxyCore = 0;
export const loadCore = availableParallelism() > 1 ? 1 : 0;

export interface Pinned {
  readonly name: string;
  readonly port: number;
  /** Start of the process, on the clock of `performance`. */
  readonly started: number;
  /** The process and its children. */
  processes(): readonly number[];
  /** Seconds of processor time that the process and its children have used. */
  processorTime(): number;
  /** Peak resident memory of the process and its children, in MiB. */
  peakMemory(): number;
  stop(): Promise<void>;
}

/** Killed when this process exits, however it ends. */
const running = new Set<ChildProcess>();
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

/**
 * Starts a command and waits until its port accepts.
 *
 * @param cores a core, or a list as `taskset` takes it
 */
export async function pinned(
  name: string,
  cores: number | string,
  port: number,
  command: readonly string[],
  env: NodeJS.ProcessEnv = {},
): Promise<Pinned> {
  const started = performance.now();
  const child = spawn('taskset', ['-c', String(cores), ...command], {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { ...process.env, ...env },
  });
  running.add(child);
  let errors = '';
  child.stderr.on('data', (text: Buffer) => {
    errors = (errors + text.toString()).slice(-2000);
  });
  const deadline = Date.now() + 20_000;
  while (!(await accepts(port))) {
    if (child.exitCode !== null || Date.now() > deadline) {
      child.kill('SIGKILL');
      throw new Error(`${name} did not start: ${errors}`);
    }
    await delay(5);
  }
  return {
    name,
    port,
    started,
    processes: () => treeOf(child.pid!),
    processorTime: () => treeOf(child.pid!).reduce((sum, pid) => sum + used(pid), 0),
    peakMemory: () => treeOf(child.pid!).reduce((sum, pid) => sum + peak(pid), 0),
    stop: () => stop(child),
  };
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null) return;
  running.delete(child);
  const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), 3000);
  await gone;
  clearTimeout(timer);
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection({ port, host: '127.0.0.1' });
    socket.once('connect', () => resolve(socket.destroy() !== undefined));
    socket.once('error', () => resolve(false));
  });
}

/** A process and all its descendants. */
export function treeOf(pid: number): number[] {
  try {
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8')
      .trim()
      .split(' ')
      .filter(Boolean)
      .map(Number);
    return [pid, ...children.flatMap(treeOf)];
  } catch {
    return [];
  }
}

/** 0 if the process has ended. */
function used(pid: number): number {
  try {
    return processorSeconds(pid);
  } catch {
    return 0;
  }
}

function peak(pid: number): number {
  try {
    return Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) / 1024;
  } catch {
    return 0;
  }
}
