import type { RuleId } from '../rules/catalogue.ts';

/** One way to break a rule: `RULE` or `RULE/VARIANT`. */
export type TechniqueId = RuleId | `${RuleId}/${string}`;

/**
 * - `relays`: the server connected to the canary, or returned the canary's answer; for mail, it accepted a recipient
 *   at a third party.
 * - `refuses`: an error status, a protocol-level refusal, or a closed connection.
 * - `answers-itself`: the server's own answer, whatever its status; the canary was not reached.
 * - `unclear`: none of these is certain.
 */
export type Result = 'relays' | 'refuses' | 'answers-itself' | 'unclear';

/** The outcome of one technique at one port. */
export interface Finding {
  readonly technique: TechniqueId;
  /** `HOST:PORT` of the audited server. */
  readonly target: string;
  /** The audited address. */
  readonly address: string;
  readonly result: Result;
  /** The evidence, in one line. */
  readonly why: string;
  /** The configuration change that closes the hole; null if there is none. */
  readonly fix: string | null;
  /** The rule that the technique breaks. */
  readonly rule: RuleId;
  /** What was sent, in one line: the request line with the header that matters, or the command. */
  readonly sent: string;
}

/** A finding before its fix is looked up. */
export type Outcome = Pick<Finding, 'result' | 'why'>;

export const ruleOf = (technique: TechniqueId): RuleId => technique.split('/')[0] as RuleId;
