/**
 * What a record must be before it is in force here. A ban made here and one that comes from the store of a fleet or from the
 * journal pass the same gate: whoever may write to the store could otherwise ban everybody with one record that no list
 * shows and nobody can take back.
 */
import { parsePrefix } from '../address/ip.ts';
import type { PrefixSet } from '../address/prefix-set.ts';
import type { Ban } from './ban.ts';
import { banPrefix } from './ban-prefix.ts';

/** The widest prefix of a ban, in bits. Two bans of a /1 are everybody as well; what must be wider goes into a list file. */
export const widest = { 4: 8, 6: 16 } as const;
/** The widest prefix that probes lead to a ban of: the one by which a client is counted. */
const widestClient = { 4: 32, 6: 32 } as const;

/**
 * Milliseconds that the time of a decision may lie ahead. A decision from the far future would hold for ever: no later one
 * could take its place.
 */
export const mostAhead = 5 * 60_000;

export interface GateRules {
  /** The longest ban that probes lead to, milliseconds. */
  readonly longest: number;
  /** The allow-list, and the trusted proxies. */
  readonly exempt: PrefixSet;
}

/** Why a record is not taken. */
export interface Refusal {
  readonly prefix: string;
  /** In words, for the log. */
  readonly why: string;
  /** No gateway may take it, whatever its config says, so that it is of no use in the store either. */
  readonly poisoned: boolean;
}

/** What is wrong with a record for every gateway and at every time; null: nothing. */
export function fault({ prefix, by }: Pick<Ban, 'prefix' | 'by'>): string | null {
  const parsed = parsePrefix(prefix);
  if (parsed === null || parsed.length === 0) return 'is no prefix that can be banned';
  if (banPrefix(prefix) !== prefix) return 'is not the canonical spelling of its prefix';
  if (parsed.length < widest[parsed.family]) return `is wider than a /${widest[parsed.family]}`;
  if (by === 'probes' && parsed.length < widestClient[parsed.family])
    return 'is wider than one client, and probes ban one client at a time';
  return null;
}

/** @returns the record as it may be in force here, its term within bounds; or why it may not */
export function admit(ban: Ban, { longest, exempt }: GateRules, now: number): Ban | Refusal {
  const { prefix, by, until, changed } = ban;
  const wrong = fault(ban);
  if (wrong !== null) return { prefix, why: wrong, poisoned: true };
  if (changed > now + mostAhead)
    return {
      prefix,
      why: `was decided in the future (${new Date(changed).toISOString()}): compare the clocks`,
      poisoned: true,
    };
  if (until > now && exempt.covers(parsePrefix(prefix)!))
    return { prefix, why: 'is on the allow-list here, or a trusted proxy', poisoned: false };
  return by === 'probes' && until > changed + longest ? { ...ban, until: changed + longest } : ban;
}

export const isRefusal = (admitted: Ban | Refusal): admitted is Refusal => 'poisoned' in admitted;
