/** Judges the bytes of an event again by the current policy, and locates the signals in them. */
import { explain } from '../explain/explain.ts';
import type { Action, Answer, RuleId } from '../rules/catalogue.ts';
import type { Policy } from '../rules/policy.ts';
import { unescapeBytes } from './escaped-bytes.ts';

export interface Rejudged {
  readonly verdict: Action;
  readonly rule: RuleId | null;
  readonly answer: Answer | null;
  /** One sentence. */
  readonly why: string;
  readonly signals: readonly {
    readonly rule: RuleId;
    readonly action: Action;
    /** What was seen. */
    readonly what: string;
    /** Offsets in the escaped text of the event. */
    readonly start: number;
    readonly end: number;
  }[];
}

/** @param escaped `bytes` of an event; redacted parts are judged in their redacted form */
export function rejudge(escaped: string, policy: Policy): Rejudged {
  const { bytes, offsets } = unescapeBytes(escaped);
  const { verdict, signals, why } = explain(bytes, policy);
  return {
    verdict: verdict.action,
    rule: verdict.rule,
    answer: verdict.answer,
    why,
    signals: signals.map(({ rule, action, what, offset, length }) => ({
      rule,
      action,
      what,
      start: offsets[offset] ?? escaped.length,
      end: offsets[offset + length] ?? escaped.length,
    })),
  };
}
