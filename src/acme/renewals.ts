/** Orders certificates for the configured hosts and renews them: one order at a time, in one process. */
import { createPrivateKey, type X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { plural } from '../plural.ts';
import { AcmeFolder, certificateIn } from './acme-folder.ts';
import { AcmeClient, AcmeError } from './client.ts';
import { renewalName } from './der.ts';
import { alone, type Sharing } from './fleet-certificates.ts';
import type { AcmeOptions } from './options.ts';
import { freshKey, type OrderOptions, order } from './order.ts';
import { RenewalInformation } from './renewal-information.ts';
import { mostAsked, mostBackOff, Schedules } from './schedules.ts';

export interface RenewalEvents {
  /** Called when a new certificate has been written. */
  readonly onCertificate: (host: string, until: Date) => void;
  /** Called when an order fails, and when a certificate is about to expire. @param reason null: resolved */
  readonly onTrouble: (host: string, reason: string | null) => void;
  /** Called when something other than an order fails, such as writing the folder. */
  readonly onError: (error: Error) => void;
}

/** The current state of a host's certificate. */
export interface CertificateState {
  readonly host: string;
  /** When it expires, milliseconds since the epoch; null: there is none yet. */
  readonly notAfter: number | null;
  /** When the next order is due, milliseconds since the epoch. */
  readonly next: number;
  /** Why the last order failed; null: it did not. */
  readonly trouble: string | null;
}

const minute = 60_000;
const hour = 60 * minute;
const day = 24 * hour;
/** The back-off after the first failure, doubled with each further one: four orders in the first hour. Let's Encrypt allows five failed validations per name and hour. */
const firstBackOff = 5 * minute;
/** The back-off after a rate-limit error without a Retry-After. */
const limitedBackOff = hour;
/** Milliseconds between two checks of the schedule. */
const checkEvery = minute;
/** Report a certificate with less time left than this, or less than a sixth of its lifetime if it is short-lived. */
const reportBelow = 14 * day;

export interface RenewalsOptions {
  readonly acme: AcmeOptions;
  readonly events: RenewalEvents;
  /** Decides which gateway of a fleet orders, and shares the certificates. @default no fleet */
  readonly sharing?: (store: AcmeFolder) => Sharing;
  /** Completes the message of a connection error. @default adds nothing */
  readonly hint?: (error: Error) => string;
  /** Milliseconds since the epoch. @default the clock of the machine */
  readonly now?: () => number;
}

export class Renewals {
  #options: AcmeOptions;
  readonly #events: RenewalEvents;
  readonly #now: () => number;
  readonly #hint: (error: Error) => string;
  readonly #store: AcmeFolder;
  readonly #sharing: Sharing;
  readonly #schedules: Schedules;
  readonly #information = new RenewalInformation();
  #client: AcmeClient | null = null;
  /** Hosts whose certificate is about to expire, and when that was last reported. */
  readonly #ending = new Map<string, number>();
  readonly #ended = new AbortController();
  #timer: NodeJS.Timeout | null = null;
  #working: Promise<void> | null = null;
  /** Check again after the current order: the config or the shared state has changed. */
  #again = false;
  /** Orders since the start, by outcome. */
  readonly orders = { issued: 0, failed: 0 };

  constructor({ acme, events, sharing = alone, hint = () => '', now = Date.now }: RenewalsOptions) {
    this.#options = acme;
    this.#events = events;
    this.#now = now;
    this.#hint = hint;
    this.#store = new AcmeFolder(acme.folder);
    this.#sharing = sharing(this.#store);
    this.#schedules = new Schedules(this.#store);
  }

  /** Starts ordering. @returns resolves once due orders are done; never rejects @throws Error if the folder can't be written */
  start(): Promise<void> {
    this.#store.open();
    this.#schedules.read(this.#now());
    this.#timer = setInterval(() => this.check(), checkEvery).unref();
    this.#sharing.start(this.#options.hosts, () => {
      this.#schedules.read(this.#now());
      this.check();
    });
    return this.check();
  }

  /** Applies another config's hosts and authority. The folder stays the same, and existing certificates stay valid. */
  replace(options: AcmeOptions): void {
    this.#options = options;
    this.#client = null;
    for (const host of this.#schedules.keep(options.hosts)) this.#events.onTrouble(host, null);
    this.#sharing.replace(options.hosts);
    this.check();
  }

  get states(): readonly CertificateState[] {
    return this.#options.hosts.map((host) => {
      const { next, trouble } = this.#schedules.of(host);
      const x509 = this.#certificate(host);
      const due = x509 === null ? next : Math.max(next, this.#renewalTime(host, x509));
      return { host, notAfter: x509 === null ? null : x509.validToDate.getTime(), next: due, trouble };
    });
  }

  /** Abandons an order in progress; the authority lets it expire. */
  async close(): Promise<void> {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#ended.abort();
    await this.#working;
    await this.#sharing.close();
  }

  /** Orders what is due now. @returns resolves when done; never rejects */
  check(): Promise<void> {
    this.#again = this.#working !== null;
    if (this.#ended.signal.aborted) return Promise.resolve();
    this.#working ??= this.#work()
      .catch((error) => this.#events.onError(error as Error))
      .then(() => {
        this.#working = null;
        return this.#again ? this.check() : undefined;
      });
    return this.#working;
  }

  async #work(): Promise<void> {
    for (const host of this.#options.hosts) {
      if (this.#ended.signal.aborted || !this.#sharing.leads) return;
      const reached = !(await this.#isDue(host)) || (await this.#renew(host));
      this.#reportExpiry(host);
      // The authority is unreachable, so orders for the other hosts would time out too. They are tried at the next check.
      if (!reached) return;
    }
  }

  async #isDue(host: string): Promise<boolean> {
    const { next, directory } = this.#schedules.of(host);
    if (next > this.#now()) return false;
    const x509 = this.#certificate(host);
    if (x509 === null) return true;
    // The configured authority has changed: browsers do not trust a certificate from a staging authority, for example.
    if (directory !== null && directory !== this.#options.directory) return true;
    await this.#information.ask(host, x509, this.#clientOf(), this.#now());
    return this.#renewalTime(host, x509) <= this.#now();
  }

  /** The time that the authority suggests, or when a third of the lifetime is left. */
  #renewalTime(host: string, x509: X509Certificate): number {
    const [from, to] = [x509.validFromDate.getTime(), x509.validToDate.getTime()];
    return this.#information.of(host, x509) ?? to - Math.floor((to - from) / 3);
  }

  /** @returns false: the authority is unreachable */
  async #renew(host: string): Promise<boolean> {
    try {
      const client = this.#clientOf();
      const { challenges } = this.#options;
      // After a failure, try the other challenge type: a firewall may block one of the ports.
      const turned = this.#schedules.of(host).failures % Math.max(1, challenges.length);
      const pem = await this.#order({
        client,
        store: this.#store,
        host,
        challenges: [...challenges.slice(turned), ...challenges.slice(0, turned)],
        replaces: await this.#replaced(host, client),
        spread: () => this.#sharing.spread(),
        signal: this.#ended.signal,
      });
      this.#store.saveCertificate(host, pem);
      this.#succeeded(host);
    } catch (error) {
      if (this.#ended.signal.aborted) return false;
      this.#failed(host, error as Error);
      return error instanceof AcmeError;
    } finally {
      await this.#sharing.spread().catch((error) => this.#events.onError(error as Error));
    }
    return true;
  }

  /**
   * Retries without `replaces` if the authority refuses it, as for a certificate of another authority or account, or one that has
   * been replaced already (RFC 9773 section 5).
   */
  async #order(options: OrderOptions): Promise<string> {
    try {
      return await order(options);
    } catch (error) {
      const about = ['malformed', 'unauthorized', 'alreadyReplaced', 'conflict'];
      if (options.replaces === null || !(error instanceof AcmeError && about.includes(error.type)))
        throw error;
      return order({ ...options, replaces: null });
    }
  }

  async #replaced(host: string, client: AcmeClient): Promise<string | null> {
    const before = this.#certificate(host);
    const { renewalInfo } = await client.directory();
    return renewalInfo === undefined || before === null ? null : renewalName(before.raw);
  }

  #succeeded(host: string): void {
    this.orders.issued++;
    const { trouble, failures } = this.#schedules.of(host);
    const { directory } = this.#options;
    const x509 = this.#certificate(host)!;
    if (this.#renewalTime(host, x509) <= this.#now()) {
      // Without a back-off it would be ordered again at every check.
      const until = x509.validToDate.toISOString();
      const why = `its new certificate, valid until ${until}, is already due for renewal: check this machine's clock`;
      const next = this.#now() + backOff(failures + 1, null);
      this.#schedules.set(host, { failures: failures + 1, next, trouble: why, directory });
      this.#events.onTrouble(host, why);
      return;
    }
    this.#schedules.set(host, { failures: 0, next: 0, trouble: null, directory });
    this.#events.onCertificate(host, x509.validToDate);
    if (trouble !== null || this.#ending.delete(host)) this.#events.onTrouble(host, null);
  }

  #failed(host: string, error: Error): void {
    this.orders.failed++;
    const { failures, directory } = this.#schedules.of(host);
    const trouble = `${whyOf(error)}${this.#hint(error)}`.slice(0, 500);
    const wait = backOff(failures + 1, error);
    this.#schedules.set(host, { failures: failures + 1, next: this.#now() + wait, trouble, directory });
    const minutes = Math.ceil(wait / minute);
    this.#events.onTrouble(
      host,
      `ordering a certificate failed: ${trouble}; retrying in ${plural(minutes, 'minute')}`,
    );
  }

  /** Reports a certificate that is about to expire, once a day. */
  #reportExpiry(host: string): void {
    const x509 = this.#certificate(host);
    if (x509 === null) return;
    const [from, to, now] = [x509.validFromDate.getTime(), x509.validToDate.getTime(), this.#now()];
    const left = to - now;
    if (left > Math.min(reportBelow, (to - from) / 6) || now - (this.#ending.get(host) ?? 0) < day) return;
    this.#ending.set(host, now);
    const why = this.#schedules.of(host).trouble;
    this.#events.onTrouble(
      host,
      `its certificate expires in ${plural(Math.max(0, Math.floor(left / day)), 'day')}${why ? `, and ordering a new one failed: ${why}` : ''}`,
    );
  }

  #clientOf(): AcmeClient {
    const { directory, email, ca, externalAccount } = this.#options;
    this.#client ??= new AcmeClient({
      directory,
      email,
      externalAccount,
      ca: ca === null ? null : readFileSync(ca, 'utf8'),
      key: createPrivateKey(this.#store.accountKey(directory, email, freshKey)),
      signal: this.#ended.signal,
    });
    return this.#client;
  }

  /** Null: there is none, or it can't be used. */
  #certificate(host: string): X509Certificate | null {
    return certificateIn(this.#store.certificate(host));
  }
}

/** @param error of the order, which may ask for a wait; null: the order did not fail @returns milliseconds until the next order */
export function backOff(failures: number, error: Error | null): number {
  const usual = Math.min(firstBackOff * 2 ** Math.min(failures - 1, 20), mostBackOff);
  if (!(error instanceof AcmeError)) return usual;
  const asked = error.retryAfter ?? (error.type === 'rateLimited' ? limitedBackOff : 0);
  return Math.max(usual, Math.min(asked, mostAsked));
}

/** The error's message, with the fix where it is known. */
function whyOf(error: Error): string {
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === 'CERT_HAS_EXPIRED' || code === 'CERT_NOT_YET_VALID')
    return `${message} at the authority: check this machine's clock`;
  if (code === 'UNABLE_TO_VERIFY_LEAF_SIGNATURE' || code === 'SELF_SIGNED_CERT_IN_CHAIN')
    return `${message} at the authority: name a file with its CA in ca`;
  return message;
}
