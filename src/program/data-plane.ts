/** Handles requests in this process, or in several worker processes. */
import { availableParallelism } from 'node:os';
import type { Logger } from 'pino';
import type { BanLedger } from '../bans/ledger.ts';
import type { Config } from '../config/config.ts';
import { Counters, type CountersSnapshot } from '../events/counters.ts';
import type { EventSink } from '../events/event.ts';
import type { RateSource } from '../limit/rate-table.ts';
import type { WindowClock } from '../limit/window-clock.ts';
import type { FileReports } from './certificate-files.ts';
import type { StapleReports } from './stapling.ts';
import { backendStates } from './workers/backend-states.ts';
import type { BackendState } from './workers/messages.ts';

export interface DataPlane {
  /** `http 127.0.0.1:8080`, one per listener. */
  readonly listeners: readonly string[];
  /** The current counts of every process. */
  counters(): readonly CountersSnapshot[];
  /** The current state of every site's backends. */
  backends(): readonly BackendState[];
  /** The request counts to share with the fleet. */
  rateSources(): readonly RateSource[];
  /** Applies another config without dropping a connection. */
  reload(config: Config): void;
  /** Makes the worker processes, if any, reopen the log file. */
  reopenLog(): void;
  /** Stops accepting, drains, and cuts off what is left after the deadline (milliseconds). */
  close(deadline: number): Promise<void>;
}

export interface DataPlaneOptions {
  readonly log: Logger;
  /** Null: bans are off. */
  readonly bans: BanLedger | null;
  /** The clock of rate-limit windows. */
  readonly windows: WindowClock;
  readonly onEvent: EventSink;
  /** Called when a backend is ejected (`healthy` is false) or becomes healthy again. */
  readonly onBackend: (backend: string, healthy: boolean, why: string) => void;
  /** Gets the OCSP responses of worker processes. */
  readonly staples: StapleReports;
  /** Gets the certificate files that worker processes can't use. */
  readonly files: FileReports;
}

/** @throws Error if a listener can't bind; nothing is left running then */
export async function startDataPlane(config: Config, options: DataPlaneOptions): Promise<DataPlane> {
  const workers = config.workers === 'auto' ? availableParallelism() : config.workers;
  // Workers share the HTTP listeners; a config with only a mail guard or decoys has none.
  if (workers === 1 || config.listen.length === 0) return inThisProcess(config, options);
  // A primary handles no requests, and loads none of that code.
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
