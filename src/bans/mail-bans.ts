/**
 * Bans that hold at the mail guard alone. One address of a mail provider sends for everybody, and anybody can make it name a
 * recipient that is refused here. So what counts is a whole session of nothing else, and only of a client that has not had
 * mail delivered lately; a ban is short beside the five days that a sender keeps mail for; and it does not reach HTTP.
 */
import { clientPrefix } from '../address/ip.ts';
import type { RuleId } from '../rules/catalogue.ts';
import { BanLedger, type LedgerOptions } from './ledger.ts';

/** Milliseconds that a ban from mail lasts at most. RFC 5321 section 4.5.4.1: senders retry for four to five days. */
const longestTerm = 3_600_000;
/** Milliseconds that a delivered mail speaks for its client. */
const credit = 86_400_000;
/** Clients remembered for a delivered mail: in two generations of this many, the older one forgotten whole. */
const remembered = 50_000;

type Rules = Pick<LedgerOptions, 'after' | 'within' | 'for' | 'exempt' | 'prefix6'>;

export class MailBans {
  readonly ledger: BanLedger;
  readonly #elapsed: () => number;
  readonly #remembered: number;
  #young = new Map<string, number>();
  #old = new Map<string, number>();

  /**
   * @param elapsed milliseconds, by a clock that nobody sets
   * @param most clients remembered in a generation
   */
  constructor(rules: Rules, clock: () => number, elapsed = clock, most: number = remembered) {
    this.ledger = new BanLedger({ ...shortened(rules), clock, elapsed });
    this.#elapsed = elapsed;
    this.#remembered = most;
  }

  /** Puts other settings in force; bans stay as they are. */
  replace(rules: Rules): void {
    this.ledger.replace(shortened(rules));
  }

  /** Counts a failed sign-in, for which delivered mail is no excuse, or a session of nothing but refused recipients. */
  readonly offend = (address: string, rule: RuleId): void => {
    const prefix = clientPrefix(address);
    if (prefix === null || (rule !== 'smtp-auth-failed' && this.#hasCredit(prefix))) return;
    this.ledger.offend(address, rule);
  };

  /** Remembers that mail of a client was delivered. */
  readonly delivered = (address: string): void => {
    const prefix = clientPrefix(address);
    if (prefix === null) return;
    this.#young.set(prefix, this.#elapsed());
    if (this.#young.size < this.#remembered) return;
    this.#old = this.#young;
    this.#young = new Map();
  };

  #hasCredit(prefix: string): boolean {
    const since = this.#young.get(prefix) ?? this.#old.get(prefix);
    return since !== undefined && since > this.#elapsed() - credit;
  }
}

const shortened = (rules: Rules): Rules & Pick<LedgerOptions, 'widest6'> => ({
  ...rules,
  // The servers of a mail provider are neighbours.
  widest6: 64,
  for: rules.for.map((term) => Math.min(term, longestTerm)),
});
