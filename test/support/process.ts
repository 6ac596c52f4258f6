/** Real child processes, bounded in time and stopped by their own pid. */
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createConnection } from 'node:net';
import type { Readable, Writable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import type { Owner } from './owner.ts';

export interface ProcessOptions {
  cwd?: string;
  /** Added to this process's environment; undefined removes a variable. */
  env?: Readonly<Record<string, string | undefined>>;
  /** Milliseconds after which the process is killed. @default 120000 */
  timeout?: number;
  /** Written to stdin, which is then closed. @default stdin is left open */
  input?: string | Buffer;
}

export interface Exit {
  code: number | null;
  signal: NodeJS.Signals | null;
}

export interface RunningProcess {
  readonly pid: number;
  readonly stdin: Writable;
  /** Settles when the process has ended and its output is complete. Never rejects. */
  readonly exited: Promise<Exit>;
  stdout(): string;
  stderr(): string;
  /**
   * Waits for a line on stdout or stderr, past ones included, and returns the match.
   * @throws where the process ends or `timeout` milliseconds (default 60000) pass first, with its output
   */
  waitForLine(pattern: RegExp, timeout?: number): Promise<RegExpExecArray>;
  /** Waits until the port accepts connections. @throws like `waitForLine` */
  waitForPort(port: number, timeout?: number): Promise<void>;
  signal(name: NodeJS.Signals): void;
  /** SIGTERM, then SIGKILL after `grace` milliseconds (default 5000). May be called twice. */
  stop(grace?: number): Promise<Exit>;
}

/** Processes to kill on exit: a stuck test file must not leave servers behind. */
const running = new Set<() => void>();
process.on('exit', killAll);
for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) {
  process.once(signal, () => {
    killAll();
    process.kill(process.pid, signal);
  });
}

/** Starts a process that is stopped with its owner. @throws where it cannot be started */
export async function startProcess(
  owner: Owner,
  command: string,
  args: readonly string[],
  options: ProcessOptions = {},
): Promise<RunningProcess> {
  // Its own process group: SIGKILL must reach a server's workers too, or they keep its port.
  const child: ChildProcessByStdio<Writable, Readable, Readable> = spawn(command, args, {
    cwd: options.cwd,
    env: { ...process.env, ...options.env },
    detached: true,
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  let stdout = '';
  let stderr = '';
  const listeners = new Set<() => void>();
  const wake = (): void => {
    for (const listener of listeners) listener();
  };
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
    wake();
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
    wake();
  });
  // If a process ends before reading its input, the test judges it by its exit code.
  child.stdin.on('error', () => {});

  let exit: Exit | undefined;
  const exited = new Promise<Exit>((done) => {
    child.once('close', (code, signal) => {
      exit = { code, signal };
      running.delete(kill);
      clearTimeout(limit);
      wake();
      done(exit);
    });
  });
  const kill = (): void => void signalGroup(child.pid, 'SIGKILL');
  const limit = setTimeout(kill, options.timeout ?? 120_000);
  limit.unref();
  running.add(kill);
  try {
    await once(child, 'spawn');
  } catch (cause) {
    running.delete(kill);
    clearTimeout(limit);
    throw new Error(`cannot start ${command}`, { cause });
  }
  if (options.input !== undefined) child.stdin.end(options.input);

  let stopped: Promise<Exit> | undefined;
  const output = (): string => `${command} ${args.join(' ')}\n${stdout}${stderr}`;

  const started: RunningProcess = {
    pid: child.pid!,
    stdin: child.stdin,
    exited,
    stdout: () => stdout,
    stderr: () => stderr,
    async waitForLine(pattern, timeout = 60_000) {
      const find = (): RegExpExecArray | null => {
        for (const text of [stdout, stderr]) {
          // The last piece is not a line unless the output has ended.
          const lines = text.split('\n');
          for (const line of exit === undefined ? lines.slice(0, -1) : lines) {
            const match = new RegExp(pattern.source, pattern.flags.replace(/[gy]/g, '')).exec(line);
            if (match !== null) return match;
          }
        }
        return null;
      };
      const found = Promise.withResolvers<RegExpExecArray>();
      const look = (): void => {
        const match = find();
        if (match !== null) found.resolve(match);
        else if (exit !== undefined) {
          found.reject(new Error(`ended (${describe(exit)}) before a line ${pattern}: ${output()}`));
        }
      };
      const timer = setTimeout(
        () => found.reject(new Error(`no line ${pattern} in ${timeout} ms: ${output()}`)),
        timeout,
      );
      listeners.add(look);
      look();
      try {
        return await found.promise;
      } finally {
        clearTimeout(timer);
        listeners.delete(look);
      }
    },
    async waitForPort(port, timeout = 60_000) {
      const signal = AbortSignal.timeout(timeout);
      while (!(await accepts(port))) {
        if (exit !== undefined) throw new Error(`ended (${describe(exit)}) before it listened: ${output()}`);
        if (signal.aborted) throw new Error(`port ${port} does not accept in ${timeout} ms: ${output()}`);
        // No event announces that another process listens.
        await delay(20);
      }
      // Another process may have taken the port: then ours has ended or is about to.
      if (exit !== undefined) throw new Error(`ended (${describe(exit)}), another has its port: ${output()}`);
    },
    signal(name) {
      if (exit === undefined) child.kill(name);
    },
    stop(grace = 5_000) {
      stopped ??= (async () => {
        if (exit === undefined) {
          child.kill('SIGTERM');
          const timer = setTimeout(kill, grace);
          await exited;
          clearTimeout(timer);
        }
        // Workers that outlive their parent would keep its port and folder.
        await endGroup(child.pid!);
        return exit!;
      })();
      return stopped;
    },
  };
  owner.after(() => started.stop());
  return started;
}

/** Runs a process to its end. A process that its timeout killed has `signal: 'SIGKILL'`. */
export async function runProcess(
  command: string,
  args: readonly string[],
  options: ProcessOptions = {},
): Promise<Exit & { stdout: string; stderr: string }> {
  const child = await startProcess({ after: () => {} }, command, args, { input: '', ...options });
  const exit = await child.exited;
  return { ...exit, stdout: child.stdout(), stderr: child.stderr() };
}

async function accepts(port: number): Promise<boolean> {
  const socket = createConnection(port, '127.0.0.1');
  try {
    await once(socket, 'connect', { signal: AbortSignal.timeout(1_000) });
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}

/** @returns whether a process was left to signal */
function signalGroup(pid: number | undefined, signal: NodeJS.Signals): boolean {
  if (pid === undefined) return false;
  try {
    return process.kill(-pid, signal);
  } catch {
    return false;
  }
}

/** No event announces the end of a grandchild: polls until none is left, for at most a second. */
async function endGroup(pid: number): Promise<void> {
  for (let attempt = 0; attempt < 100 && signalGroup(pid, 'SIGKILL'); attempt += 1) await delay(10);
}

function killAll(): void {
  for (const kill of running) kill();
}

function describe({ code, signal }: Exit): string {
  return signal === null ? `exit code ${code}` : `${signal}`;
}
