/** A page of the journal in one go. */
import type { DatabaseSync } from 'node:sqlite';
import { type EventFilter, type EventPage, pageSteps } from '../../src/events/journal-query.ts';

/** @param before `next` of the previous page */
export function eventPage(
  db: DatabaseSync,
  filter: EventFilter,
  limit: number,
  before: string | null,
): EventPage {
  const steps = pageSteps(db, filter, limit, before, () => false);
  for (;;) {
    const { value, done } = steps.next();
    if (done === true) return value;
  }
}
