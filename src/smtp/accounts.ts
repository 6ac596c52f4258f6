/**
 * What is known of accounts: failed and successful sign-ins, and how much each sends. A stolen account sends more than it used
 * to; a guessed one is first guessed at.
 */
import { Recent } from './recent.ts';

const hour = 3_600_000;
/** Accounts remembered for what they sent and where they signed in from; those that have not for longest go first. */
const mostAccounts = 20_000;
/** Networks remembered of an account. */
const mostNetworks = 16;
/** Names that somebody failed to sign in with, real or made up, in a generation of two. */
const mostNames = 50_000;
/** Failed credentials remembered, in a generation of two. */
const mostFailures = 100_000;
/** Recipients in an hour that are no sudden rise, however few there were before. */
const ordinary = 100;
/** How many times as much as usual is one. */
const sudden = 5;

interface Sent {
  since: number;
  messages: number;
  recipients: number;
  /** The most recipients of an hour, less a tenth for each hour since. */
  usual: number;
  /** A rise of this hour has been told. */
  told: boolean;
}

interface Account {
  /** Client prefixes that it has signed in from, the latest last. */
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
  /** The one that did something last is last. */
  readonly #accounts = new Map<string, Account>();
  readonly #failures = new Recent<{ since: number; count: number }>(mostNames);
  readonly #seen = new Recent<true>(mostFailures);
  /** Accounts whose rise has been told and is not over. */
  readonly #risen = new Set<string>();

  /**
   * @param clock milliseconds
   * @param onRise told of an account that suddenly sends much more than it did, and with null when that hour is over
   */
  constructor(clock: () => number, onRise: (account: string, reason: string | null) => void) {
    this.#clock = clock;
    this.#onRise = onRise;
  }

  /**
   * Whether a client may try to sign in: not where the account has failed too often in the hour, unless it has signed in from
   * there before. So guessing from a thousand addresses ends, and its owner is not shut out by it.
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
   * @param fingerprint of the credential; the same one again is a program with an old password, and counts once
   * @returns whether it counts
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

  /** Counts a message, where the account may send one more in this hour. */
  mayBegin(account: string, { messages }: AccountLimits): boolean {
    const sent = this.#sent(account);
    if (sent.messages >= messages) return false;
    sent.messages++;
    return true;
  }

  /** Counts a recipient, where the account may have one more in this hour. */
  mayAdd(account: string, { recipients }: AccountLimits): boolean {
    const sent = this.#sent(account);
    if (sent.recipients >= recipients) return false;
    sent.recipients++;
    if (!sent.told && sent.recipients >= Math.max(ordinary, sent.usual * sudden)) {
      sent.told = true;
      this.#risen.add(account);
      const before =
        sent.usual === 0 ? 'none before' : `${Math.round(sent.usual)} in its busiest hour before`;
      this.#onRise(account, `${sent.recipients} recipients within an hour, ${before}`);
    }
    return true;
  }

  /** Looks which rises are over. To be called now and then. */
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
      sent: { since: now, messages: 0, recipients: 0, usual: 0, told: false },
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
        told: false,
      };
    }
    return account.sent;
  }
}
