/** Orders certificates for the hosts of the config, and again before they end: one order at a time, in one process. */
import { createPrivateKey, type X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { plural } from '../plural.ts';
import { AcmeClient, AcmeError } from './client.ts';
import { renewalName } from './der.ts';
import { alone, type Sharing } from './fleet-certificates.ts';
import type { AcmeOptions } from './options.ts';
import { freshKey, type OrderOptions, order } from './order.ts';
import { RenewalInformation } from './renewal-information.ts';
import { mostAsked, mostBackOff, Schedules } from './schedules.ts';
import { certificateIn, Store } from './store.ts';

export interface RenewalEvents {
  /** A new certificate is in its file. */
  readonly onCertificate: (host: string, until: Date) => void;
  /** An order failed, or a certificate is about to end. @param reason null: it is in order again */
  readonly onTrouble: (host: string, reason: string | null) => void;
  /** Something that is no order failed: the folder can't be written, say. */
  readonly onError: (error: Error) => void;
}

/** A certificate as it stands. */
export interface CertificateState {
  readonly host: string;
  /** When it ends, milliseconds since the epoch; null: there is none yet. */
  readonly notAfter: number | null;
  /** When it is ordered next, milliseconds since the epoch. */
  readonly next: number;
  /** Why the last order failed; null: it did not. */
  readonly trouble: string | null;
}

const minute = 60_000;
const hour = 60 * minute;
const day = 24 * hour;
/** After the first failure; doubled with each further one. Four orders in the first hour: Let's Encrypt takes five failed validations of a name in it. */
const firstBackOff = 5 * minute;
/** Where an authority says that there were too many orders, and not how long to wait. */
const limitedBackOff = hour;
/** Milliseconds between two looks at the schedule. */
const lookEvery = minute;
/** A certificate with less left than this is told of; of a short one less than a sixth of its life. */
const leftToTell = 14 * day;

export interface RenewalsOptions {
  readonly acme: AcmeOptions;
  readonly events: RenewalEvents;
  /** Who of a fleet orders, and how all get what was ordered. @default this gateway stands alone */
  readonly sharing?: (store: Store) => Sharing;
  /** What else is to be said of an error of a dial, as the rest of its sentence. @default nothing */
  readonly hint?: (error: Error) => string;
  /** Milliseconds since the epoch. @default the clock of the machine */
  readonly now?: () => number;
}

export class Renewals {
  #options: AcmeOptions;
  readonly #events: RenewalEvents;
  readonly #now: () => number;
  readonly #hint: (error: Error) => string;
  readonly #store: Store;
  readonly #sharing: Sharing;
  readonly #schedules: Schedules;
  readonly #information = new RenewalInformation();
  #client: AcmeClient | null = null;
  /** Hosts whose certificate is about to end, and when that was told last. */
  readonly #ending = new Map<string, number>();
  readonly #ended = new AbortController();
  #timer: NodeJS.Timeout | null = null;
  #working: Promise<void> | null = null;
  /** Another config came while an order was under way. */
  #again = false;
  /** Orders since the start, by what became of them. */
  readonly orders = { issued: 0, failed: 0 };

  constructor({ acme, events, sharing = alone, hint = () => '', now = Date.now }: RenewalsOptions) {
    this.#options = acme;
    this.#events = events;
    this.#now = now;
    this.#hint = hint;
    this.#store = new Store(acme.folder);
    this.#sharing = sharing(this.#store);
    this.#schedules = new Schedules(this.#store);
  }

  /** Begins to order. @returns when what is due has been ordered; never rejects @throws Error where the folder can't be written */
  start(): Promise<void> {
    this.#store.open();
    this.#schedules.read(this.#now());
    this.#timer = setInterval(() => this.look(), lookEvery).unref();
    this.#sharing.start(this.#options.hosts, () => {
      this.#schedules.read(this.#now());
      this.look();
    });
    return this.look();
  }

  /** Puts another config in force: other hosts, another authority; the folder stays. Certificates that are there stay. */
  replace(options: AcmeOptions): void {
    this.#options = options;
    this.#client = null;
    for (const host of this.#schedules.keep(options.hosts)) this.#events.onTrouble(host, null);
    this.#sharing.replace(options.hosts);
    this.look();
  }

  get states(): readonly CertificateState[] {
    return this.#options.hosts.map((host) => {
      const { next, trouble } = this.#schedules.of(host);
      const x509 = this.#certificate(host);
      const due = x509 === null ? next : Math.max(next, this.#renewalTime(host, x509));
      return { host, notAfter: x509 === null ? null : x509.validToDate.getTime(), next: due, trouble };
    });
  }

  /** An order under way is given up; the authority forgets it by itself. */
  async close(): Promise<void> {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#ended.abort();
    await this.#working;
    await this.#sharing.close();
  }

  /** Orders what is due now. @returns when that is done; never rejects */
  look(): Promise<void> {
    this.#again = this.#working !== null;
    if (this.#ended.signal.aborted) return Promise.resolve();
    this.#working ??= this.#work()
      .catch((error) => this.#events.onError(error as Error))
      .then(() => {
        this.#working = null;
        return this.#again ? this.look() : undefined;
      });
    return this.#working;
  }

  async #work(): Promise<void> {
    for (const host of this.#options.hosts) {
      if (this.#ended.signal.aborted || !this.#sharing.leads) return;
      const reached = !(await this.#isDue(host)) || (await this.#renew(host));
      this.#tellOfEnd(host);
      // Orders for the other hosts would wait for the same; they are tried with the next look.
      if (!reached) return;
    }
  }

  async #isDue(host: string): Promise<boolean> {
    const { next, directory } = this.#schedules.of(host);
    if (next > this.#now()) return false;
    const x509 = this.#certificate(host);
    if (x509 === null) return true;
    // The config names another authority than before: what was ordered from one for tries, no browser believes.
    if (directory !== null && directory !== this.#options.directory) return true;
    await this.#information.ask(host, x509, this.#clientOf(), this.#now());
    return this.#renewalTime(host, x509) <= this.#now();
  }

  /** As the authority suggests, or when a third of the life is left. */
  #renewalTime(host: string, x509: X509Certificate): number {
    const [from, to] = [x509.validFromDate.getTime(), x509.validToDate.getTime()];
    return this.#information.of(host, x509) ?? to - Math.floor((to - from) / 3);
  }

  /** @returns false: the authority can't be reached */
  async #renew(host: string): Promise<boolean> {
    try {
      const client = this.#clientOf();
      const { challenges } = this.#options;
      // Where one kind of proof fails, the other is tried the next time: a port may be closed outside.
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
   * An authority refuses an order that replaces what it does not know: a certificate of another authority, of another account,
   * or one that was replaced already (RFC 9773 section 5). None of that stands in the way of a new one.
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
      // It would be ordered again with every look.
      const until = x509.validToDate.toISOString();
      const why = `its new certificate, until ${until}, is due again already: compare the clock of this machine`;
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
      `no certificate could be ordered: ${trouble}; tried again in ${plural(minutes, 'minute')}`,
    );
  }

  /** Once a day. */
  #tellOfEnd(host: string): void {
    const x509 = this.#certificate(host);
    if (x509 === null) return;
    const [from, to, now] = [x509.validFromDate.getTime(), x509.validToDate.getTime(), this.#now()];
    const left = to - now;
    if (left > Math.min(leftToTell, (to - from) / 6) || now - (this.#ending.get(host) ?? 0) < day) return;
    this.#ending.set(host, now);
    const why = this.#schedules.of(host).trouble;
    this.#events.onTrouble(
      host,
      `its certificate ends in ${plural(Math.max(0, Math.floor(left / day)), 'day')}${why ? `, and no new one could be ordered: ${why}` : ''}`,
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

  /** Null: there is none, or none that can be used. */
  #certificate(host: string): X509Certificate | null {
    return certificateIn(this.#store.certificate(host));
  }
}

/** @param error what a wait may be asked for by; null: no order failed @returns milliseconds until the next order after so many failures */
export function backOff(failures: number, error: Error | null): number {
  const usual = Math.min(firstBackOff * 2 ** Math.min(failures - 1, 20), mostBackOff);
  if (!(error instanceof AcmeError)) return usual;
  const asked = error.retryAfter ?? (error.type === 'rateLimited' ? limitedBackOff : 0);
  return Math.max(usual, Math.min(asked, mostAsked));
}

/** In words that tell what to do, where the error does not. */
function whyOf(error: Error): string {
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === 'CERT_HAS_EXPIRED' || code === 'CERT_NOT_YET_VALID')
    return `${message} at the authority: compare the clock of this machine`;
  if (code === 'UNABLE_TO_VERIFY_LEAF_SIGNATURE' || code === 'SELF_SIGNED_CERT_IN_CHAIN')
    return `${message} at the authority: name those who sign for it in ca`;
  return message;
}
