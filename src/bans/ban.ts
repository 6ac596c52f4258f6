import type { PrefixRanges } from './prefix-list.ts';

/** A ban as it is stored, shared and displayed. Plain data, safe to serialise. */
export interface Ban {
  /** Canonical prefix: a client's (IPv4 /32, IPv6 /64), or a wider one. */
  readonly prefix: string;
  /** When it began; milliseconds since the epoch, like every time here. */
  readonly since: number;
  /** When it ends or ended; `forever` if it has no end. */
  readonly until: number;
  /** When this was decided. Of two records for a prefix, the later decision is in force. */
  readonly changed: number;
  /** How many times this prefix has been banned; sets how long the next ban lasts. 0: pardoned by an operator. */
  readonly level: number;
  readonly by: BanMaker;
  /** The rule of the last probe, or the operator's words. */
  readonly reason: string;
}

export const banMakers = ['probes', 'operator'] as const;
/** Who made a ban: the ledger, for repeated probes, or a person. */
export type BanMaker = (typeof banMakers)[number];

/** The last time a `Date` can hold. */
export const forever = 8_640_000_000_000_000;

/** The end of a ban as it is reported; null: it has none. */
export const endOf = ({ until }: Pick<Ban, 'until'>): number | null => (until >= forever ? null : until);

/** Makes a reason safe to print on terminals and to write into other programs' configs: bounded, ASCII only. */
export const printableReason = (text: string): string =>
  text.slice(0, reasonLimit).replace(/[^\x20-\x7e]/g, '?');

/** The longest reason stored, in characters. */
export const reasonLimit = 200;

/** A change of the bans. A worker that applies every change in order holds the same bans as the ledger. */
export type BanChange =
  | { readonly kind: 'added' | 'removed'; readonly ban: Ban }
  /** The imported lists were reread; these ranges replace the previous ones. */
  | { readonly kind: 'lists'; readonly ranges: PrefixRanges };

/** Who decided a change: this process, another gateway of the fleet, or an earlier run. */
export type ChangeOrigin = 'here' | 'fleet' | 'journal';

/**
 * Whether a record replaces the known one for the same prefix. The later decision wins; of two made at the same instant, the
 * longer ban. All gateways thus agree, in whatever order the records reach them.
 */
export const supersedes = (
  ban: Pick<Ban, 'changed' | 'until'>,
  known: Pick<Ban, 'changed' | 'until'>,
): boolean => ban.changed > known.changed || (ban.changed === known.changed && ban.until > known.until);

/**
 * Validates a ban that was read from a file or received over the network.
 *
 * @returns null if it is not a ban
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
