/** The options and the health of a fleet member. */
import type { Refusal } from '../bans/admission.ts';
import type { BanLedger } from '../bans/ledger.ts';
import type { WindowClock } from '../limit/window-clock.ts';
import type { FleetClock } from './fleet-clock.ts';
import type { FleetStore, Trouble } from './store.ts';

export interface FleetOptions {
  readonly store: FleetStore;
  /** Name of the fleet. @default 'sekisho' */
  readonly name?: string;
  /** Null: bans are off, and only events and rates are shared. */
  readonly ledger: BanLedger | null;
  /** How many strikes on all gateways ban a client, and the window they must fall in (milliseconds). */
  readonly threshold: { readonly after: number; readonly within: number };
  /** How long a ban is remembered after it ends, in milliseconds. */
  readonly remember: number;
  /** The clock shared with the ledger. */
  readonly clock: FleetClock;
  /** The clock of rate-limit windows. */
  readonly windows?: WindowClock;
  /** Describes this gateway to the others. Plain data. */
  readonly describe?: () => Readonly<Record<string, unknown>>;
  /** Called when the state or its cause changes. */
  readonly onState: (health: FleetHealth) => void;
  readonly onError: (error: unknown) => void;
  /** Called for refused ban records: once for each, and only for the first hundred. */
  readonly onRefused: (refusal: Refusal) => void;
  /** Called when the correction of this machine's clock changes; 0: no correction. */
  readonly onSkew?: (skew: number) => void;
  /** Called with a key that had the wrong type and was recreated. */
  readonly onRepaired?: (key: string) => void;
  /** Milliseconds between two rounds of sending events, strikes and rates. @default 100 */
  readonly interval?: number;
}

export interface FleetHealth {
  /**
   * `connected`; `joining`: connected again and reconciling; `away`: the store is unreachable; `refused`: the store rejects
   * this gateway; `full`: the store is out of memory.
   */
  readonly state: 'joining' | 'connected' | Trouble['kind'];
  /** The cause, in words; empty while all is well. */
  readonly why: string;
  /** When this state began, milliseconds since the epoch. */
  readonly since: number;
  /** Progress of the reconciliation, 0 to 1; null: none is in progress. */
  readonly progress: number | null;
  /** Live gateways, including this one; 0: not known. */
  readonly gateways: number;
  /** How far the store's clock is ahead of this machine's, in milliseconds; null: not measured. */
  readonly skew: number | null;
  /** Events waiting for the store. */
  readonly backlog: number;
  /** Events dropped because too many were waiting. They are in the local journal. */
  readonly lost: number;
  /** Ban records refused here or by the store. */
  readonly refused: number;
}
