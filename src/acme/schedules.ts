/** What is known of the orders for each host: kept in the folder, so that it outlives a restart. */
import type { Store } from './store.ts';

export interface Schedule {
  /** Orders that failed since the last that did not. */
  readonly failures: number;
  /** No order before this moment, milliseconds since the epoch. */
  readonly next: number;
  /** Why the last order failed; null: it did not. */
  readonly trouble: string | null;
  /** The directory of the authority that issued the certificate; null: not known. */
  readonly directory: string | null;
}

/** The longest back-off of ours, milliseconds; an authority may ask for more. */
export const mostBackOff = 12 * 3_600_000;
/** The longest that an authority may ask us to wait, milliseconds. */
export const mostAsked = 7 * 24 * 3_600_000;

const nothing: Schedule = { failures: 0, next: 0, trouble: null, directory: null };

export class Schedules {
  readonly #store: Store;
  #known = new Map<string, Schedule>();

  constructor(store: Store) {
    this.#store = store;
  }

  /** Back-off outlives a restart: a program that is started again and again would else use the limits of the authority up. */
  read(now: number): void {
    const state = this.#store.readState();
    if (typeof state !== 'object' || state === null) return;
    this.#known = new Map(
      Object.entries(state).map(([host, value]) => [host, scheduleOf(value ?? {}, now)] as const),
    );
  }

  of(host: string): Schedule {
    return this.#known.get(host) ?? nothing;
  }

  /** @throws Error where it can't be written */
  set(host: string, schedule: Schedule): void {
    this.#known.set(host, schedule);
    this.#save();
  }

  /** Hosts of another config are forgotten. @returns those of them that were in trouble */
  keep(hosts: readonly string[]): string[] {
    const gone = [...this.#known].filter(([host]) => !hosts.includes(host));
    for (const [host] of gone) this.#known.delete(host);
    if (gone.length > 0) this.#save();
    return gone.filter(([, { trouble }]) => trouble !== null).map(([host]) => host);
  }

  #save(): void {
    this.#store.saveState(Object.fromEntries(this.#known));
  }
}

/** The file may be of another version, and the clock may have been wrong when it was written. */
function scheduleOf(value: object, now: number): Schedule {
  const { failures, next, trouble, directory } = value as Record<string, unknown>;
  return {
    failures: Number.isInteger(failures) ? Math.max(0, Number(failures)) : 0,
    next: Number.isFinite(next) ? Math.min(Number(next), now + mostAsked) : 0,
    trouble: typeof trouble === 'string' ? trouble : null,
    directory: typeof directory === 'string' ? directory : null,
  };
}
