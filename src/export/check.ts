import type { Answer, RuleId } from '../rules/catalogue.ts';

/** What a server knows of a request: its request line as sent, its Host line, or a header by its lower-case name. */
export type Part = 'line' | 'host' | (string & {});

/** Parts joined with `|`, and the expressions of which one must match. None needs a flag other than that for case. */
export interface TextMatch {
  readonly of: readonly Part[];
  readonly any: readonly string[];
  /** Capitals count. @default they do not */
  readonly exactCase?: boolean;
}

/** A header that is there, whatever it holds. */
export interface PresenceMatch {
  readonly present: string;
}

export type Match = TextMatch | PresenceMatch;

export const isPresence = (match: Match): match is PresenceMatch => 'present' in match;

/** One way in which a rule is seen: all of `when`, and none of `unless`; not both are empty. */
export interface Check {
  readonly rule: RuleId;
  readonly answer: Answer;
  readonly when: readonly Match[];
  readonly unless: readonly Match[];
  /** Not for these clients: trusted proxies and the allow-list, which may name the server by its address. */
  readonly exempt?: readonly string[];
}
