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
  /** The rest, a line each, most important first. Printable ASCII. */
  readonly lines: readonly string[];
  /** Where the dashboard shows it; null: `admin.url` is not set. */
  readonly link: string | null;
  /** The same for machines. */
  readonly facts: Readonly<Record<string, unknown>>;
}

/** What to do about it, a line; relief asks for nothing. */
export const advice: Readonly<Partial<Record<AlertKind, string>>> = {
  first: 'What to do: nothing, it was kept out; look at the event if the client should be let in',
  rate: 'What to do: nothing is passed on; ban the source for longer if it stays, and see that bans are on',
  ban: 'What to do: nothing; if it is one of yours: sekisho bans remove PREFIX, and add it to bans.allow',
  passed: 'What to do: see what the backend answered, and set the rule to block if that is no need of yours',
  backend: 'What to do: see whether the backend runs, and what its own log says',
  journal: 'What to do: see that the disk is not full, and that the file may be written',
  account: 'What to do: change the password of the account, and look through what it sent',
};

/** The view of the dashboard that shows it. */
export const viewOf = (kind: AlertKind): string =>
  kind === 'backend' || kind === 'journal' ? 'health' : kind === 'ban' ? 'bans' : 'events';

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
