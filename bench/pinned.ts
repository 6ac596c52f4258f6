/** Processes on a core of their own: the proxy on one, load and backend on another, so that they do not share it. */
import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createConnection } from 'node:net';
import { availableParallelism } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';

export const proxyCore = 0;
export const loadCore = availableParallelism() > 1 ? 1 : 0;

export interface Pinned {
  readonly name: string;
  readonly port: number;
  /** When its process was started, on the clock of `performance`. */
  readonly started: number;
  /** Its process and the children of it. */
  processes(): readonly number[];
  /** Seconds of processor time that it and its children have used. */
  processorTime(): number;
  /** Peak of resident memory of it and its children, in MiB. */
  peakMemory(): number;
  stop(): Promise<void>;
}

/** Whatever happens, nothing is left running. */
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

/** A process and all below it. */
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

/** User and system time, in ticks of which Linux has 100 a second (proc(5), fields 14 and 15). */
function used(pid: number): number {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ');
    return (Number(fields[11]) + Number(fields[12])) / 100;
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
