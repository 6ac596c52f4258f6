/** A message to people, before it is shaped for where it goes. */

export type AlertKind = 'first' | 'rate' | 'ban' | 'passed' | 'summary' | 'daily' | 'test' | TroubleKind;

/** What of ours can be out of order. */
export type TroubleKind = 'backend' | 'journal' | 'account' | 'certificate';

export interface AlertMessage {
  /** Names the message, so that a receiver can tell a repeated delivery. */
  readonly id: string;
  readonly kind: AlertKind;
  /** `trouble`: somebody should look; `notice`: good to know; `relief`: it is over. */
  readonly level: 'trouble' | 'notice' | 'relief';
  /** Milliseconds since the epoch. */
  readonly time: number;
  /** The checkpoint that speaks. */
  readonly from: string;
  /** One short line. */
  readonly title: string;
  /** The rest, a line each, most important first: words of ours, and of senders printable ASCII alone. */
  readonly lines: readonly string[];
  /** When it was, and who tells it, as a line below. */
  readonly signed: string;
  /** Where the dashboard shows it; null: `admin.url` is not set. */
  readonly link: string | null;
  /** The same for machines. */
  readonly facts: Readonly<Record<string, unknown>>;
}

/**
 * A host or URL that an attacker chose, made so that no reader's program turns it into a link: phones and mail scanners
 * would otherwise fetch it.
 */
export const defanged = (text: string): string =>
  text
    .slice(0, 120)
    .replaceAll('://', '[:]//')
    .replace(/\.(?=[^\s./:])/g, '[.]')
    .replaceAll('@', '[at]');
