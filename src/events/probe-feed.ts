/** What a guard tells the plugins beside it: every event, and its counts. */
import { codedError } from '../errors.ts';
import { Counters } from './counters.ts';
import type { EventSink, ProbeEvent } from './event.ts';

export class ProbeFeed {
  /** Of requests, by site and verdict. */
  readonly counters = new Counters();
  readonly #sinks = new Set<EventSink>();

  /** @param sink called while the request is served, so it must not block */
  listen(sink: EventSink): void {
    this.#sinks.add(sink);
  }

  tell(event: ProbeEvent): void {
    for (const sink of this.#sinks) sink(event);
  }
}

/** The error of a plugin that stands where no guard is. */
export const noGuard = (plugin: string): Error =>
  codedError(
    'SEKISHO_ERR_NO_GUARD',
    `${plugin}: there is no relayGuard in this app. register it first, at the root: ` +
      "await app.register(relayGuard, { hosts: ['www.example.net'] })",
  );
