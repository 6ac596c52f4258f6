/** The primary's side of the workers: starts them, restarts those that end, and passes on bans, reloads and counts. */
import cluster, { type Worker } from 'node:cluster';
import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Logger } from 'pino';
import type { Ban } from '../../bans/ban.ts';
import type { Config } from '../../config/config.ts';
import { type CountersSnapshot, sumCounters } from '../../events/counters.ts';
import { inheritedSockets } from '../../listener/inherited-sockets.ts';
import { bindAlone } from '../../listener/shared-port.ts';
import type { DataPlane, DataPlaneOptions } from '../data-plane.ts';
import { packBans } from './ban-batch.ts';
import type { BackendState, FromWorker, ToWorker } from './messages.ts';
import { SharedRates } from './shared-rates.ts';

/** A worker that ends within this time of its start, in milliseconds, counts as failing. */
const soon = 5000;
const firstPause = 100;
const longestPause = 30_000;
/** The most bans in one message: a ledger may hold a million. */
const bansAtOnce = 5000;
/** Milliseconds between two checks of the bans' clock. */
const clockInterval = 1000;

interface Member {
  readonly worker: Worker;
  readonly started: number;
  counters: CountersSnapshot | null;
  backends: readonly BackendState[];
}

/** Workers may see a backend in different states; the worst is shown. */
const severity = { unknown: 0, healthy: 1, failing: 2, ejected: 3 } as const;

export class WorkerPool implements DataPlane {
  readonly #options: DataPlaneOptions;
  readonly #log: Logger;
  readonly #members = new Map<number, Member>();
  readonly #rates = new SharedRates();
  /** The counts of ended workers, so that no counter decreases. */
  #retired: CountersSnapshot | null = null;
  #config: Config;
  #listeners: readonly string[] = [];
  #pause = firstPause;
  #changed: Ban[] = [];
  #ahead = 0;
  #windowsSent: number;
  readonly #clockTimer: NodeJS.Timeout;
  #closing = false;

  private constructor(config: Config, options: DataPlaneOptions) {
    this.#config = config;
    this.#options = options;
    this.#windowsSent = options.windows.origin;
    this.#log = options.log;
    options.bans?.onChange((change) => {
      if (change.kind === 'lists') this.#broadcast(change);
      else this.#queueBan(change.ban);
    });
    this.#clockTimer = setInterval(() => this.#sendClock(), clockInterval).unref();
    cluster.setupPrimary({
      // A list of a million prefixes is a few blocks of bytes; JSON would write out every number.
      serialization: 'advanced',
      exec: fileURLToPath(new URL(`worker${extname(import.meta.url)}`, import.meta.url)),
      args: [],
    });
  }

  /**
   * Starts the workers.
   *
   * @throws Error if they can't listen; none is left running then
   */
  static async start(config: Config, count: number, options: DataPlaneOptions): Promise<WorkerPool> {
    const inherited = inheritedSockets(config.listen.length).length;
    for (const address of config.listen.slice(inherited)) await bindAlone(address);
    const pool = new WorkerPool(config, options);
    try {
      await Promise.all(Array.from({ length: count }, () => pool.#fork()));
    } catch (error) {
      await pool.close(0);
      throw error;
    }
    return pool;
  }

  get listeners(): readonly string[] {
    return this.#listeners;
  }

  counters(): readonly CountersSnapshot[] {
    const live = [...this.#members.values()].flatMap(({ counters }) => counters ?? []);
    return this.#retired === null ? live : [this.#retired, ...live];
  }

  backends(): readonly BackendState[] {
    const byName = new Map<string, BackendState>();
    for (const state of [...this.#members.values()].flatMap(({ backends }) => backends)) {
      const known = byName.get(state.name);
      const load = state.load + (known?.load ?? 0);
      const worse = known === undefined || severity[state.state] > severity[known.state] ? state : known;
      byName.set(state.name, { ...worse, load });
    }
    return [...byName.values()];
  }

  rateSources(): readonly [SharedRates] {
    return [this.#rates];
  }

  reload(config: Config): void {
    this.#config = config;
    this.#broadcast({ kind: 'reload', config });
  }

  reopenLog(): void {
    this.#broadcast({ kind: 'reopen-log' });
  }

  async close(deadline: number): Promise<void> {
    this.#closing = true;
    clearInterval(this.#clockTimer);
    const gone = [...this.#members.values()].map(
      ({ worker }) =>
        new Promise<void>((resolve) => (worker.isDead() ? resolve() : worker.once('exit', () => resolve()))),
    );
    this.#broadcast({ kind: 'close', deadline });
    // Kill workers that ignore the deadline.
    const timer = setTimeout(() => {
      for (const { worker } of this.#members.values()) worker.process.kill('SIGKILL');
    }, deadline + 2000);
    await Promise.all(gone);
    clearTimeout(timer);
  }

  /** Resolves once the new worker listens. */
  #fork(): Promise<void> {
    const worker = cluster.fork();
    const member: Member = { worker, started: performance.now(), counters: null, backends: [] };
    this.#members.set(worker.id, member);
    const listening = Promise.withResolvers<void>();
    worker.on('message', (message: FromWorker) => this.#onMessage(member, message, listening));
    worker.once('exit', (code, signal) => {
      listening.reject(new Error(`a worker ended at its start (${signal ?? `exit ${code}`})`));
      this.#onExit(member, signal ?? `exit ${code}`);
    });
    worker.on('error', (error) => this.#log.error(error, 'a message to a worker failed'));
    this.#sendBans(worker);
    this.#send(worker, { kind: 'start', config: this.#config });
    return listening.promise;
  }

  #onMessage(member: Member, message: FromWorker, listening: PromiseWithResolvers<void>): void {
    switch (message.kind) {
      case 'ready':
        this.#listeners = message.listeners;
        listening.resolve();
        return;
      case 'failed':
        listening.reject(new Error(message.message));
        member.worker.disconnect();
        return;
      case 'events':
        for (const event of message.events) this.#options.onEvent(event);
        return;
      case 'stats':
        member.counters = message.counters;
        member.backends = message.backends;
        this.#options.staples.take(member, message.staples);
        this.#options.files.take(member, message.files);
        return;
      case 'rates':
        this.#send(member.worker, {
          kind: 'rates',
          totals: this.#rates.add(message.counts, performance.now()),
        });
        return;
      case 'backend':
        this.#options.onBackend(message.name, message.healthy, message.why);
    }
  }

  #onExit(member: Member, how: string): void {
    this.#members.delete(member.worker.id);
    this.#options.staples.forget(member);
    this.#options.files.forget(member);
    if (member.counters !== null) {
      this.#retired = sumCounters(
        this.#retired === null ? [member.counters] : [this.#retired, member.counters],
      );
    }
    if (this.#closing || this.#listeners.length === 0) return;
    // Back off: a worker that fails at every start must not be restarted in a tight loop.
    const failing = performance.now() - member.started < soon;
    this.#pause = failing ? Math.min(this.#pause * 2, longestPause) : firstPause;
    this.#log.error(
      { event: 'worker', pid: member.worker.process.pid },
      `worker ${member.worker.process.pid} ended (${how}); another starts in ${this.#pause} ms`,
    );
    setTimeout(() => {
      if (!this.#closing)
        this.#fork().catch((error: Error) => {
          if (!this.#closing) this.#log.error(error, 'a worker did not start');
        });
    }, this.#pause);
  }

  #sendBans(worker: Worker): void {
    const { bans } = this.#options;
    this.#send(worker, { kind: 'clock', ahead: this.#ahead, windows: this.#options.windows.origin });
    if (bans === null) return;
    this.#send(worker, { kind: 'lists', ranges: bans.lists.ranges });
    let part: Ban[] = [];
    for (const ban of bans.records()) {
      part.push(ban);
      if (part.length < bansAtOnce) continue;
      this.#send(worker, { kind: 'bans', bans: packBans(part) });
      part = [];
    }
    if (part.length > 0) this.#send(worker, { kind: 'bans', bans: packBans(part) });
  }

  /** Bans changed within one event-loop turn go into one message. */
  #queueBan(ban: Ban): void {
    this.#changed.push(ban);
    if (this.#changed.length === 1) setImmediate(() => this.#flushBans());
    if (this.#changed.length >= bansAtOnce) this.#flushBans();
  }

  #flushBans(): void {
    const bans = this.#changed;
    if (bans.length === 0) return;
    this.#changed = [];
    this.#broadcast({ kind: 'bans', bans: packBans(bans) });
  }

  /** In a fleet, bans and rate-limit windows use the fleet's clock. */
  #sendClock(): void {
    const { bans, windows } = this.#options;
    const ahead = (bans?.now ?? Date.now()) - Date.now();
    if (Math.abs(ahead - this.#ahead) < 1000 && windows.origin === this.#windowsSent) return;
    this.#ahead = ahead;
    this.#windowsSent = windows.origin;
    this.#broadcast({ kind: 'clock', ahead, windows: windows.origin });
  }

  #broadcast(message: ToWorker): void {
    for (const { worker } of this.#members.values()) this.#send(worker, message);
  }

  #send(worker: Worker, message: ToWorker): void {
    if (worker.isConnected()) worker.send(message);
  }
}
