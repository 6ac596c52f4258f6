import type { AlertKind } from './message.ts';

/** What a message is about. */
export interface AlertPlace {
  readonly kind: AlertKind;
  /** The id of its event in the journal; none: it is not written (yet). */
  readonly event?: number | undefined;
  readonly rule?: string | undefined;
  /** The prefix of the one client that it is about. */
  readonly client?: string | undefined;
}

/** Where the dashboard shows it: the event itself, or the client; a view only where it is about many. */
export function placeOf({ kind, event, rule, client }: AlertPlace): string {
  switch (kind) {
    case 'backend':
    case 'journal':
    case 'certificate':
      return 'health';
    case 'ban':
      return client === undefined ? 'bans' : `client/${encodeURIComponent(client)}`;
    case 'daily':
    case 'test':
      return 'now';
    default:
      if (event !== undefined) return `event/${event}`;
      return rule === undefined ? 'events' : `events?rule=${encodeURIComponent(rule)}`;
  }
}
