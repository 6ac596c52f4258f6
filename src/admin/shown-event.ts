import type { JournalRow } from '../events/journal-query.ts';
import type { Origin } from '../geo/origin.ts';
import type { ApiEvent } from './api-types.ts';

const iso = (time: number): string => new Date(time).toISOString();

/** An event as the API shows it. */
export function shown(row: JournalRow, origin: Origin): ApiEvent {
  const { first, last, rules, ...rest } = row;
  const { bytes: _, ...fields } = rest as typeof rest & { bytes?: string };
  return { ...fields, rules: [...rules], time: iso(first), last: iso(last), ...origin };
}
