import type { PrefixRanges } from './prefix-list.ts';

/** A ban as it is kept, shared and shown. Plain data, safe to serialise. */
export interface Ban {
  /** Canonical prefix: a client's (IPv4 /32, IPv6 /64), or a wider one. */
  readonly prefix: string;
  /** When it began; milliseconds since the epoch, like every time here. */
  readonly since: number;
  /** When it ends, or ended; `forever` for one without an end. */
  readonly until: number;
  /** When this was last decided. Of two records of a prefix the later decision is in force. */
  readonly changed: number;
  /** Which ban of this prefix it is, 1 or more; decides how long the next one lasts. 0: taken back by an operator. */
  readonly level: number;
  readonly by: BanMaker;
  /** The rule that was seen last, or the operator's words. */
  readonly reason: string;
}

export const banMakers = ['probes', 'operator'] as const;
/** Who banned: the ledger, for repeated probes, or a person. */
export type BanMaker = (typeof banMakers)[number];

/** The last time a `Date` can hold. */
export const forever = 8_640_000_000_000_000;

/** The end of a ban as it is told: null where it has none. */
export const endOf = ({ until }: Pick<Ban, 'until'>): number | null => (until >= forever ? null : until);

/** A reason as it is kept: it is shown on terminals, and written into the configs of other programs. */
export const printableReason = (text: string): string =>
  text.slice(0, reasonLimit).replace(/[^\x20-\x7e]/g, '?');

/** The longest reason that is kept, in characters. */
export const reasonLimit = 200;

/** What happened to the bans. A worker that applies every change in order holds what the ledger holds. */
export type BanChange =
  | { readonly kind: 'added' | 'removed'; readonly ban: Ban }
  /** The imported lists were read anew; they stand for what they replace. */
  | { readonly kind: 'lists'; readonly ranges: PrefixRanges };

/** Who decided a change: this process, another gateway of the fleet, or an earlier run. */
export type ChangeOrigin = 'here' | 'fleet' | 'journal';

/**
 * Whether one record replaces another of the same prefix: the later decision, and of two at the same instant the longer
 * ban, so that every gateway comes to the same end in whatever order it hears of them.
 */
export const supersedes = (
  ban: Pick<Ban, 'changed' | 'until'>,
  known: Pick<Ban, 'changed' | 'until'>,
): boolean => ban.changed > known.changed || (ban.changed === known.changed && ban.until > known.until);

/**
 * Reads a ban that came from a file or over the network.
 *
 * @returns null where it is none
 */
export function readBan(value: unknown): Ban | null {
  if (typeof value !== 'object' || value === null) return null;
  const { prefix, since, until, changed, level, by, reason } = value as Record<keyof Ban, unknown>;
  const times = [since, until, changed];
  if (typeof prefix !== 'string' || typeof reason !== 'string') return null;
  if (
    !times.every((time) => Number.isSafeInteger(time) && (time as number) >= 0 && (time as number) <= forever)
  )
    return null;
  if (!Number.isInteger(level) || (level as number) < 0 || (level as number) > 255) return null;
  if (!banMakers.includes(by as BanMaker)) return null;
  return {
    prefix,
    since: since as number,
    until: until as number,
    changed: changed as number,
    level: level as number,
    by: by as BanMaker,
    reason: printableReason(reason),
  };
}
