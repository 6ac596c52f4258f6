import type { RuleId } from '../rules/catalogue.ts';

/** A spelling that is tried of a rule: the rule alone, or `RULE/VARIANT`. */
export type TechniqueId = RuleId | `${RuleId}/${string}`;

/**
 * - `relays`: the canary was reached through the server, or what only the canary says came back; for mail, a recipient
 *   of a third party was accepted.
 * - `refuses`: an error status, a refusal of the protocol, or the connection closed.
 * - `answers-itself`: an answer of the server's own, whatever its status, and the canary was not reached.
 * - `unclear`: none of these can be told.
 */
export type Result = 'relays' | 'refuses' | 'answers-itself' | 'unclear';

/** What one technique did at one port. */
export interface Finding {
  readonly technique: TechniqueId;
  /** `HOST:PORT` of the audited server. */
  readonly target: string;
  /** The one of its addresses that was asked. */
  readonly address: string;
  readonly result: Result;
  /** What was seen, in one line. */
  readonly why: string;
  /** The directive that fixes it; null if there is nothing to fix. */
  readonly fix: string | null;
  /** The rule that would have been broken. */
  readonly rule: RuleId;
  /** What was asked, in one line: the request line with the header that matters, or the command. */
  readonly sent: string;
}

/** A finding before its fix is looked up. */
export type Outcome = Pick<Finding, 'result' | 'why'>;

export const ruleOf = (technique: TechniqueId): RuleId => technique.split('/')[0] as RuleId;
