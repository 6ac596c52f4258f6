/** The headline: what happened, in a sentence or two. */
import type { SummaryAnswer } from './api.ts';
import { t } from './language.ts';
import { intentWords, spanWords } from './words.ts';

/** Most sources in a summary. */
const mostSources = 50;

/** @param range length of the range, milliseconds */
export function headline(summary: SummaryAnswer, range: number): string {
  const { total, banned, rules, sources, intents } = summary;
  const span = spanWords(range);
  if (total === 0) return banned === 0 ? t.now.noProbes(span) : t.now.onlyBanned(span, banned);
  const passed = rules.reduce((sum, { action, count }) => sum + (action === 'block' ? 0 : count), 0);
  const fate =
    passed === 0
      ? t.now.allBlocked(total)
      : passed === total
        ? t.now.allFlagged(total)
        : t.now.fates(total - passed, passed);
  const many = sources.length >= mostSources;
  return t.now.probes(total, span, sources.length, many, fate) + t.now.wanted(wanted(intents));
}

/** The two most frequent intents, without `web`, which is common and says the least. */
const wanted = (intents: SummaryAnswer['intents']): { count: number; what: string }[] =>
  intents
    .filter(({ intent }) => intent !== 'web')
    .slice(0, 2)
    .map(({ intent, count }) => ({ count, what: intentWords(intent) }));
