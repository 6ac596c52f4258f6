/** An alert, before it is formatted for a receiver. */

export type AlertKind = 'first' | 'rate' | 'ban' | 'passed' | 'summary' | 'daily' | 'test' | TroubleKind;

/** Things of ours that can fail. */
export type TroubleKind = 'backend' | 'journal' | 'account' | 'certificate' | 'certificate-file' | 'ocsp';

export interface AlertMessage {
  /** Unique id, so that a receiver can recognise a repeated delivery. */
  readonly id: string;
  readonly kind: AlertKind;
  /** `trouble`: somebody should look; `notice`: good to know; `relief`: it is over. */
  readonly level: 'trouble' | 'notice' | 'relief';
  /** Milliseconds since the epoch. */
  readonly time: number;
  /** Name of the checkpoint. */
  readonly from: string;
  /** One short line. */
  readonly title: string;
  /** The details, most important first. Text from senders is printable ASCII only. */
  readonly lines: readonly string[];
  /** The last line: time and checkpoint. */
  readonly signed: string;
  /** Link to the dashboard; null: `admin.url` is not set. */
  readonly link: string | null;
  /** The same for machines. */
  readonly facts: Readonly<Record<string, unknown>>;
}

/**
 * Rewrites a host or URL chosen by an attacker so that no program turns it into a link: phones and mail scanners would fetch it.
 */
export const defanged = (text: string): string =>
  text
    .slice(0, 120)
    .replaceAll('://', '[:]//')
    .replace(/\.(?=[^\s./:])/g, '[.]')
    .replaceAll('@', '[at]');
