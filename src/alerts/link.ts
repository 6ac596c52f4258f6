import type { AlertKind } from './message.ts';

/** What a message is about. */
export interface AlertPlace {
  readonly kind: AlertKind;
  /** Journal id of its event; undefined: not written (yet). */
  readonly event?: number | undefined;
  readonly rule?: string | undefined;
  /** Prefix of the client, if it is about one. */
  readonly client?: string | undefined;
}

/** Its page of the dashboard: the event or the client; a list only if it is about many. */
export function placeOf({ kind, event, rule, client }: AlertPlace): string {
  switch (kind) {
    case 'backend':
    case 'journal':
    case 'certificate':
    case 'certificate-file':
    case 'ocsp':
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
