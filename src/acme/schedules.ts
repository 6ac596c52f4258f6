/** When each host's next order is due, kept in the folder across restarts. */
import type { AcmeFolder } from './acme-folder.ts';

export interface Schedule {
  /** Failed orders since the last successful one. */
  readonly failures: number;
  /** No order before this moment, milliseconds since the epoch. */
  readonly next: number;
  /** Why the last order failed; null: it did not. */
  readonly trouble: string | null;
  /** The directory of the authority that issued the certificate; null: unknown. */
  readonly directory: string | null;
}

/** The longest back-off, in milliseconds; an authority may ask for more. */
export const mostBackOff = 12 * 3_600_000;
/** The longest wait accepted from an authority, in milliseconds. */
export const mostAsked = 7 * 24 * 3_600_000;

const nothing: Schedule = { failures: 0, next: 0, trouble: null, directory: null };

export class Schedules {
  readonly #store: AcmeFolder;
  #known = new Map<string, Schedule>();

  constructor(store: AcmeFolder) {
    this.#store = store;
  }

  /** Loads the schedules. Back-off survives restarts, or a program restarted in a loop would exhaust the authority's rate limits. */
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

  /** @throws Error if the file can't be written */
  set(host: string, schedule: Schedule): void {
    this.#known.set(host, schedule);
    this.#save();
  }

  /** Forgets all other hosts. @returns those of them that were in trouble */
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

/** Validates an entry: another version may have written it, or with a wrong clock. */
function scheduleOf(value: object, now: number): Schedule {
  const { failures, next, trouble, directory } = value as Record<string, unknown>;
  return {
    failures: Number.isInteger(failures) ? Math.max(0, Number(failures)) : 0,
    next: Number.isFinite(next) ? Math.min(Number(next), now + mostAsked) : 0,
    trouble: typeof trouble === 'string' ? trouble : null,
    directory: typeof directory === 'string' ? directory : null,
  };
}
