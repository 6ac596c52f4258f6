import type { JournalRow } from '../events/journal-query.ts';
import type { Origin } from '../geo/origin.ts';
import type { ApiEvent } from './api-types.ts';

/** @param time milliseconds since the epoch */
export const iso = (time: number): string => new Date(time).toISOString();

/** An event in the form of the API. */
export function shown(row: JournalRow, origin: Origin): ApiEvent {
  const { first, last, rules, ...rest } = row;
  const { bytes: _, ...fields } = rest as typeof rest & { bytes?: string };
  return { ...fields, rules: [...rules], time: iso(first), last: iso(last), ...origin };
}
