/** What happened, in a sentence or two: the first thing that is read. */
import type { SummaryAnswer } from './api.ts';
import { amount, intentWords, spanWords } from './words.ts';

/** Sources that a summary tells of at most. */
const mostSources = 50;

/** @param range length of the range, milliseconds */
export function headline(summary: SummaryAnswer, range: number): string {
  const { total, banned, rules, sources, intents } = summary;
  const when = `in the last ${spanWords(range)}`;
  if (total === 0)
    return banned === 0
      ? `No probes ${when}.`
      : `No new probes ${when}; banned clients were turned away ${banned === 1 ? 'once' : `${amount(banned)} times`}.`;
  const passed = rules.reduce((sum, { action, count }) => sum + (action === 'block' ? 0 : count), 0);
  const many = sources.length >= mostSources ? `${amount(mostSources)} or more` : amount(sources.length);
  const from = sources.length === 0 ? '' : ` from ${sources.length === 1 ? 'one source' : `${many} sources`}`;
  return `${total === 1 ? 'One probe' : `${amount(total)} probes`} ${when}${from}, ${fateWords(total, passed)}. ${wanted(intents)}`;
}

function fateWords(total: number, passed: number): string {
  if (passed === 0) return total === 1 ? 'turned away' : 'all turned away';
  if (passed === total)
    return total === 1 ? 'served as harmless and flagged' : 'all served as harmless and flagged';
  return `${amount(total - passed)} turned away, ${amount(passed)} served as harmless and flagged`;
}

/** The two that were wanted most; a page of the web is what all the rest wanted, and says the least. */
function wanted(intents: SummaryAnswer['intents']): string {
  const telling = intents.filter(({ intent }) => intent !== 'web').slice(0, 2);
  if (telling.length === 0) return '';
  const parts = telling.map(({ intent, count }) => `${amount(count)} wanted ${intentWords(intent)}`);
  return `${parts.join(', ')}.`;
}
