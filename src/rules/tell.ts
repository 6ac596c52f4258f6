/** What is told to people about a verdict, in one sentence. */
import { catalogue, type Rule, type RuleId } from './catalogue.ts';
import type { Wanted } from './intent.ts';

/** `host:port/path` of what was wanted, bounded; null where nothing is named. */
export function destination(wanted: Wanted): string | null {
  if (wanted.host === '') return null;
  const port = wanted.port === null ? '' : `:${wanted.port}`;
  const path = wanted.path === '/' ? '' : wanted.path;
  return `${wanted.host}${port}${path}`.slice(0, 512);
}

/** One sentence: what the sender wanted. */
export function wantedSentence(rule: RuleId, wanted: Wanted): string {
  const { seeks } = catalogue[rule] as Rule;
  const to = destination(wanted);
  return `The sender wanted ${seeks}${to === null ? '' : `: ${to}`}.`;
}
