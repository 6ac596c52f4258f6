/** The events and counters of a guard, for the plugins beside it. */
import { codedError } from '../errors.ts';
import { Counters } from './counters.ts';
import type { EventSink, ProbeEvent } from './event.ts';

export class ProbeFeed {
  /** Requests by site and verdict. */
  readonly counters = new Counters();
  readonly #sinks = new Set<EventSink>();

  /** @param sink called while the request is served, so it must not block */
  listen(sink: EventSink): void {
    this.#sinks.add(sink);
  }

  emit(event: ProbeEvent): void {
    for (const sink of this.#sinks) sink(event);
  }
}

/** The error of a plugin in an app without relayGuard. */
export const noGuard = (plugin: string): Error =>
  codedError(
    'SEKISHO_ERR_NO_GUARD',
    `${plugin}: this app has no relayGuard. Register it first, at the root: ` +
      "await app.register(relayGuard, { hosts: ['www.example.net'] })",
  );
