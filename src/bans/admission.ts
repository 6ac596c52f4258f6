/**
 * Checks every ban record before it takes effect, whether it was made here or comes from the fleet's store or the journal.
 * Without this, anyone able to write to the store could ban every client with one record that no command lists or removes.
 */
import { parsePrefix } from '../address/ip.ts';
import type { PrefixSet } from '../address/prefix-set.ts';
import type { Ban } from './ban.ts';
import { banPrefix } from './ban-prefix.ts';

/** The shortest prefix length a ban may have. Two bans of a /1 would cover every address too; wider prefixes belong in a list file. */
export const widest = { 4: 8, 6: 16 } as const;
/** The shortest prefix length accepted in a ban for probes. Probes themselves never ban more than an IPv6 /48. */
const widestClient = { 4: 32, 6: 32 } as const;

/**
 * How far in the future a decision may be dated, in milliseconds. One from the far future could never be superseded and would
 * hold for ever.
 */
export const mostAhead = 5 * 60_000;

export interface AdmissionRules {
  /** The longest ban for probes, in milliseconds. */
  readonly longest: number;
  /** The allow-list and the trusted proxies. */
  readonly exempt: PrefixSet;
}

/** Why a record was refused. */
export interface Refusal {
  readonly prefix: string;
  /** In words, for the log. */
  readonly why: string;
  /** Whether every gateway must refuse the record, whatever its config, so that it should be deleted from the store too. */
  readonly poisoned: boolean;
}

/** The fault that makes a record unacceptable to every gateway at any time; null: none. */
export function fault({ prefix, by }: Pick<Ban, 'prefix' | 'by'>): string | null {
  const parsed = parsePrefix(prefix);
  const canonical = canonicalPrefix(prefix);
  if (parsed === null || canonical === null) return 'is not a prefix that can be banned';
  if (canonical !== prefix) return 'is not the canonical spelling of its prefix';
  if (parsed.length < widest[parsed.family]) return `is wider than a /${widest[parsed.family]}`;
  if (by === 'probes' && parsed.length < widestClient[parsed.family])
    return 'is wider than one client, and probes ban one client at a time';
  return null;
}

function canonicalPrefix(text: string): string | null {
  try {
    return banPrefix(text);
  } catch {
    return null;
  }
}

/** @returns the record with its term within bounds, ready to take effect; or why it is refused */
export function admit(ban: Ban, { longest, exempt }: AdmissionRules, now: number): Ban | Refusal {
  const { prefix, by, until, changed } = ban;
  const wrong = fault(ban);
  if (wrong !== null) return { prefix, why: wrong, poisoned: true };
  if (changed > now + mostAhead)
    return {
      prefix,
      why: `is dated in the future (${new Date(changed).toISOString()}): compare the clocks`,
      poisoned: true,
    };
  if (until > now && exempt.covers(parsePrefix(prefix)!))
    return { prefix, why: 'is on the allow-list here, or is a trusted proxy', poisoned: false };
  return by === 'probes' && until > changed + longest ? { ...ban, until: changed + longest } : ban;
}

export const isRefusal = (admitted: Ban | Refusal): admitted is Refusal => 'poisoned' in admitted;
