import type { RuleId } from '../rules/catalogue.ts';
import type { Intent } from '../rules/intent.ts';
import type { Technique } from './probe.ts';

/** The outcome of a probe. */
export type Outcome =
  /** Rejected by the server. */
  | 'refused'
  /** Answered with one of the server's own pages. */
  | 'local'
  /** The server tried to relay it and failed. */
  | 'attempted'
  /** Relayed, as far as the log shows. */
  | 'likely-relayed'
  /** The log does not show it. */
  | 'unclear';

export const outcomes: readonly Outcome[] = ['likely-relayed', 'attempted', 'unclear', 'local', 'refused'];

export type Confidence = 'high' | 'medium' | 'low';

/** A probe and its outcome: one line of `scan --json`. */
export interface Finding {
  readonly file: string;
  /** From 1. */
  readonly line: number;
  /** ISO 8601; null if not logged. */
  readonly time: string | null;
  readonly client: string;
  readonly rule: RuleId;
  readonly technique: Technique;
  /** The requested target, escaped to printable ASCII, at most 512 characters. */
  readonly target: string;
  readonly intent: Intent;
  readonly status: number | null;
  readonly bytes: number | null;
  readonly outcome: Outcome;
  readonly confidence: Confidence;
  /** One sentence: the reason for the outcome. */
  readonly why: string;
}

/** A finding with its log line, for the report. */
export interface QuotedFinding extends Finding {
  readonly text: string;
}
