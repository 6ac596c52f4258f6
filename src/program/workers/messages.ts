/** Messages between primary and workers. Plain data, because they pass through a pipe. */
import type { PrefixRanges } from '../../bans/prefix-list.ts';
import type { Config } from '../../config/config.ts';
import type { CountersSnapshot } from '../../events/counters.ts';
import type { ProbeEvent } from '../../events/event.ts';
import type { HealthState } from '../../forward/backend-health.ts';
import type { StapleState } from '../../ocsp/staples.ts';

/** The state of a backend as one process sees it. */
export interface BackendState {
  /** `127.0.0.1:8081`. */
  readonly name: string;
  readonly state: HealthState;
  /** Requests in progress or queued. */
  readonly load: number;
  readonly weight: number;
}

export type ToWorker =
  | { readonly kind: 'start'; readonly config: Config }
  /** Bans as `packBans` writes them, in order. */
  | { readonly kind: 'bans'; readonly bans: Float64Array }
  /** The imported lists, which replace the previous ones. */
  | { readonly kind: 'lists'; readonly ranges: PrefixRanges }
  /** How far the bans' clock is ahead of the machine's, in milliseconds, and the origin of the rate-limit clock. */
  | { readonly kind: 'clock'; readonly ahead: number; readonly windows: number }
  | { readonly kind: 'reload'; readonly config: Config }
  /** Reopen the log file. */
  | { readonly kind: 'reopen-log' }
  /** Counts of all workers and of the fleet, by key. */
  | { readonly kind: 'rates'; readonly totals: readonly (readonly [key: string, total: number])[] }
  /** Drain for at most this many milliseconds, and exit. */
  | { readonly kind: 'close'; readonly deadline: number };

export type FromWorker =
  | { readonly kind: 'ready'; readonly listeners: readonly string[] }
  | { readonly kind: 'failed'; readonly message: string }
  | { readonly kind: 'events'; readonly events: readonly ProbeEvent[] }
  | {
      readonly kind: 'stats';
      readonly counters: CountersSnapshot;
      readonly backends: readonly BackendState[];
      readonly staples: readonly StapleState[];
      /** Certificate files that can't be used: reasons by file. */
      readonly files: Readonly<Record<string, string>>;
    }
  | { readonly kind: 'rates'; readonly counts: readonly RateCount[] }
  | { readonly kind: 'backend'; readonly name: string; readonly healthy: boolean; readonly why: string };

/** An increase of the request count under a key. */
export interface RateCount {
  readonly key: string;
  readonly by: number;
  /** How long the key must be remembered, in milliseconds. */
  readonly ttl: number;
}
