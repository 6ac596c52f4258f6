import type { Answer, RuleId } from '../rules/catalogue.ts';

/** A part of a request: the request line as sent, the Host line, or a header by its lower-case name. */
export type RequestPart = 'line' | 'host' | (string & {});

/** Parts joined with `|`, and expressions of which one must match; they need no flag but that for case. */
export interface TextMatch {
  readonly of: readonly RequestPart[];
  readonly any: readonly string[];
  /** Match case. @default case is ignored */
  readonly exactCase?: boolean;
}

/** A header that is present, whatever its value. */
export interface PresenceMatch {
  readonly present: string;
}

export type Match = TextMatch | PresenceMatch;

export const isPresence = (match: Match): match is PresenceMatch => 'present' in match;

/** One way in which a rule matches: all of `when` and none of `unless`; at most one of the two is empty. */
export interface Check {
  readonly rule: RuleId;
  readonly answer: Answer;
  readonly when: readonly Match[];
  readonly unless: readonly Match[];
  /** Clients exempt from the check: trusted proxies and the allow-list, which may name the server by its address. */
  readonly exempt?: readonly string[];
}
