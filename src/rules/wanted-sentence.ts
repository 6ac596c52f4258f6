/** The sentence that explains a verdict to people. */
import { catalogue, type Rule, type RuleId } from './catalogue.ts';
import type { Wanted } from './intent.ts';

/** The destination as the sender wrote it, clipped; null if none is named. */
export function destination(wanted: Wanted): string | null {
  return wanted.text === '' ? null : wanted.text.slice(0, 512);
}

/** What the sender wanted; for some rules with a hint for operators, in case the client is one of their own. */
export function wantedSentence(rule: RuleId, wanted: Wanted): string {
  const { seeks, hint } = catalogue[rule] as Rule;
  const to = destination(wanted);
  const named =
    wanted.protocol === undefined
      ? seeks
      : seeks.replace('another protocol', `another protocol (${wanted.protocol})`);
  return `The sender wanted ${named}${to === null ? '' : `: ${to}`}.${hint === undefined ? '' : ` ${hint}`}`;
}
