/** The filter of a query for events. */
import type { EventFilter } from '../events/journal-query.ts';
import { moment } from './moment.ts';

/** @returns the filter, or what is wrong with it */
export function eventFilter({
  from,
  to,
  ...rest
}: Omit<EventFilter, 'from' | 'to'> & { from?: string | undefined; to?: string | undefined }):
  | EventFilter
  | string {
  const times: { from?: number; to?: number } = {};
  for (const [name, text] of Object.entries({ from, to }) as ['from' | 'to', string | undefined][]) {
    if (text === undefined) continue;
    const time = moment(text);
    if (time === null) return `${name} is not a time: write ISO 8601, such as 2026-01-31T12:00:00Z`;
    times[name] = time;
  }
  return { ...rest, ...times };
}
