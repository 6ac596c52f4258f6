/** What primary and workers say to each other. Plain data: it goes through a pipe. */
import type { PrefixRanges } from '../../bans/prefix-list.ts';
import type { Config } from '../../config/config.ts';
import type { CountersSnapshot } from '../../events/counters.ts';
import type { ProbeEvent } from '../../events/event.ts';
import type { HealthState } from '../../forward/backend-health.ts';

/** A backend as one process sees it. */
export interface BackendState {
  readonly name: string;
  readonly state: HealthState;
  /** Requests under way or waiting. */
  readonly load: number;
  readonly weight: number;
}

export type ToWorker =
  | { readonly kind: 'start'; readonly config: Config }
  /** As `packBans` writes them, in order. */
  | { readonly kind: 'bans'; readonly bans: Float64Array }
  /** The imported lists, in place of those before. */
  | { readonly kind: 'lists'; readonly ranges: PrefixRanges }
  /** How far the clock that bans go by is ahead of the machine's, milliseconds; and the origin of the one of request limits. */
  | { readonly kind: 'clock'; readonly ahead: number; readonly windows: number }
  | { readonly kind: 'reload'; readonly config: Config }
  /** Open the log file anew. */
  | { readonly kind: 'reopen-log' }
  /** Counts of all workers (and of the fleet), by key. */
  | { readonly kind: 'rates'; readonly totals: readonly (readonly [key: string, total: number])[] }
  /** End, with so many milliseconds for what is under way. */
  | { readonly kind: 'close'; readonly deadline: number };

export type FromWorker =
  | { readonly kind: 'ready'; readonly listeners: readonly string[] }
  | { readonly kind: 'failed'; readonly message: string }
  | { readonly kind: 'events'; readonly events: readonly ProbeEvent[] }
  | {
      readonly kind: 'stats';
      readonly counters: CountersSnapshot;
      readonly backends: readonly BackendState[];
    }
  | { readonly kind: 'rates'; readonly counts: readonly RateCount[] }
  | { readonly kind: 'backend'; readonly name: string; readonly healthy: boolean; readonly why: string };

/** So many requests more were counted under a key. */
export interface RateCount {
  readonly key: string;
  readonly by: number;
  /** Milliseconds the key is worth remembering. */
  readonly ttl: number;
}
