/** A message to people, before it is shaped for where it goes. */

export type AlertKind = 'first' | 'rate' | 'ban' | 'passed' | 'summary' | 'backend' | 'journal' | 'account';

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
  /** The rest, a line each, most important first. Printable ASCII. */
  readonly lines: readonly string[];
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

/** `12,345`. */
export const amount = (count: number): string => String(count).replace(/\B(?=(?:\d{3})+$)/g, ',');

/** `1 probe`, `2 probes`. */
export const counted = (count: number, noun: string): string =>
  `${amount(count)} ${noun}${count === 1 ? '' : 's'}`;

/** `45 s`, `12 min`, `3 h`. @param ms milliseconds */
export function spell(ms: number): string {
  const seconds = Math.max(1, Math.round(ms / 1000));
  if (seconds < 120) return `${seconds} s`;
  if (seconds < 7200) return `${Math.round(seconds / 60)} min`;
  return seconds < 172_800 ? `${Math.round(seconds / 3600)} h` : `${Math.round(seconds / 86_400)} days`;
}
