/** What is told to people about a verdict, in one sentence. */
import { catalogue, type Rule, type RuleId } from './catalogue.ts';
import type { Wanted } from './intent.ts';

/** What was wanted as the sender wrote it, bounded; null where nothing is named. */
export function destination(wanted: Wanted): string | null {
  return wanted.text === '' ? null : wanted.text.slice(0, 512);
}

/** One sentence: what the sender wanted; and for some rules another one, to operators whose own client that was. */
export function wantedSentence(rule: RuleId, wanted: Wanted): string {
  const { seeks, hint } = catalogue[rule] as Rule;
  const to = destination(wanted);
  return `The sender wanted ${seeks}${to === null ? '' : `: ${to}`}.${hint === undefined ? '' : ` ${hint}`}`;
}
