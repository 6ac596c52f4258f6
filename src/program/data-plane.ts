/** What carries requests: this process, or several. */
import { availableParallelism } from 'node:os';
import type { Logger } from 'pino';
import type { BanLedger } from '../bans/ledger.ts';
import type { Config } from '../config/config.ts';
import { Counters, type CountersSnapshot } from '../events/counters.ts';
import type { EventSink } from '../events/event.ts';
import type { RateSource } from '../limit/rate-table.ts';
import type { WindowClock } from '../limit/window-clock.ts';
import { backendStates } from './workers/backend-states.ts';
import type { BackendState } from './workers/messages.ts';

export interface DataPlane {
  /** `http 127.0.0.1:8080`, one a listener. */
  readonly listeners: readonly string[];
  /** The counts of every process, as they stand. */
  counters(): readonly CountersSnapshot[];
  /** The backends of every site, as they stand. */
  backends(): readonly BackendState[];
  /** What a fleet shares the counts of. */
  rateSources(): readonly RateSource[];
  /** Puts another config in force, without dropping a connection. */
  reload(config: Config): void;
  /** Has the other processes open the log file anew, where there are any. */
  reopenLog(): void;
  /** Stops accepting, lets what is under way end, and cuts off what has not after the deadline (milliseconds). */
  close(deadline: number): Promise<void>;
}

export interface DataPlaneOptions {
  readonly log: Logger;
  /** Null: bans are off. */
  readonly bans: BanLedger | null;
  /** What windows of limits go by. */
  readonly windows: WindowClock;
  readonly onEvent: EventSink;
  /** Told when a backend is ejected (`healthy` is false) or gets requests again. */
  readonly onBackend: (backend: string, healthy: boolean, why: string) => void;
}

/** @throws Error where a listener can't bind; nothing is left running then */
export async function startDataPlane(config: Config, options: DataPlaneOptions): Promise<DataPlane> {
  const workers = config.workers === 'auto' ? availableParallelism() : config.workers;
  // Workers share the listeners of HTTP; a mail guard or decoys alone have none.
  if (workers === 1 || config.listen.length === 0) return inThisProcess(config, options);
  // A primary carries no requests, and loads nothing of that.
  const { WorkerPool } = await import('./workers/worker-pool.ts');
  return WorkerPool.start(config, workers, options);
}

async function inThisProcess(
  config: Config,
  { log, bans, windows, onEvent, onBackend }: DataPlaneOptions,
): Promise<DataPlane> {
  const { startGateway } = await import('./gateway.ts');
  const counters = new Counters();
  const isBanned = bans === null ? () => false : (prefix: string) => bans.isBanned(prefix);
  const gateway = await startGateway(config, { log, counters, isBanned, windows, onEvent, onBackend });
  return {
    listeners: gateway.listeners,
    counters: () => [counters.snapshot()],
    backends: () => backendStates(gateway.backends),
    rateSources: () => gateway.rateTables,
    reload: (next) => gateway.reload(next),
    reopenLog: () => {},
    close: (deadline) => gateway.close(deadline),
  };
}
