/** What a checkpoint is made of. */
import type { Counters } from '../events/counters.ts';
import type { EventSink } from '../events/event.ts';
import type { Policy } from '../rules/policy.ts';
import type { ClientRules } from './client.ts';
import type { ShapeAnswer } from './shaped-answer.ts';

export interface CheckpointOptions {
  readonly policy: Policy;
  readonly clients: ClientRules;
  /** Requests that a more lenient policy is for. Connections and bytes that are no request have none. */
  readonly exempt?: Exemption;
  /** Whether a client prefix is banned at this moment. */
  readonly isBanned?: (prefix: string) => boolean;
  /** Gets every flagged and blocked request. */
  readonly onEvent: EventSink;
  /** Counts every verdict, and the time of every sixteenth. */
  readonly counters?: Counters | undefined;
  /** Words the body of a refusal. @default ours */
  readonly answer?: ShapeAnswer | undefined;
  /** Told of an error inside a check; the request it happened on is denied. */
  readonly onError: (error: unknown) => void;
}

export interface Exemption {
  readonly policy: Policy;
  /** @param path origin form, with its query */
  covers(method: string, path: string): boolean;
}
