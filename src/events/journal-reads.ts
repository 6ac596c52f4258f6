/** Runs the queries of the journal; a long search yields to others between its steps. */
import type { DatabaseSync } from 'node:sqlite';
import { setImmediate as yieldToOthers } from 'node:timers/promises';
import { clientHistory } from './journal-client.ts';
import { networks } from './journal-networks.ts';
import { type EventFilter, eventById, eventsInFull, pageSteps } from './journal-query.ts';
import { summary } from './journal-summary.ts';

/** A query. Plain data. */
export type JournalRead =
  | {
      readonly op: 'page';
      readonly filter: EventFilter;
      readonly limit: number;
      readonly before: string | null;
    }
  | { readonly op: 'event'; readonly id: number }
  | { readonly op: 'client'; readonly prefix: string }
  | { readonly op: 'full'; readonly filter: EventFilter; readonly limit: number }
  | { readonly op: 'summary' | 'networks'; readonly from: number; readonly to: number };

/** Milliseconds after which a search returns what it has found so far. */
const searchTime = 700;

/** @param cancelled whether the result is no longer needed */
export async function read(
  db: DatabaseSync,
  request: JournalRead,
  cancelled: () => boolean,
): Promise<unknown> {
  switch (request.op) {
    case 'page': {
      const end = performance.now() + searchTime;
      const late = (): boolean => performance.now() > end || cancelled();
      const steps = pageSteps(db, request.filter, request.limit, request.before, late);
      for (;;) {
        const { value, done } = steps.next();
        if (done === true) return value;
        await yieldToOthers();
      }
    }
    case 'event':
      return eventById(db, request.id);
    case 'client':
      return clientHistory(db, request.prefix);
    case 'full':
      return eventsInFull(db, request.filter, request.limit);
    case 'summary':
      return cancelled() ? null : summary(db, request.from, request.to);
    case 'networks':
      return cancelled() ? null : networks(db, request.from, request.to);
  }
}
