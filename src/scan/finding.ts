import type { RuleId } from '../rules/catalogue.ts';
import type { Intent } from '../rules/intent.ts';
import type { Technique } from './probe.ts';

/** What became of a probe. */
export type Outcome =
  /** Turned away. */
  | 'refused'
  /** Answered from the server's own pages. */
  | 'local'
  /** The server tried to pass it on and could not. */
  | 'attempted'
  /** Passed on, as far as a log can tell. */
  | 'likely-relayed'
  /** The log does not tell. */
  | 'unclear';

export const outcomes: readonly Outcome[] = ['likely-relayed', 'attempted', 'unclear', 'local', 'refused'];

export type Confidence = 'high' | 'medium' | 'low';

/** A probe with what became of it: one line of `scan --json`. */
export interface Finding {
  readonly file: string;
  /** From 1. */
  readonly line: number;
  /** ISO 8601; null where the log does not say. */
  readonly time: string | null;
  readonly client: string;
  readonly rule: RuleId;
  readonly technique: Technique;
  /** What the sender named, escaped to printable ASCII, at most 512 characters. */
  readonly target: string;
  readonly intent: Intent;
  readonly status: number | null;
  readonly bytes: number | null;
  readonly outcome: Outcome;
  readonly confidence: Confidence;
  /** One sentence: how that is known. */
  readonly why: string;
}

/** A finding with the line it was read from, for the report. */
export interface QuotedFinding extends Finding {
  readonly text: string;
}
