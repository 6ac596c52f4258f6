/** What a fleet is made with, and how it is. */
import type { Refusal } from '../bans/gate.ts';
import type { BanLedger } from '../bans/ledger.ts';
import type { WindowClock } from '../limit/window-clock.ts';
import type { FleetClock } from './fleet-clock.ts';
import type { FleetStore, Trouble } from './store.ts';

export interface FleetOptions {
  readonly store: FleetStore;
  /** What the fleet is called. @default 'sekisho' */
  readonly name?: string;
  /** Null: bans are off, and only events and rates are shared. */
  readonly ledger: BanLedger | null;
  /** Strikes on all gateways until a client is banned, and the time they must fall in (milliseconds). */
  readonly threshold: { readonly after: number; readonly within: number };
  /** How long a ban is remembered after its end, in milliseconds. */
  readonly remember: number;
  /** The ledger's clock too. */
  readonly clock: FleetClock;
  /** What windows of request limits go by. */
  readonly windows?: WindowClock;
  /** What this gateway says of itself to the others. Plain data. */
  readonly describe?: () => Readonly<Record<string, unknown>>;
  /** Told when the store goes and comes, of the cause, and of what went wrong. */
  readonly onState: (health: FleetHealth) => void;
  readonly onError: (error: unknown) => void;
  /** Told of a record that did not pass the gate: of each once, of the first hundred. */
  readonly onRefused: (refusal: Refusal) => void;
  /** Told when the clock of this machine is to be corrected by other milliseconds than before; 0: it is right. */
  readonly onSkew?: (skew: number) => void;
  /** Told of a key that was of a wrong type and was made anew. */
  readonly onRepaired?: (key: string) => void;
  /** Milliseconds between two rounds of passing on events, strikes and rates. @default 100 */
  readonly interval?: number;
}

export interface FleetHealth {
  /**
   * `connected`; `joining`: the store is back, states are being brought together; `away`: the store can't be reached;
   * `refused`: it does not let this gateway in; `full`: it takes nothing for want of memory.
   */
  readonly state: 'joining' | 'connected' | Trouble['kind'];
  /** The cause, in words; empty while all is well. */
  readonly why: string;
  /** Since when, milliseconds since the epoch. */
  readonly since: number;
  /** How far states have been brought together, 0 to 1; null: they are, or the store is not there. */
  readonly progress: number | null;
  /** Gateways that are there, this one included; 0: not known. */
  readonly gateways: number;
  /** How far the store's clock is ahead of this machine's, milliseconds; null: not measured. */
  readonly skew: number | null;
  /** Events that wait for the store. */
  readonly backlog: number;
  /** Events given up because too many waited. They are in the local journal. */
  readonly lost: number;
  /** Records that did not pass the gate, or were not taken by the store. */
  readonly refused: number;
}
