/**
 * Bans that hold only at the mail guard. A provider's mail server sends for all its users, and any of them can make it name a
 * recipient that is refused here. So only a session in which every recipient was refused counts, and only from a client that
 * has delivered no mail lately. A ban is short beside the days for which senders retry, and does not apply to HTTP.
 */
import { clientPrefix } from '../address/ip.ts';
import type { RuleId } from '../rules/catalogue.ts';
import { BanLedger, type LedgerOptions } from './ledger.ts';

/** The longest mail ban, in milliseconds. RFC 5321 section 4.5.4.1: senders retry for four to five days. */
const longestTerm = 3_600_000;
/** How long a delivered mail exempts its client, in milliseconds. */
const credit = 86_400_000;
/** Clients with credit remembered per generation. There are two generations; the older one is forgotten as a whole. */
const remembered = 50_000;

type Rules = Pick<LedgerOptions, 'after' | 'within' | 'for' | 'exempt' | 'prefix6'>;

export class MailBans {
  readonly ledger: BanLedger;
  readonly #elapsed: () => number;
  readonly #remembered: number;
  #young = new Map<string, number>();
  #old = new Map<string, number>();

  /**
   * @param elapsed a monotonic clock, in milliseconds
   * @param most clients remembered per generation
   */
  constructor(rules: Rules, clock: () => number, elapsed = clock, most: number = remembered) {
    this.ledger = new BanLedger({ ...shortened(rules), clock, elapsed });
    this.#elapsed = elapsed;
    this.#remembered = most;
  }

  /** Applies other settings; existing bans stay as they are. */
  replace(rules: Rules): void {
    this.ledger.replace(shortened(rules));
  }

  /** Counts a session in which every recipient was refused, or a failed sign-in, which counts despite delivered mail. */
  readonly offend = (address: string, rule: RuleId): void => {
    const prefix = clientPrefix(address);
    if (prefix === null || (rule !== 'smtp-auth-failed' && this.#hasCredit(prefix))) return;
    this.ledger.offend(address, rule);
  };

  /** Remembers that a client's mail was delivered. */
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
  // A mail provider's servers are neighbours: a wider ban would hit innocent ones.
  widest6: 64,
  for: rules.for.map((term) => Math.min(term, longestTerm)),
});
