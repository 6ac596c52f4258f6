/**
 * Sign-ins, failed and successful, and volume sent, for each account. A stolen account shows by a rise in volume, password guessing by
 * failed sign-ins.
 */
import { GenerationalMap } from './generational-map.ts';

const hour = 3_600_000;
/** Accounts whose volume and networks are kept; the least recently used is evicted first. */
const mostAccounts = 20_000;
/** Client networks kept for an account. */
const mostNetworks = 16;
/** Account names with failed sign-ins, real or invented, in each of two generations. */
const mostNames = 50_000;
/** Fingerprints of failed credentials, in each of two generations. */
const mostFailures = 100_000;
/** Fewer recipients than this in an hour are never a rise. */
const ordinary = 100;
/** A rise is this many times the usual volume. */
const sudden = 5;

interface Sent {
  since: number;
  messages: number;
  recipients: number;
  /** Recipients in the busiest hour, less a tenth for each hour since. */
  usual: number;
  /** A rise in this hour has been reported. */
  reported: boolean;
}

interface Account {
  /** Client prefixes it has signed in from, the latest last. */
  readonly networks: Set<string>;
  sent: Sent;
}

export interface AccountLimits {
  readonly messages: number;
  readonly recipients: number;
  readonly failures: number;
}

export class Accounts {
  readonly #clock: () => number;
  readonly #onRise: (account: string, reason: string | null) => void;
  /** In order of last use, the latest last. */
  readonly #accounts = new Map<string, Account>();
  readonly #failures = new GenerationalMap<{ since: number; count: number }>(mostNames);
  readonly #seen = new GenerationalMap<true>(mostFailures);
  /** Accounts with a reported rise that is not over. */
  readonly #risen = new Set<string>();

  /**
   * @param clock milliseconds
   * @param onRise called when an account suddenly sends much more than before, and with null when that hour is over
   */
  constructor(clock: () => number, onRise: (account: string, reason: string | null) => void) {
    this.#clock = clock;
    this.#onRise = onRise;
  }

  /**
   * Whether a client may try to sign in. After too many failures in an hour only networks the account has signed in from before may:
   * guessing from a thousand addresses ends, and the owner is not locked out by it.
   *
   * @param prefix as `clientPrefix` writes it
   */
  mayTry(account: string, prefix: string, { failures }: AccountLimits): boolean {
    const failed = this.#failures.get(account);
    if (failed === undefined || failed.since <= this.#clock() - hour || failed.count < failures) return true;
    return this.#accounts.get(account)?.networks.has(prefix) === true;
  }

  /**
   * Counts a failed try.
   *
   * @param fingerprint of the credential; a program that retries an old password counts once
   * @returns whether this failure counted
   */
  failed(account: string, fingerprint: string | null): boolean {
    if (fingerprint !== null) {
      if (this.#seen.get(fingerprint) !== undefined) return false;
      this.#seen.set(fingerprint, true);
    }
    const now = this.#clock();
    const known = this.#failures.get(account);
    if (known === undefined || known.since <= now - hour)
      this.#failures.set(account, { since: now, count: 1 });
    else known.count++;
    return true;
  }

  succeeded(account: string, prefix: string): void {
    const { networks } = this.#account(account);
    networks.delete(prefix);
    networks.add(prefix);
    if (networks.size > mostNetworks) networks.delete(networks.values().next().value!);
  }

  /** Counts a message if the account is below its hourly limit. @returns whether it is */
  mayBegin(account: string, { messages }: AccountLimits): boolean {
    const sent = this.#sent(account);
    if (sent.messages >= messages) return false;
    sent.messages++;
    return true;
  }

  /** Counts a recipient if the account is below its hourly limit. @returns whether it is */
  mayAdd(account: string, { recipients }: AccountLimits): boolean {
    const sent = this.#sent(account);
    if (sent.recipients >= recipients) return false;
    sent.recipients++;
    if (!sent.reported && sent.recipients >= Math.max(ordinary, sent.usual * sudden)) {
      sent.reported = true;
      this.#risen.add(account);
      const before =
        sent.usual === 0 ? 'none before' : `${Math.round(sent.usual)} in its busiest hour before`;
      this.#onRise(account, `${sent.recipients} recipients within an hour, ${before}`);
    }
    return true;
  }

  /** Ends the rises whose hour is over. Call it every minute or so. */
  tick(): void {
    for (const account of this.#risen) {
      const since = this.#accounts.get(account)?.sent.since ?? 0;
      if (since > this.#clock() - hour) continue;
      this.#risen.delete(account);
      this.#onRise(account, null);
    }
  }

  #account(name: string): Account {
    const now = this.#clock();
    const known = this.#accounts.get(name) ?? {
      networks: new Set(),
      sent: { since: now, messages: 0, recipients: 0, usual: 0, reported: false },
    };
    this.#accounts.delete(name);
    this.#accounts.set(name, known);
    if (this.#accounts.size > mostAccounts) this.#accounts.delete(this.#accounts.keys().next().value!);
    return known;
  }

  #sent(name: string): Sent {
    const account = this.#account(name);
    const now = this.#clock();
    const { since, recipients, usual } = account.sent;
    if (since <= now - hour) {
      const faded = usual * 0.9 ** Math.floor((now - since) / hour);
      account.sent = {
        since: now,
        messages: 0,
        recipients: 0,
        usual: Math.max(recipients, faded),
        reported: false,
      };
    }
    return account.sent;
  }
}
