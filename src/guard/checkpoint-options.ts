/** Options of a checkpoint. */
import type { Counters } from '../events/counters.ts';
import type { EventSink } from '../events/event.ts';
import type { Policy } from '../rules/policy.ts';
import type { ClientRules } from './client.ts';
import type { ShapeAnswer } from './shaped-answer.ts';

export interface CheckpointOptions {
  readonly policy: Policy;
  readonly clients: ClientRules;
  /** Requests that are judged by a more lenient policy. Connections and malformed bytes never are. */
  readonly exempt?: Exemption;
  /** Whether a client prefix is banned now. */
  readonly isBanned?: (prefix: string) => boolean;
  /** Gets every flagged and blocked request. */
  readonly onEvent: EventSink;
  /** Counts every verdict and times every sixteenth. */
  readonly counters?: Counters | undefined;
  /** Words the body of a refusal. @default the built-in words */
  readonly answer?: ShapeAnswer | undefined;
  /** Called with an error inside a check; the request is denied. */
  readonly onError: (error: unknown) => void;
}

export interface Exemption {
  readonly policy: Policy;
  /** @param path in origin form, with its query */
  covers(method: string, path: string): boolean;
}
